package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dogwatch/actions"
	"dogwatch/bot"
	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/incidents/intake"
	"dogwatch/internal/audit"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// house is a running dogwatch: every room, and the configuration in force.
type house struct {
	file  string
	roles map[string]bool
	log   *slog.Logger
	env   func(string) (string, bool)

	config   atomic.Pointer[Config]
	reloadMu sync.Mutex
	rosterMu sync.Mutex                      // one roster at a time is made and put in force
	kept     map[string][]schedules.Override // of each schedule, as last read from the store; guarded by rosterMu
	loaded   atomic.Bool                     // whether the last reload was good
	loadedAt atomic.Int64                    // Unix seconds of the last good one
	hash     atomic.Uint32
	open     atomic.Int64 // open incidents, when they were last counted

	store     *state.Store
	incidents *incidents.Service
	engine    *escalation.Engine
	actions   *actions.Service
	overrides *schedules.Overrides
	worker    *actions.Worker // nil without the role runner
	ledger    *actions.Ledger
	audit     *audit.Writer // nil without the role core
	bot       *bot.Bot      // nil without the role core
	console   *bot.Console
	platforms map[string]*opened
	measured  map[string]*measured                 // the same platforms, as the bot uses them
	oldest    atomic.Pointer[map[string]time.Time] // waiting pages, when they were last looked for
	demo      *demo                                // nil in production
	doors     *intake.Doors
	ready     readiness
	started   time.Time
	leaving   chan struct{} // closed when a shutdown begins: streams end then
}

// build makes the rooms of a configuration on an open store. Nothing runs yet.
func build(cfg *Config, store *state.Store, h *house) error {
	h.store, h.started, h.leaving = store, time.Now(), make(chan struct{})
	h.incidents = incidents.New(store, incidents.Config{
		StaleAfter: cfg.Limits.StaleAfter.Std(), FullTexts: cfg.Limits.TextsPerIncident, MaxOpen: cfg.Limits.OpenIncidents,
	})
	h.actions = actions.New(store)
	h.overrides = schedules.NewOverrides(store)
	h.engine = escalation.New(store, h.incidents, escalation.Config{Setup: setupOf(cfg), StaleAfter: cfg.Limits.StaleAfter.Std(),
		OnError: func(err error) { h.log.Error("escalation", "error", err.Error()) }})
	doors, err := intake.New(intake.Config{
		Take: h.take, Bury: h.incidents.Bury, Note: h.noteRejected, Log: h.log,
		MaxBody: int(cfg.Limits.Body), MaxRatio: cfg.Limits.InflateRatio, ReadTimeout: cfg.Limits.ReadTimeout.Std(),
	})
	if err != nil {
		return fmt.Errorf("make doors: %w", err)
	}
	h.doors = doors
	if err := h.use(cfg); err != nil {
		return err
	}
	if err := h.firstRoster(); err != nil {
		return err
	}
	if h.roles["core"] {
		if h.audit, err = audit.New(store, audit.Config{Dir: cfg.Server.Data, Log: h.log}); err != nil {
			return err
		}
		if err := h.makeBot(cfg); err != nil {
			return err
		}
	}
	if h.roles["runner"] {
		return h.makeWorker(cfg)
	}
	return nil
}

// makeWorker opens the ledger and the runners. Without a ledger nothing may run.
func (h *house) makeWorker(cfg *Config) error {
	runners := map[string]actions.Runner{}
	for name, plugin := range runnerPlugins {
		s := cfg.Runners[name]
		tools := ""
		if h.demo != nil {
			tools = h.demo.tools
		}
		r, err := plugin.open(s.Decode, tools)
		if err != nil {
			return fmt.Errorf("open runner %s: %w", name, err)
		}
		runners[name] = r
	}
	ledger, err := actions.OpenLedger(filepath.Join(cfg.Server.Data, "ledger"))
	if err != nil {
		return err
	}
	for _, d := range ledger.Damaged() {
		h.log.Warn("the ledger was torn by a crash", "line", d)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "dogwatch"
	}
	h.ledger = ledger
	h.worker = actions.NewWorker(h.actions, actions.WorkerConfig{Name: host, Runners: runners, Ledger: ledger, Secrets: cfg.secrets(), Log: h.log})
	return nil
}

// close gives back what is held outside the rooms that run.
func (h *house) close() {
	if h.ledger != nil {
		h.ledger.Close()
	}
}

// directory is everybody, as of now.
func (h *house) directory() *schedules.Directory { return h.config.Load().directory }

// overrideByWord is the word override in chat.
func (h *house) overrideByWord(ctx context.Context, by incidents.By, schedule string, o schedules.Override) error {
	_, err := h.override(ctx, by, schedule, o)
	return err
}

// addressOf reads the first of some channels as they are configured, "slack:C0OPS".
func addressOf(channels []string) bot.Address {
	if len(channels) == 0 {
		return bot.Address{}
	}
	platform, to, _ := strings.Cut(channels[0], ":")
	return bot.Address{Platform: platform, To: to}
}

// noteRoutes tells the incidents which routes are in use, so that running ones keep their alerts when routes change.
func (h *house) noteRoutes(cfg *Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	written, err := json.Marshal(cfg.Routes)
	if err != nil {
		return err
	}
	return h.incidents.Routes(ctx, hashed(string(written)))
}

// seal is the key of approvals, from secrets that every process of this configuration has and that Redis never sees; nil
// without any.
func (c *Config) seal() []byte {
	var tokens []text.Secret
	for _, t := range c.Server.Tokens {
		tokens = append(tokens, t.Token)
	}
	if len(tokens) == 0 {
		return nil
	}
	return signedWith(tokens...)
}

