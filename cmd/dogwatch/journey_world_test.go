package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dogwatch/bot/slack/slacktest"
	"dogwatch/bot/wecom/wecomtest"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

// world is what a journey happens in: a Redis, a Slack and a WeCom that are played, and one or more running houses.
type world struct {
	*testing.T
	redis  string // URL
	clock  *worldClock
	slack  *slacktest.Server
	wecom  *wecomtest.Server
	work   string // folder of configuration, data and the actions' effects
	config string // text of the configuration, before it is filled in
	env    map[string]string
	houses []*inhabited
	log    *shared
	client *http.Client

	alerts map[string]time.Time // when each alert named so far began
	told   map[string]string    // what each person was told last
}

// inhabited is one house at work.
type inhabited struct {
	house   *house
	store   *state.Store
	address string
	cancel  context.CancelFunc
	ended   chan error
}

// worldSecrets are every secret of the world. None of them may show where secrets have no business.
func worldSecrets() map[string]string {
	return map[string]string{
		"TOKEN_ALICE": "canary-token-alice", "TOKEN_BOB": "canary-token-bob", "TOKEN_CAROL": "canary-token-carol",
		"TOKEN_VERA": "canary-token-vera", "TOKEN_NORA": "canary-token-nora", "TOKEN_WALL": "canary-token-wall",
		"PROM_TOKEN": "canary-prom-token", "SLACK_BOT_TOKEN": "xoxb-canary-slack-token", "SLACK_SIGNING_SECRET": "canary-slack-signing",
		"WECOM_ROBOT_OPS": "canary-robot-key", "WECOM_SECRET": "canary-wecom-secret", "WECOM_TOKEN": "canaryWecomToken",
		"WECOM_AES_KEY": "Q2FuYXJ5QWVzS2V5T2ZUaGVXb3JsZDMyYnl0ZXNsbyE",
	}
}

