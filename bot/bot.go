package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"dogwatch/actions"
	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// Config is what a bot is made of. Store, Incidents and Directory are needed; the rest has a meaning when it is missing.
type Config struct {
	Store     *state.Store
	Incidents *incidents.Service
	// Escalation gives the pages to deliver and answers who is on call; nil: there are neither.
	Escalation *escalation.Engine
	// Actions are requests and approvals; nil: nothing can be run.
	Actions *actions.Service
	// Directory is everybody, as the configuration in use has them. It is asked each time, so a reload counts at once.
	Directory func() *schedules.Directory
	// Override keeps an override of a schedule that somebody asked for; nil: the word override is not known.
	Override func(ctx context.Context, by incidents.By, schedule string, o schedules.Override) error

	// Platforms by name ("slack"). A platform may also be a Budgeter and Threaded.
	Platforms map[string]Platform
	// Keys are the secrets from which each platform's buttons are signed, at least 16 bytes. A platform without one is refused.
	Keys map[string][]byte
	// Teams are the workspaces whose accounts count, by platform; a platform that is not named accepts what its adapter verified.
	Teams map[string]string

	// ChannelLanguage and ChannelZone are for places that are nobody's; English and UTC if missing.
	ChannelLanguage text.Lang
	ChannelZone     *time.Location
	// Console is the address of the console, for links; "" for none.
	Console string
	// Fallback is told what could not be said where it belonged; the zero Address: nobody is.
	Fallback Address
	// DeclarePolicy and DeclareChannels are of incidents that people declare in words.
	DeclarePolicy   string
	DeclareChannels []string

	// Lease is how long a replica may take for one incident's cards before another does it. Default 20s.
	Lease time.Duration
	// Pace is the least time between two changes of one card that are no news. Default 2s.
	Pace time.Duration
	// SendTimeout bounds one call of a platform. Default 10s.
	SendTimeout time.Duration
	// Elsewhere is how long a P0 or P1 page may wait for its platform before the person is told elsewhere. Default 60s.
	Elsewhere time.Duration
	// Slots is how many incidents of a shard are drawn at once. Default 8.
	Slots int
	Log   *slog.Logger
}

func (c Config) withDefaults() Config {
	for _, f := range []struct {
		v *time.Duration
		d time.Duration
	}{{&c.Lease, 20 * time.Second}, {&c.Pace, 2 * time.Second}, {&c.SendTimeout, 10 * time.Second}, {&c.Elsewhere, time.Minute}} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	if c.Slots <= 0 {
		c.Slots = 8
	}
	if c.ChannelLanguage == "" {
		c.ChannelLanguage = text.English
	}
	if c.ChannelZone == nil {
		c.ChannelZone = time.UTC
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Bot shows incidents on platforms and takes what people do there. It is an Inbox. Any number of replicas may run on one Redis.
type Bot struct {
	cfg      Config
	keys     keys
	gates    map[string]*gate
	signers  map[string]signer
	budgets  *budgets
	words    *words
	desk     *desk
	drawers  []*drawer
	Counters Counters
}

var _ Inbox = (*Bot)(nil)

// New makes a bot and reports every fault of its configuration at once.
func New(cfg Config) (*Bot, error) {
	cfg = cfg.withDefaults()
	var faults []error
	if cfg.Store == nil || cfg.Incidents == nil || cfg.Directory == nil {
		return nil, errors.New("make bot: store, incidents and directory are needed")
	}
	b := &Bot{cfg: cfg, keys: keys{cfg.Store}, gates: map[string]*gate{}, signers: map[string]signer{}}
	for _, name := range slices.Sorted(maps.Keys(cfg.Platforms)) {
		s, err := newSigner(name, cfg.Keys[name])
		if err != nil {
			faults = append(faults, fmt.Errorf("make bot: platform %s: %w", name, err))
		}
		b.signers[name] = s
		b.gates[name] = &gate{platform: cfg.Platforms[name]}
	}
	var err error
	if b.words, err = newWords(grammar); err != nil {
		faults = append(faults, err)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	b.budgets = &budgets{store: cfg.Store, keys: b.keys, of: cfg.Platforms, held: map[Address]time.Time{}}
	b.desk = newDesk(b)
	for n := range cfg.Store.Shards() {
		b.drawers = append(b.drawers, newDrawer(b, n))
	}
	return b, nil
}

// Run draws cards and delivers pages until ctx ends, and returns when all that it began has ended.
func (b *Bot) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for n, d := range b.drawers {
		pages := make(chan struct{}, 1)
		pages <- struct{}{}
		wg.Go(func() { d.run(ctx) })
		if b.cfg.Escalation != nil {
			wg.Go(func() { b.desk.collect(ctx, n, pages) })
		}
		wg.Go(func() {
			b.cfg.Store.Follow(ctx, n, func(list []state.Change) {
				if ctx.Err() != nil {
					return
				}
				if slices.ContainsFunc(list, func(c state.Change) bool { return c.Kind == "page" }) {
					poke(pages)
				}
				d.changed(ctx, list)
			}, func() { poke(pages); d.nudge() })
		})
	}
	wg.Wait()
	for _, d := range b.drawers {
		d.work.Wait()
	}
	b.desk.close()
	return nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
