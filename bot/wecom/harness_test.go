package wecom_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/wecom"
	"dogwatch/bot/wecom/wecomtest"
	"dogwatch/internal/text"
)

// Secrets of the tests; none may show anywhere.
const (
	corp     = "ww5d06fa4e1b2c3d4e"
	agent    = 1000007
	secret   = "canary-app-secret"
	token    = "canaryCallbackToken"
	aesKey   = "ZG9nd2F0Y2gtdGVzdC1rZXktMzItYnl0ZXMtbG9uZyE"
	robotKey = "canary-robot-key"
)

// house is the adapter at work between WeCom's fake server and an inbox.
type house struct {
	*testing.T
	fake  *wecomtest.Server
	wecom *wecom.WeCom
	desk  *desk
	url   string // of the fake
	log   *syncBuffer
	ctx   context.Context
}

// open starts everything; change may alter the fake's options before.
func open(t *testing.T, change ...func(*wecomtest.Options)) *house {
	t.Helper()
	began := time.Now()
	o := wecomtest.Options{
		Now:    func() time.Time { return began }, // it stands still but for Advance
		CorpID: corp, AgentID: agent, Secret: secret, Token: token, AESKey: aesKey, Robots: map[string]string{"ops": robotKey},
		Members: []string{"alice", "bob", "Mixed.Case"}, Target: "set below", RetryStatus: true,
	}
	for _, c := range change {
		c(&o)
	}
	fake, err := wecomtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	h := &house{T: t, fake: fake, desk: &desk{}, url: server.URL, log: &syncBuffer{}, ctx: context.Background()}
	t.Cleanup(func() { h.noSecretIn(h.log.String()) })
	h.wecom = h.start(newMemory().seen)
	return h
}

// start opens an adapter, runs it and lets the fake call it.
func (h *house) start(seen func(context.Context, string, time.Duration) (bool, error)) *wecom.WeCom {
	h.Helper()
	w, err := wecom.Open(config(h.url), wecom.Deps{
		Now: h.fake.Now, Timeout: time.Second, Seen: seen, Log: slog.New(slog.NewJSONHandler(h.log, nil)),
	})
	if err != nil {
		h.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	callback := httptest.NewServer(w.Routes(h.desk)[wecom.CallbackPath])
	h.fake.SetTarget(callback.URL + wecom.CallbackPath)
	h.Cleanup(func() {
		callback.Close()
		stop()
		if err := <-ended; err != nil {
			h.Errorf("run: %v", err)
		}
	})
	return w
}

// config decodes as cmd/dogwatch does: into a *wecom.Config with its secrets resolved.
func config(url string, change ...func(*wecom.Config)) func(any) error {
	return func(v any) error {
		c, ok := v.(*wecom.Config)
		if !ok {
			return fmt.Errorf("decode into %T", v)
		}
		*c = wecom.Config{
			CorpID: corp, AgentID: agent, Secret: text.NewSecret(secret), Token: text.NewSecret(token),
			EncodingAESKey: text.NewSecret(aesKey), APIURL: url,
			Robots: map[string]wecom.Robot{"ops": {Key: text.NewSecret(robotKey)}},
		}
		for _, f := range change {
			f(c)
		}
		return nil
	}
}

// memory remembers claims as the shared store does.
type memory struct {
	mu   sync.Mutex
	kept map[string]bool
	down error
}

func newMemory() *memory { return &memory{kept: map[string]bool{}} }

func (m *memory) seen(_ context.Context, key string, _ time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return false, m.down
	}
	first := !m.kept[key]
	m.kept[key] = true
	return first, nil
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

// desk is who sits behind the inbox: it writes down what arrives and answers as it is told.
type desk struct {
	mu      sync.Mutex
	presses []bot.Press
	lines   []bot.Utterance
	answer  func() (bot.Answer, error)
}

func (d *desk) Press(_ context.Context, p bot.Press) (bot.Answer, error) {
	d.mu.Lock()
	d.presses = append(d.presses, p)
	d.mu.Unlock()
	return d.reply()
}

func (d *desk) Say(_ context.Context, u bot.Utterance) (bot.Answer, error) {
	d.mu.Lock()
	d.lines = append(d.lines, u)
	d.mu.Unlock()
	return d.reply()
}

func (d *desk) reply() (bot.Answer, error) {
	d.mu.Lock()
	answer := d.answer
	d.mu.Unlock()
	if answer == nil {
		return bot.Answer{Text: "done"}, nil
	}
	return answer()
}

func (d *desk) answers(f func() (bot.Answer, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = f
}

func (d *desk) got() (presses []bot.Press, lines []bot.Utterance) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append(presses, d.presses...), append(lines, d.lines...)
}

// syncBuffer collects log lines from many goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var _ io.Writer = (*syncBuffer)(nil)

// until polls real state for at most five seconds.
func (h *house) until(what string, ok func() bool) {
	h.Helper()
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			h.Fatalf("not within five seconds: %s", what)
		case <-tick.C:
		}
	}
}

// page is a card for alice with two buttons.
func page(key string) bot.Message {
	return bot.Message{Key: key, To: bot.Address{Platform: "wecom", To: "@alice"}, Text: "Disk full", Card: &bot.Card{
		Kind: bot.PageCard, Severity: "P1", State: "triggered", Headline: "P1 · #42 · Disk full", Status: "Paging Alice", Lang: "en",
		Buttons: []bot.Button{{Verb: "acknowledge", Label: "Acknowledge", Value: "v.ack"}, {Verb: "resolve", Label: "Resolve", Value: "v.res"}},
	}}
}

// resolved is the same card when it is over.
func resolved(key string) bot.Message {
	m := page(key)
	m.Card.State, m.Card.Status, m.Card.Buttons = "resolved", "Resolved by Bob", nil
	return m
}

func note(to, words string) bot.Message {
	return bot.Message{Key: "note/" + words, To: bot.Address{Platform: "wecom", To: to}, Text: words}
}

func (h *house) send(m bot.Message) bot.Ref {
	h.Helper()
	ref, err := h.wecom.Send(h.ctx, m)
	if err != nil {
		h.Fatalf("send %s: %v", m.Key, err)
	}
	return ref
}

// wantKind checks a refusal, and that it tells no secret.
func (h *house) wantKind(err error, kind bot.SendKind, code string) {
	h.Helper()
	e, ok := err.(*bot.SendError)
	if !ok || e.Kind != kind || (code != "" && e.Code != code) {
		h.Errorf("got %#v (%v); want kind %d, code %s", err, err, kind, code)
	}
	h.noSecretIn(fmt.Sprintf("%v %+v %#v", err, err, err))
}

func (h *house) noSecretIn(s string) {
	h.Helper()
	for _, bad := range []string{"canary", "tok-", aesKey, "access_token=", "key="} {
		if strings.Contains(s, bad) {
			h.Errorf("%q shows in %s", bad, s)
		}
	}
}