// newWorld makes a world in which no house runs yet.
func newWorld(t *testing.T) *world {
	t.Helper()
	config, err := os.ReadFile(filepath.Join("testdata", "journeys", "house.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, work: t.TempDir(), config: string(config), env: worldSecrets(), log: &shared{}, clock: &worldClock{began: time.Now()},
		client: &http.Client{Timeout: 30 * time.Second}, alerts: map[string]time.Time{}, told: map[string]string{}}
	// What an action does in the world: it says so, and leaves a line. A unit that waits goes on when it may.
	effect := "#!/bin/sh\necho \"at work on $1\"\necho \"$1\" >> " + w.work + "/effects\n" +
		"case $1 in wait*) while [ ! -e " + w.work + "/go ]; do sleep 0.02; done;; esac\n" +
		"case $1 in fail*) echo broken; exit 3;; esac\necho \"done with $1\"\n"
	if err := os.WriteFile(filepath.Join(w.work, "effect"), []byte(effect), 0o700); err != nil {
		t.Fatal(err)
	}
	w.playSlack()
	w.playWeCom()
	t.Cleanup(func() {
		for _, r := range w.houses {
			w.stop(r)
		}
		if t.Failed() {
			t.Logf("the end of the house's log:\n%s", w.log.end())
		}
	})
	return w
}

func (w *world) playSlack() {
	s, err := slacktest.New(slacktest.Options{Token: w.env["SLACK_BOT_TOKEN"], SigningSecret: w.env["SLACK_SIGNING_SECRET"], NoLimits: true,
		Users: []slacktest.User{{ID: "U0VERA", Name: "vera"}, {ID: "U0CAROL", Name: "carol", Locale: "zh-CN"}}})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(s.Close)
	w.slack = s
}

func (w *world) playWeCom() {
	s, err := wecomtest.New(wecomtest.Options{CorpID: "ww5d06fa4e1b2c3d4e", AgentID: 1000002, Secret: w.env["WECOM_SECRET"],
		Token: w.env["WECOM_TOKEN"], AESKey: w.env["WECOM_AES_KEY"], Robots: map[string]string{"ops": w.env["WECOM_ROBOT_OPS"]}, Target: "set when a house runs"})
	if err != nil {
		w.Fatal(err)
	}
	url, err := s.Listen("127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = s.Close() })
	w.wecom = s
	w.env["WECOM_URL"] = url
}

// write writes the configuration of one house and returns its file.
func (w *world) write(name string) string {
	w.Helper()
	file := filepath.Join(w.work, name+".yaml")
	text := strings.NewReplacer("DATA", filepath.Join(w.work, name), "WORK", w.work, "SLACK}", w.slack.APIURL()+"}",
		"WECOM}", w.env["WECOM_URL"]+"}", `"REDIS"`, `"`+w.redis+`"`).Replace(w.config)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return file
}

// start runs a house, listening on address, in a process of its own as far as the others can see.
func (w *world) start(name, address string) *inhabited {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &house{file: w.write(name), roles: map[string]bool{"intake": true, "core": true, "runner": true},
		log: slog.New(slog.NewJSONHandler(w.log, nil)),
		env: func(name string) (string, bool) { v, ok := w.env[name]; return v, ok }}
	cfg, err := h.read()
	if err != nil {
		w.Fatal(err)
	}
	c := state.Config{URL: w.redis, Wait: -1}
	if w.clock != nil {
		c.Clock = w.clock.Now
	}
	store, err := state.Open(ctx, c)
	if err != nil {
		w.Fatal(err)
	}
	if w.clock != nil {
		if err := store.AllowTestClock(ctx); err != nil {
			w.Fatal(err)
		}
	}
	h.ready.durable = cfg.Store.Require == "durable"
	h.ready.look(ctx, store)
	if err := build(cfg, store, h); err != nil {
		w.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		w.Fatal(err)
	}
	r := &inhabited{house: h, store: store, address: l.Addr().String(), cancel: cancel, ended: make(chan error, 1)}
	handler := h.routes()
	go func() { r.ended <- h.live(ctx, l, handler) }()
	w.houses = append(w.houses, r)
	w.reachedAt(r)
	return r
}

// reachedAt tells the chat platforms at which house to call.
func (w *world) reachedAt(r *inhabited) {
	w.slack.SetTarget("http://" + r.address)
	w.wecom.SetTarget("http://" + r.address + "/chat/wecom/callback")
}

// stop ends a house as a signal does, and waits for it.
func (w *world) stop(r *inhabited) {
	if r.cancel == nil {
		return
	}
	r.cancel()
	if err := <-r.ended; err != nil {
		w.Errorf("the house ended: %v", err)
	}
	r.house.close()
	_ = r.store.Close()
	r.cancel = nil
}

// restart ends the first house and starts it again at the same address.
func (w *world) restart() {
	w.Helper()
	old := w.houses[0]
	w.stop(old)
	w.client.CloseIdleConnections()
	w.houses = w.houses[1:]
	w.start("first", old.address)
	last := len(w.houses) - 1
	w.houses[0], w.houses[last] = w.houses[last], w.houses[0]
}

// quiet waits until all that is due has been done: no timer is due, no page waits, no card is behind.
func (w *world) quiet() bool {
	ctx := context.Background()
	r := w.houses[0]
	if r.store == nil {
		return true // another process: what it has still to do cannot be seen
	}
	for n := range r.store.Shards() {
		if _, err := r.house.engine.Tick(ctx, n); err != nil {
			return false
		}
	}
	for n := range r.store.Shards() {
		pages, err := r.store.Client().ZCard(ctx, r.store.Key(n, "pages")).Result()
		if err != nil || pages > 0 {
			return false
		}
		now, err := r.store.Now(ctx, n)
		if err != nil {
			return false
		}
		behind, err := r.store.Client().ZCount(ctx, r.store.Key(n, "dirty"), "-inf", strconv.FormatInt(now.UnixMilli(), 10)).Result()
		if err != nil || behind > 0 {
			return false
		}
	}
	return true
}

// worldClock gives the time of every script. It runs with real time, can be moved on, and can be stopped.
type worldClock struct {
	mu      sync.Mutex
	began   time.Time
	offset  time.Duration
	stopped time.Time
}

// Now is the time in this world.
func (c *worldClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped.IsZero() {
		return c.stopped
	}
	return time.Now().Add(c.offset)
}

// MoveTo moves the time on to a moment, from which it runs.
func (c *worldClock) MoveTo(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset, c.stopped = max(c.offset, time.Until(at)), time.Time{}
}

// StopAt moves the time to a moment at which it stands still.
func (c *worldClock) StopAt(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped, c.offset = at, time.Until(at)
}

// shared is a buffer that many write to.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// startHouse is a world with its own Redis, in which the first house runs.
func startHouse(t *testing.T) *world {
	t.Helper()
	url := redisOf(t) // first, so that it ends last
	w := newWorld(t)
	w.redis = url
	w.start("first", "127.0.0.1:0")
	w.clock.began = time.Now()
	return w
}

// end is what was written last.
func (s *shared) end() string {
	lines := strings.SplitAfter(s.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "")
}

func redisOf(t *testing.T) string { return redistest.Start(t).URL() }
