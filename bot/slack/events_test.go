package slack_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/slack"
	"dogwatch/bot/slack/slacktest"
	"dogwatch/internal/text"
)

func TestURLVerification(t *testing.T) {
	r := newRig(t, nil)
	if d := r.fake.VerifyURL(ctxOf(t), "3eZbrw1a"); d.Status != 200 || string(d.Answer) != `{"challenge":"3eZbrw1a"}` {
		t.Errorf("challenge: %d %s", d.Status, d.Answer)
	}
}

func TestMentionAndDirectMessage(t *testing.T) {
	r := newRig(t, nil)
	r.inbox.say = func(_ context.Context, u bot.Utterance) (bot.Answer, error) {
		return bot.Answer{Text: "heard " + u.Text}, nil
	}
	if got := r.fake.Mention(ctxOf(t), "U0ALICE", "C0OPS", "assign 42 @bob"); len(got) != 1 || !got[0].OK() {
		t.Fatalf("mention: %+v", got)
	}
	u := r.inbox.lastSaid(t)
	if u.Text != "assign 42 <@U0BOB>" || u.Channel != "C0OPS" || u.Account.User != "U0ALICE" || u.Account.External {
		t.Errorf("said %+v", u)
	}
	if got := r.whisper(t, "U0ALICE", 1); got.Text != "heard assign 42 &lt;@U0BOB&gt;" {
		t.Errorf("shown %q", got.Text)
	}
	if got := r.fake.Direct(ctxOf(t), "U0BOB", "who is on call?"); len(got) != 1 || !got[0].OK() {
		t.Fatalf("direct: %+v", got)
	}
	if u := r.inbox.lastSaid(t); u.Text != "who is on call?" || u.Channel != "" {
		t.Errorf("said %+v", u)
	}
	if err := r.fake.Await(ctxOf(t), func() bool { return len(r.fake.Messages("U0BOB")) == 2 }); err != nil {
		t.Fatal(err)
	}
	if got := r.fake.Messages("U0BOB")[1]; got.Text != "heard who is on call?" {
		t.Errorf("answer %+v", got)
	}
}

// The first delivery dies half way; the repeated one brings the words, and one answer comes of it.
func TestEventIsRepeatedUntilTaken(t *testing.T) {
	r := newRig(t, func(o *slacktest.Options, _ *slack.Config, _ *slack.Deps) { o.RetryAfter = []time.Duration{0, 0, 0} })
	var calls atomic.Int32
	ids := make(chan string, 9)
	r.inbox.say = func(_ context.Context, u bot.Utterance) (bot.Answer, error) {
		ids <- u.ID
		r.fake.Clock.Advance(time.Second)
		if calls.Add(1) < 3 {
			return bot.Answer{}, errors.New("not committed")
		}
		return bot.Answer{Text: "taken"}, nil
	}
	got := r.fake.Mention(ctxOf(t), "U0BOB", "C0OPS", "ack 42")
	if len(got) != 3 || got[0].Status != 503 || got[1].Status != 503 || got[2].Status != 200 {
		t.Fatalf("attempts %+v", got)
	}
	if got[2].Header.Get("X-Slack-Retry-Num") != "2" || got[2].Header.Get("X-Slack-Retry-Reason") != "http_error" {
		t.Errorf("headers %v", got[2].Header)
	}
	first := <-ids
	for range 2 {
		if id := <-ids; id != first {
			t.Errorf("repeated under %q, first %q", id, first)
		}
	}
	r.whisper(t, "U0BOB", 1)
	// Slack may deliver once more even after a 200: said again under its ID, answered no more.
	r.fake.Clock.Advance(time.Second)
	if again := r.fake.Repeat(ctxOf(t), got[2]); !again.OK() {
		t.Errorf("after a 200: %+v", again)
	}
	r.fake.Direct(ctxOf(t), "U0ALICE", "a later word") // its answer stands behind whatever the repetition caused
	if err := r.fake.Await(ctxOf(t), func() bool { return len(r.fake.Messages("U0ALICE")) == 2 }); err != nil {
		t.Fatal(err)
	}
	if n := len(r.fake.Ephemerals("U0BOB")); n != 1 {
		t.Errorf("%d answers to one event", n)
	}
}

