package slack_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/slack"
	"dogwatch/bot/slack/slacktest"
	"dogwatch/internal/text"
)

// inbox is the other end of the doors: it keeps what arrives and answers as a test wishes.
type inbox struct {
	mu      sync.Mutex
	presses []bot.Press
	said    []bot.Utterance
	press   func(context.Context, bot.Press) (bot.Answer, error)
	say     func(context.Context, bot.Utterance) (bot.Answer, error)
}

func (i *inbox) Press(ctx context.Context, p bot.Press) (bot.Answer, error) {
	i.mu.Lock()
	i.presses = append(i.presses, p)
	do := i.press
	i.mu.Unlock()
	if do == nil {
		return bot.Answer{}, nil
	}
	return do(ctx, p)
}

func (i *inbox) Say(ctx context.Context, u bot.Utterance) (bot.Answer, error) {
	i.mu.Lock()
	i.said = append(i.said, u)
	do := i.say
	i.mu.Unlock()
	if do == nil {
		return bot.Answer{}, nil
	}
	return do(ctx, u)
}

// taken is how many presses and utterances came through.
func (i *inbox) taken() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.presses) + len(i.said)
}

func (i *inbox) lastPress(t *testing.T) bot.Press {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.presses) == 0 {
		t.Fatal("no press arrived")
	}
	return i.presses[len(i.presses)-1]
}

func (i *inbox) lastSaid(t *testing.T) bot.Utterance {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.said) == 0 {
		t.Fatal("nothing was said")
	}
	return i.said[len(i.said)-1]
}

// seen is a replay store of one process.
type seen struct {
	mu   sync.Mutex
	keys map[string]bool
	err  error
}

func (s *seen) first(_ context.Context, key string, _ time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false, s.err
	}
	was := s.keys[key]
	s.keys[key] = true
	return !was, nil
}

func (s *seen) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// lockedBuffer is a log that handlers write and tests read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a fake Slack, the adapter, and its doors on a real server.
type rig struct {
	fake  *slacktest.Server
	slack *slack.Slack
	inbox *inbox
	seen  *seen
	log   *lockedBuffer
	doors *httptest.Server
}

const (
	testToken  = "xoxb-canary-token-1"
	testSecret = "canary-signing-secret-2"
	testApp    = "xapp-canary-token-3"
)

func newRig(t *testing.T, change func(*slacktest.Options, *slack.Config, *slack.Deps)) *rig {
	t.Helper()
	o := slacktest.Options{Token: testToken, SigningSecret: testSecret, AppToken: testApp}
	r := &rig{inbox: &inbox{}, seen: &seen{keys: map[string]bool{}}, log: &lockedBuffer{}}
	cfg := slack.Config{TeamID: "T0WEB", AppID: "A0DOGWATCH", Token: text.NewSecret(testToken), SigningSecret: text.NewSecret(testSecret)}
	deps := slack.Deps{Seen: r.seen.first, Timeout: 2 * time.Second, Log: slog.New(slog.NewTextHandler(r.log, nil))}
	if change != nil {
		change(&o, &cfg, &deps)
	}
	fake, err := slacktest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	r.fake = fake
	cfg.APIURL = fake.APIURL()
	if deps.Now == nil {
		deps.Now = fake.Clock.Now
	}
	r.slack = open(t, cfg, deps)
	mux := http.NewServeMux()
	for path, h := range r.slack.Routes(r.inbox) {
		mux.Handle(path, h)
	}
	r.doors = httptest.NewServer(mux)
	t.Cleanup(r.doors.Close)
	fake.SetTarget(r.doors.URL)
	t.Cleanup(func() { r.keepsSecrets(t) })
	return r
}

// keepsSecrets holds for every test: nothing secret was logged.
func (r *rig) keepsSecrets(t *testing.T) {
	for _, secret := range []string{testToken, testSecret, testApp, "/hooks/", "v0="} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, r.log)
		}
	}
}

func open(t *testing.T, cfg slack.Config, deps slack.Deps) *slack.Slack {
	t.Helper()
	s, err := slack.Open(decode(cfg), deps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(cfg slack.Config) func(any) error {
	return func(v any) error {
		out, ok := v.(*slack.Config)
		if !ok {
			return errors.New("not the configuration that was asked for")
		}
		*out = cfg
		return nil
	}
}

func ctxOf(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// message is a small card with one button.
func message(key, to string) bot.Message {
	return bot.Message{
		Key: key, To: bot.Address{Platform: "slack", To: to}, Text: "P1 disk full",
		Card: &bot.Card{Version: 1, Headline: "P1 · #42 · Disk full", Status: "Triggered", State: "triggered",
			Buttons: []bot.Button{{Verb: "acknowledge", Label: "Acknowledge", Value: "opaque.mac"}}},
	}
}

// kindOf is the verdict of an error, -1 for none.
func kindOf(err error) bot.SendKind {
	var e *bot.SendError
	if errors.As(err, &e) {
		return e.Kind
	}
	return -1
}

func (r *rig) send(t *testing.T, m bot.Message) bot.Ref {
	t.Helper()
	ref, err := r.slack.Send(ctxOf(t), m)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// whisper waits for the n-th private message to a user.
func (r *rig) whisper(t *testing.T, user string, n int) slacktest.Message {
	t.Helper()
	if err := r.fake.Await(ctxOf(t), func() bool { return len(r.fake.Ephemerals(user)) >= n }); err != nil {
		t.Fatalf("%s has seen %d private messages, want %d: %v\n%s", user, len(r.fake.Ephemerals(user)), n, err, r.log)
	}
	return r.fake.Ephemerals(user)[n-1]
}
