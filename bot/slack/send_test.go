package slack_test

import (
	"context"
	"encoding/json"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/slack"
	"dogwatch/bot/slack/slacktest"
	"dogwatch/internal/text"
)

var _ bot.Platform = (*slack.Slack)(nil)

func TestSendEditAndThread(t *testing.T) {
	r := newRig(t, nil)
	ref := r.send(t, message("k1", "C0OPS"))
	if ref.Platform != "slack" || ref.Channel != "C0OPS" || ref.ID == "" {
		t.Fatalf("ref %+v", ref)
	}
	call := r.fake.Journal("chat.postMessage")[0]
	for name, want := range map[string]string{
		"unfurl_links": "false", "unfurl_media": "false", "parse": "none", "link_names": "false", "text": "P1 disk full",
		"metadata": `{"event_type":"dogwatch","event_payload":{"key":"k1"}}`,
	} {
		if call.Args[name] != want {
			t.Errorf("%s = %q, want %q", name, call.Args[name], want)
		}
	}
	m := message("k1", "C0OPS")
	m.Card.Version, m.Card.Status, m.Card.Buttons = 2, "Acknowledged by Bob", nil
	again, err := r.slack.Edit(ctxOf(t), ref, m)
	if err != nil || again != ref {
		t.Fatalf("edit: %+v, %v; want %+v", again, err, ref)
	}
	note := bot.Message{Key: "k2", To: bot.Address{Platform: "slack", To: "C0OPS"}, Text: "note <!channel> & more", Thread: &ref, Mention: []string{"U0BOB"}}
	reply := r.send(t, note)
	got := r.fake.Messages("C0OPS")
	if len(got) != 2 || got[0].Updates != 1 || !strings.Contains(string(got[0].Blocks), "Acknowledged by Bob") {
		t.Fatalf("channel holds %+v", got)
	}
	if got[1].ThreadTS != ref.ID || got[1].TS != reply.ID || got[1].Text != "<@U0BOB> note &lt;!channel&gt; &amp; more" {
		t.Errorf("reply %+v", got[1])
	}
}

func TestSendToAPersonKeepsTheDirectChannel(t *testing.T) {
	r := newRig(t, nil)
	ref := r.send(t, message("k1", "U0ALICE"))
	if ref.Channel != "D0ALICE" {
		t.Fatalf("ref %+v, want the direct-message channel", ref)
	}
	if _, err := r.slack.Edit(ctxOf(t), ref, message("k1", "U0ALICE")); err != nil {
		t.Fatalf("edit in the direct-message channel: %v", err)
	}
	thread := message("k2", "U0ALICE")
	thread.Thread = &ref
	if reply := r.send(t, thread); reply.Channel != "D0ALICE" {
		t.Errorf("reply at %+v", reply)
	}
}