// What is not a person's word to us is acknowledged and left alone.
func TestEventsThatAreNotForUs(t *testing.T) {
	r := newRig(t, nil)
	for name, inner := range map[string]map[string]any{
		"unknown type":   {"type": "brand_new_event_type", "foo": 1},
		"our own words":  {"type": "message", "channel_type": "im", "user": slacktest.BotUser, "bot_id": slacktest.BotID, "text": "x", "channel": "D0BOB"},
		"our own user":   {"type": "message", "channel_type": "im", "user": slacktest.BotUser, "text": "x", "channel": "D0BOB"},
		"an edit":        {"type": "message", "subtype": "message_changed", "channel_type": "im", "user": "U0BOB", "channel": "D0BOB"},
		"channel talk":   {"type": "message", "channel_type": "channel", "user": "U0BOB", "text": "x", "channel": "C0OPS"},
		"nobody's words": {"type": "app_mention", "text": "x", "channel": "C0OPS"},
	} {
		if got := r.fake.Event(ctxOf(t), inner); len(got) != 1 || got[0].Status != 200 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, body := range map[string]string{
		"other team":    `{"type":"event_callback","team_id":"T0EVIL","api_app_id":"A0DOGWATCH","event_id":"E1","event":{"type":"app_mention","user":"U0BOB","text":"ack 1","channel":"C0OPS"}}`,
		"rate limited":  `{"type":"app_rate_limited","team_id":"T0WEB","minute_rate_limited":1518467820,"api_app_id":"A0DOGWATCH"}`,
		"without an id": `{"type":"event_callback","team_id":"T0WEB","api_app_id":"A0DOGWATCH","event":{"type":"app_mention","user":"U0BOB","text":"ack 1","channel":"C0OPS"}}`,
	} {
		if d := r.signed(t, "/chat/slack/events", []byte(body), nil); d.Status != 200 {
			t.Errorf("%s: status %d", name, d.Status)
		}
	}
	if d := r.signed(t, "/chat/slack/events", []byte(`{"type":"event_callback","team_id":"T0WEB","api_app_id":"A0EVIL"}`), nil); d.Status != 401 {
		t.Errorf("other app: status %d", d.Status)
	}
	if n := r.inbox.taken(); n != 0 {
		t.Errorf("%d of them were taken", n)
	}
	// A stranger in a shared channel is heard, as somebody without rights.
	r.fake.Mention(ctxOf(t), "U0STRANGER", "C0OPS", "ack 1")
	if u := r.inbox.lastSaid(t); !u.Account.External || u.Account.Team != "T0OTHER" {
		t.Errorf("stranger %+v", u.Account)
	}
}

func TestSocketMode(t *testing.T) {
	r := newRig(t, func(_ *slacktest.Options, c *slack.Config, d *slack.Deps) {
		c.SigningSecret, c.AppToken = text.Secret{}, text.NewSecret(testApp)
		d.Patience = 200 * time.Millisecond
	})
	if doors := r.slack.Routes(r.inbox); len(doors) != 0 {
		t.Fatalf("doors without a signing secret: %v", doors)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.slack.Run(ctx, r.inbox) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	if err := r.fake.Await(ctxOf(t), func() bool { return r.fake.Sockets() == 1 }); err != nil {
		t.Fatalf("not connected: %v\n%s", err, r.log)
	}
	r.inbox.press = func(context.Context, bot.Press) (bot.Answer, error) { return bot.Answer{Text: "Acknowledged."}, nil }
	r.inbox.say = func(_ context.Context, u bot.Utterance) (bot.Answer, error) {
		return bot.Answer{Text: "heard " + u.Text}, nil
	}
	d, err := r.fake.Command(ctxOf(t), "U0BOB", "C0OPS", "list")
	if err != nil || d.EnvelopeID == "" || !strings.Contains(string(d.Answer), "heard list") {
		t.Fatalf("command: %+v, %v", d, err)
	}
	ref := r.send(t, message("k1", "C0OPS"))
	if d, err := r.fake.Click(ctxOf(t), slacktest.Click{User: "U0BOB", Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"}); err != nil || !d.OK() {
		t.Fatalf("click: %+v, %v", d, err)
	}
	if got := r.whisper(t, "U0BOB", 2); got.Text != "Acknowledged." {
		t.Errorf("shown %+v", got)
	}
	// The same envelope again: the same ID for the Inbox, no second answer.
	envelope := map[string]any{
		"envelope_id": "e-1", "type": "slash_commands", "accepts_response_payload": false,
		"payload": map[string]any{"team_id": "T0WEB", "api_app_id": "A0DOGWATCH", "user_id": "U0BOB", "channel_id": "D0BOB", "command": "/oncall", "text": "help", "trigger_id": "t1"},
	}
	for range 2 {
		if !r.fake.Envelope(ctxOf(t), "e-1", envelope) {
			t.Fatal("envelope not acknowledged")
		}
	}
	if err := r.fake.Await(ctxOf(t), func() bool { return r.inbox.taken() == 4 }); err != nil {
		t.Fatal(err)
	}
	r.fake.Disconnect("refresh_requested")
	if err := r.fake.Await(ctxOf(t), func() bool { return countMethod(r.fake, "connected") == 2 && r.fake.Sockets() == 1 }); err != nil {
		t.Fatalf("not connected again: %v\n%s", err, r.log)
	}
	if got := r.fake.Mention(ctxOf(t), "U0ALICE", "C0OPS", "who"); len(got) != 1 || !got[0].OK() {
		t.Errorf("event: %+v", got)
	}
	if u := r.inbox.lastSaid(t); u.Text != "who" {
		t.Errorf("said %+v", u)
	}
}

func countMethod(s *slacktest.Server, method string) int { return len(s.Journal(method)) }

// A refused app token ends Run with an error where it is the only way in, and waits where the doors are open.
func TestSocketModeRefused(t *testing.T) {
	r := newRig(t, func(o *slacktest.Options, c *slack.Config, _ *slack.Deps) {
		o.AppToken, c.SigningSecret, c.AppToken = "xapp-another", text.Secret{}, text.NewSecret(testApp)
	})
	if err := r.slack.Run(ctxOf(t), r.inbox); err == nil || strings.Contains(err.Error(), testApp) {
		t.Errorf("run: %v", err)
	}
	both := newRig(t, func(o *slacktest.Options, c *slack.Config, _ *slack.Deps) {
		o.AppToken, c.AppToken = "xapp-another", text.NewSecret(testApp)
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- both.slack.Run(ctx, both.inbox) }()
	if err := both.fake.Await(ctxOf(t), func() bool { return len(both.fake.Journal("apps.connections.open")) > 0 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run beside open doors: %v", err)
	}
	none := newRig(t, nil)
	if err := none.slack.Run(ctxOf(t), none.inbox); err != nil {
		t.Errorf("run without an app token: %v", err)
	}
}