// secrets are the values that are blotted out of every output. Those of platforms and runners are looked up here too, since their
// plugins may not be opened in this process; one that is not set here cannot be printed here.
func (c *Config) secrets() []string {
	for name, s := range c.Platforms {
		if plugin, ok := platformPlugins[name]; ok {
			_ = s.Decode(plugin.config())
		}
	}
	for name, s := range c.Runners {
		if plugin, ok := runnerPlugins[name]; ok {
			_ = s.Decode(plugin.config())
		}
	}
	return c.known.all()
}

// use puts a configuration in force in every room. What cannot change while running (store, listen address, limits of the
// doors) stays as it was at the start.
func (h *house) use(cfg *Config) error {
	// What may be refused comes first, so that a refusal leaves the old configuration whole.
	catalog, err := catalogOf(cfg)
	if err != nil {
		return fmt.Errorf("use actions: %w", err)
	}
	if err := h.doors.SetSources(sourcesOf(cfg)); err != nil {
		return fmt.Errorf("use sources: %w", err)
	}
	h.useRoster(cfg)
	if err := h.noteRoutes(cfg); err != nil {
		h.log.Warn("whether the routes changed is not known; running incidents may not keep their alerts", "error", err.Error())
	}
	h.actions.Use(actions.Setup{Catalog: catalog, Directory: cfg.directory, Seal: cfg.seal(), OnCall: func(schedule string, at time.Time) []string { return h.engine.Roster().OnCall(schedule, at) }})
	h.incidents.Use(cfg.directory)
	h.loaded.Store(true)
	h.loadedAt.Store(time.Now().Unix())
	return nil
}

// take is what the doors hand batches to: refused while the store would not keep them.
func (h *house) take(ctx context.Context, source string, b incidents.Batch) (int, error) {
	if err := h.ready.refusal(); err != nil {
		return 0, err
	}
	cfg := h.config.Load()
	now := time.Now()
	return h.incidents.Ingest(ctx, source, b, func(source string, r *incidents.Report) incidents.Decision { return cfg.route(source, r, now) })
}

// noteRejected raises the incident "source rejected": a sender that is turned away may be losing alerts.
func (h *house) noteRejected(ctx context.Context, source, kind string) {
	h.log.Warn("source rejected", "source", source, "reason", kind)
	cfg := h.config.Load()
	last := cfg.Routes[len(cfg.Routes)-1]
	r := incidents.Report{Status: incidents.Firing, StartsAt: time.Now(),
		Labels:      map[string]string{"alertname": "DogwatchSourceRejected", "source": source, "reason": kind},
		Annotations: map[string]string{"summary": text.Say(text.English, "serve.source_rejected", "source", source, "reason", kind)}}
	sum := sha256.Sum256([]byte("source rejected\x00" + source + "\x00" + kind))
	decision := incidents.Decision{Name: "source-rejected", GroupID: fmt.Sprintf("%x", sum), GroupKey: "source-rejected{source=" + source + "}",
		Severity: "P3", Channels: last.Channels}
	_, err := h.incidents.Ingest(ctx, "dogwatch", incidents.Batch{Reports: []incidents.Report{r}},
		func(string, *incidents.Report) incidents.Decision { return decision })
	if err != nil {
		h.log.Error("raise incident for rejected source", "source", source, "error", err.Error())
	}
}

// setupOf is the half of the escalation engine that the configuration gives.
func setupOf(cfg *Config) *escalation.Setup {
	s := &escalation.Setup{Policies: cfg.ladders, Channel: cfg.Server.Fallback, Roster: cfg.roster()}
	last := cfg.Routes[len(cfg.Routes)-1]
	s.Fallback = s.Policies[last.Policy]
	if s.Channel == "" && len(last.Channels) > 0 {
		s.Channel = last.Channels[0]
	}
	return s
}

func sourcesOf(cfg *Config) []intake.Source {
	limits := cfg.Limits.intake()
	var out []intake.Source
	for _, name := range keys(cfg.Sources) {
		s := cfg.Sources[name]
		src := intake.Source{Name: name, Type: s.Type, Decode: sourcePlugins[s.Type].decoder(limits)}
		if token := s.Token.Reveal(); token != "" {
			src.Tokens = append(src.Tokens, intake.HashToken(token))
		}
		out = append(out, src)
	}
	return out
}

// read loads and resolves the file.
func (h *house) read() (*Config, error) {
	body, err := os.ReadFile(h.file)
	if err != nil {
		return nil, Faults{{File: h.file, Line: 1, Column: 1, Message: err.Error()}}
	}
	cfg, faults := parseConfig(h.file, body)
	if len(faults) > 0 {
		return nil, faults
	}
	if faults := cfg.Resolve(h.env, os.ReadFile); len(faults) > 0 {
		return nil, faults
	}
	h.hash.Store(crc32.ChecksumIEEE(body))
	return cfg, nil
}

// reload reads the file again. A broken one changes nothing and is reported.
func (h *house) reload() error {
	h.reloadMu.Lock()
	defer h.reloadMu.Unlock()
	err := func() error {
		cfg, err := h.read()
		if err != nil {
			return err
		}
		return h.use(cfg)
	}()
	if err != nil {
		h.loaded.Store(false)
		h.log.Error("the new configuration is broken, the old one stays", "error", err.Error())
		return err
	}
	if err := h.firstRoster(); err != nil {
		h.log.Warn("overrides of new schedules cannot be read yet", "error", err.Error())
	}
	h.log.Info("configuration loaded", "file", h.file)
	return nil
}

// errNotReady is why the doors take nothing now.
var errNotReady = errors.New("the store would not keep what it takes")