// What each of Slack's answers means for the message.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		fault slacktest.Fault
		want  bot.SendKind
		code  string
	}{
		{slacktest.Fault{Kind: slacktest.RateLimit, Retry: 7}, bot.RateLimited, "ratelimited"},
		{slacktest.Fault{Kind: slacktest.RateLimit}, bot.RateLimited, "http_429"},
		{slacktest.Fault{Kind: slacktest.ServerError}, bot.Unknown, "http_500"},
		{slacktest.Fault{Kind: slacktest.HTMLError}, bot.Unknown, "http_503"},
		{slacktest.Fault{Kind: slacktest.ErrorAfter}, bot.Unknown, "http_500"},
		{slacktest.Fault{Kind: slacktest.Cut}, bot.Unknown, "no_answer"},
		{slacktest.Fault{Kind: slacktest.CutAfter}, bot.Unknown, "no_answer"},
		{slacktest.Fault{Kind: slacktest.Truncate}, bot.Unknown, "no_answer"},
		{slacktest.Fault{Kind: slacktest.Empty}, bot.Unknown, "no_answer"},
		{slacktest.Fault{Kind: slacktest.Refuse, Error: "internal_error"}, bot.Unknown, "internal_error"},
		{slacktest.Fault{Kind: slacktest.Refuse, Error: "fatal_error"}, bot.Unknown, "fatal_error"},
		{slacktest.Fault{Kind: slacktest.Refuse, Error: ""}, bot.Unknown, "no_ts"},
		{slacktest.Fault{Kind: slacktest.Refuse, Error: "service_unavailable"}, bot.Retry, "service_unavailable"},
		{slacktest.Fault{Kind: slacktest.Refuse, Error: "rate_limited"}, bot.RateLimited, "rate_limited"},
		{slacktest.Fault{Kind: slacktest.Refuse, Error: "token_revoked"}, bot.Misconfigured, "token_revoked"},
		{slacktest.Fault{Kind: slacktest.Refuse, Error: "missing_scope"}, bot.Misconfigured, "missing_scope"},
		{slacktest.Fault{Kind: slacktest.Refuse, Error: "restricted_action"}, bot.Refused, "restricted_action"},
	} {
		t.Run(c.fault.Kind+" "+c.fault.Error, func(t *testing.T) {
			r := newRig(t, nil)
			r.fake.Plan(c.fault)
			_, err := r.slack.Send(ctxOf(t), message("k1", "C0OPS"))
			var e *bot.SendError
			if !asSendError(err, &e) || e.Kind != c.want || e.Code != c.code {
				t.Fatalf("got %#v, want kind %d code %s", err, c.want, c.code)
			}
			if e.RetryAfter != time.Duration(c.fault.Retry)*time.Second {
				t.Errorf("retry after %s", e.RetryAfter)
			}
			if strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "http://") {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
}

func asSendError(err error, into **bot.SendError) bool {
	e, ok := err.(*bot.SendError)
	*into = e
	return ok
}

func TestWhereAMessageCannotGo(t *testing.T) {
	r := newRig(t, nil)
	for to, code := range map[string]string{
		"C0NOWHERE": "channel_not_found", "G0SECRET": "channel_not_found", "C0OLD": "is_archived", "U0NOBODY": "channel_not_found",
	} {
		_, err := r.slack.Send(ctxOf(t), message("k1", to))
		var e *bot.SendError
		if !asSendError(err, &e) || e.Kind != bot.Refused || e.Code != code {
			t.Errorf("%s: %v, want it refused with %s", to, err, code)
		}
	}
	for _, ref := range []bot.Ref{{Channel: "C0OPS", ID: "1.000001"}, {Channel: "C0OPS"}} {
		if _, err := r.slack.Edit(ctxOf(t), ref, message("k1", "C0OPS")); kindOf(err) != bot.Gone && kindOf(err) != bot.Refused {
			t.Errorf("edit of %+v: %v", ref, err)
		}
	}
	if _, err := r.slack.Edit(ctxOf(t), bot.Ref{Channel: "C0OPS", ID: "1.000001"}, message("k1", "C0OPS")); kindOf(err) != bot.Gone {
		t.Errorf("edit of a message that is gone: %v", err)
	}
	r.fake.Plan(slacktest.Fault{Method: "chat.update", Kind: slacktest.Refuse, Error: "edit_window_closed", Times: 1})
	if _, err := r.slack.Edit(ctxOf(t), bot.Ref{Channel: "C0OPS", ID: "1.000001"}, message("k1", "C0OPS")); kindOf(err) != bot.Gone {
		t.Errorf("edit after the window: %v", err)
	}
}

// A request that never left is surely not there; one that hangs may be.
func TestNotSentAndHanging(t *testing.T) {
	r := newRig(t, func(_ *slacktest.Options, _ *slack.Config, d *slack.Deps) { d.Timeout = 200 * time.Millisecond })
	r.fake.Plan(slacktest.Fault{Kind: slacktest.HangAfter, Times: 1})
	if _, err := r.slack.Send(ctxOf(t), message("k1", "C0OPS")); kindOf(err) != bot.Unknown {
		t.Errorf("hang after the effect: %v, want Unknown", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.slack.Send(canceled, message("k2", "C0OPS")); kindOf(err) != bot.Retry {
		t.Errorf("canceled before sending: %v, want Retry", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String() + "/api/"
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, api := range []string{closed, "http://no-such-host.invalid/api/"} {
		s := open(t, slack.Config{TeamID: "T0WEB", Token: text.NewSecret(testToken), SigningSecret: text.NewSecret(testSecret), APIURL: api},
			slack.Deps{Seen: r.seen.first})
		if _, err := s.Send(ctxOf(t), message("k3", "C0OPS")); kindOf(err) != bot.Retry || strings.Contains(err.Error(), testToken) {
			t.Errorf("%s: %v, want Retry", api, err)
		}
	}
}

// K7 and K8: after a lost answer the message is found by its key and not posted twice.
func TestFindAfterALostAnswer(t *testing.T) {
	r := newRig(t, nil)
	since := r.fake.Clock.Now()
	r.fake.Plan(slacktest.Fault{Method: "chat.postMessage", Kind: slacktest.CutAfter, Times: 1})
	if _, err := r.slack.Send(ctxOf(t), message("lost", "C0OPS")); kindOf(err) != bot.Unknown {
		t.Fatalf("send: %v", err)
	}
	for range 7 {
		r.send(t, message("other", "C0OPS"))
	}
	ref, found, err := r.slack.Find(ctxOf(t), bot.Address{Platform: "slack", To: "C0OPS"}, "lost", since)
	if err != nil || !found || ref.ID != r.fake.Messages("C0OPS")[0].TS {
		t.Fatalf("find: %+v, %v, %v", ref, found, err)
	}
	if _, found, err = r.slack.Find(ctxOf(t), bot.Address{Platform: "slack", To: "C0OPS"}, "never sent", since); found || err != nil {
		t.Errorf("find of what was never sent: %v, %v", found, err)
	}
	thread := message("lost reply", "C0OPS")
	thread.Thread = &ref
	reply := r.send(t, thread)
	if got, found, err := r.slack.Find(ctxOf(t), bot.Address{To: "C0OPS"}, "lost reply", since); !found || err != nil || got.ID != reply.ID {
		t.Errorf("find of a reply: %+v, %v, %v; want %+v", got, found, err, reply)
	}
	r.send(t, message("private", "U0BOB"))
	if got, found, err := r.slack.Find(ctxOf(t), bot.Address{To: "U0BOB"}, "private", since); !found || err != nil || got.Channel != "D0BOB" {
		t.Errorf("find in direct messages: %+v, %v, %v", got, found, err)
	}
}

func TestFindSaysWhenItCannot(t *testing.T) {
	r := newRig(t, func(o *slacktest.Options, _ *slack.Config, _ *slack.Deps) {
		o.Scopes = []string{"chat:write", "users:read"}
	})
	_, found, err := r.slack.Find(ctxOf(t), bot.Address{To: "C0OPS"}, "k", r.fake.Clock.Now())
	if found || !strings.Contains(err.Error(), bot.ErrCannotFind.Error()) {
		t.Errorf("without the history scope: %v, %v", found, err)
	}
}

func TestFindReadsPagesAndTrustsOnlyUs(t *testing.T) {
	r := newRig(t, func(o *slacktest.Options, _ *slack.Config, _ *slack.Deps) { o.NoLimits = true })
	since := r.fake.Clock.Now()
	first := r.send(t, message("first", "C0OPS"))
	for range 250 {
		r.send(t, bot.Message{Key: "filler", To: bot.Address{To: "C0OPS"}, Text: "x"})
	}
	// Another app may write the same metadata into the channel; it is not our message.
	forged := r.fake.AddMessage(slacktest.Message{
		Channel: "C0OPS", User: "U0OTHER", BotID: "B0OTHER", Text: "mine",
		Metadata: json.RawMessage(`{"event_type":"dogwatch","event_payload":{"key":"first"}}`),
	})
	got, found, err := r.slack.Find(ctxOf(t), bot.Address{To: "C0OPS"}, "first", since)
	if err != nil || !found || got.ID != first.ID {
		t.Errorf("behind a page: %+v, %v, %v", got, found, err)
	}
	if _, err := r.slack.Edit(ctxOf(t), bot.Ref{Channel: "C0OPS", ID: forged.TS}, message("k", "C0OPS")); kindOf(err) != bot.Gone {
		t.Errorf("edit of somebody else's message: %v, want Gone", err)
	}
}

func TestConfig(t *testing.T) {
	good := func() slack.Config {
		return slack.Config{TeamID: "T0WEB", Token: text.NewSecret("t"), SigningSecret: text.NewSecret("s")}
	}
	deps := slack.Deps{Seen: (&seen{keys: map[string]bool{}}).first}
	for name, c := range map[string]struct {
		change func(*slack.Config)
		want   []string
	}{
		"all missing":         {func(c *slack.Config) { *c = slack.Config{} }, []string{"team_id", "token: is missing", "signing_secret: is missing"}},
		"empty token":         {func(c *slack.Config) { c.Token = text.NewSecret("") }, []string{"token: is empty"}},
		"empty secret":        {func(c *slack.Config) { c.SigningSecret = text.NewSecret(" ") }, []string{"signing_secret: is empty"}},
		"secret not resolved": {func(c *slack.Config) { c.SigningSecret = mustRef("env:X") }, []string{"signing_secret: is empty"}},
		"app id":              {func(c *slack.Config) { c.AppID = "B0" }, []string{"app_id"}},
		"api address":         {func(c *slack.Config) { c.APIURL = "ftp://x/" }, []string{"api_url"}},
		"password in address": {func(c *slack.Config) { c.APIURL = "https://u:pw@x/" }, []string{"api_url"}},
		"budget word":         {func(c *slack.Config) { c.Budget = "lots" }, []string{"budget"}},
		"budget key":          {func(c *slack.Config) { c.Budget = map[string]any{"perchannel": "1/1s"} }, []string{"perchannel: unknown key"}},
		"budget rate":         {func(c *slack.Config) { c.Budget = map[string]any{"per_channel": "0/1s"} }, []string{"per_channel"}},
		"budget burst":        {func(c *slack.Config) { c.Budget = map[string]any{"burst": 0} }, []string{"burst"}},
	} {
		cfg := good()
		c.change(&cfg)
		_, err := slack.Open(decode(cfg), deps)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pw") {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
	if _, err := slack.Open(decode(good()), slack.Deps{}); err == nil {
		t.Error("a platform without a replay store was opened")
	}
	for _, c := range []struct {
		budget any
		want   slack.Budget
	}{
		{nil, slack.Budget{Count: 1, Per: time.Second, Burst: 20}},
		{"none", slack.Budget{None: true}},
		{map[string]any{"per_channel": "5/10s", "burst": 3}, slack.Budget{Count: 5, Per: 10 * time.Second, Burst: 3}},
	} {
		cfg := good()
		cfg.Budget = c.budget
		if got := open(t, cfg, deps).Budget(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("budget %v: %+v, want %+v", c.budget, got, c.want)
		}
	}
	if b, err := json.Marshal(good()); err != nil || strings.Contains(string(b), `"t"`) {
		t.Errorf("configuration prints as %s, %v", b, err)
	}
}

func mustRef(s string) text.Secret {
	ref, err := text.ParseSecret(s)
	if err != nil {
		panic(err)
	}
	return ref
}

// BenchmarkSend is the adapter's share of the time from alert to post: rendering, one request, one answer.
func BenchmarkSend(b *testing.B) {
	fake, err := slacktest.New(slacktest.Options{NoLimits: true})
	if err != nil {
		b.Fatal(err)
	}
	defer fake.Close()
	cfg := slack.Config{TeamID: "T0WEB", Token: text.NewSecret(fake.Options().Token), SigningSecret: text.NewSecret("s"), APIURL: fake.APIURL()}
	s, err := slack.Open(decode(cfg), slack.Deps{Seen: (&seen{keys: map[string]bool{}}).first})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Send(b.Context(), message("k", "C0OPS")); err != nil {
			b.Fatal(err)
		}
	}
}
