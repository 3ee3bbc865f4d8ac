package slack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/slack"
	"dogwatch/bot/slack/slacktest"
	"dogwatch/internal/text"
)

// signed posts a body that the fake would not send.
func (r *rig) signed(t *testing.T, path string, body []byte, change func(*slacktest.Delivery)) slacktest.Delivery {
	t.Helper()
	d := slacktest.Delivery{
		Kind: "forged", Path: path, ContentType: "application/x-www-form-urlencoded", Body: body,
		Header: slacktest.Sign(testSecret, body, r.fake.Clock.Now()),
	}
	if change != nil {
		change(&d)
	}
	return r.fake.Send(ctxOf(t), d)
}

func commandBody(change map[string]string) []byte {
	v := url.Values{
		"team_id": {"T0WEB"}, "api_app_id": {"A0DOGWATCH"}, "channel_id": {"C0OPS"}, "user_id": {"U0BOB"},
		"command": {"/oncall"}, "text": {"ack 42"}, "trigger_id": {"1.2.3"},
	}
	for k, x := range change {
		v.Set(k, x)
	}
	return []byte(v.Encode())
}

// Every refusal, at every door: nothing reaches the Inbox and the reason is not told.
func TestRefusalsHaveNoEffect(t *testing.T) {
	r := newRig(t, nil)
	body := commandBody(nil)
	now := r.fake.Clock.Now()
	for name, c := range map[string]struct {
		body   []byte
		change func(*slacktest.Delivery)
		status int
	}{
		"wrong secret": {body, func(d *slacktest.Delivery) { d.Header = slacktest.Sign("other", body, now) }, 401},
		"empty secret": {body, func(d *slacktest.Delivery) { d.Header = slacktest.Sign("", body, now) }, 401},
		"too old":      {body, func(d *slacktest.Delivery) { d.Header = slacktest.Sign(testSecret, body, now.Add(-6*time.Minute)) }, 401},
		"too new":      {body, func(d *slacktest.Delivery) { d.Header = slacktest.Sign(testSecret, body, now.Add(6*time.Minute)) }, 401},
		"changed body": {body, func(d *slacktest.Delivery) { d.Body = append(bytes.Clone(body), '&') }, 401},
		"no headers":   {body, func(d *slacktest.Delivery) { d.Header = http.Header{} }, 401},
		"upper case": {body, func(d *slacktest.Delivery) {
			d.Header.Set("X-Slack-Signature", "v0="+strings.ToUpper(d.Header.Get("X-Slack-Signature")[3:]))
		}, 401},
		"payload in the address": {[]byte("x=1"), func(d *slacktest.Delivery) {
			d.Path += "?payload=" + url.QueryEscape(`{"type":"block_actions","team":{"id":"T0WEB"},"user":{"id":"U0BOB"},"actions":[{"type":"button","value":"v"}]}`) + "&user_id=U0BOB&command=/oncall&team_id=T0WEB&text=ack"
		}, 400},
		"other app":       {commandBody(map[string]string{"api_app_id": "A0EVIL"}), nil, 0},
		"no app":          {commandBody(map[string]string{"api_app_id": ""}), nil, 0},
		"no user":         {commandBody(map[string]string{"user_id": ""}), nil, 400},
		"broken escaping": {[]byte("text=%zz&user_id=U0BOB;command=x"), nil, 400},
		"too large":       {bytes.Repeat([]byte("a"), 2<<20), nil, 413},
		"empty":           {nil, nil, 400},
	} {
		for _, path := range []string{"/chat/slack/commands", "/chat/slack/interactions", "/chat/slack/events"} {
			r.fake.Clock.Advance(time.Second) // the same body in the same second would be a replay
			d := r.signed(t, path, c.body, c.change)
			want := c.status
			if want == 0 { // the interactions and events doors find nothing they can read in a command's form
				want = map[bool]int{true: 401, false: 400}[path == "/chat/slack/commands"]
			}
			if d.Status != want && (want != 413 || d.Status != 0) {
				t.Errorf("%s at %s: status %d, want %d", name, path, d.Status, want)
			}
			if told := string(d.Answer); strings.Contains(told, "v0=") || len(told) > 40 {
				t.Errorf("%s at %s: answer tells %q", name, path, told)
			}
		}
	}
	resp, err := http.Get(r.doors.URL + "/chat/slack/commands")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != 405 {
		t.Errorf("GET: %d, %v", resp.StatusCode, err)
	}
	if n := r.inbox.taken(); n != 0 {
		t.Errorf("%d requests took effect", n)
	}
}

// The very same request twice: valid by its signature both times, taken once.
func TestReplayIsRefused(t *testing.T) {
	r := newRig(t, nil)
	ref := r.send(t, message("k1", "C0OPS"))
	d, err := r.fake.Click(ctxOf(t), slacktest.Click{User: "U0BOB", Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"})
	if err != nil || !d.OK() {
		t.Fatalf("click: %+v, %v", d, err)
	}
	if again := r.fake.Send(ctxOf(t), d); again.Status != 401 {
		t.Errorf("replay: status %d, want 401", again.Status)
	}
	if n := r.inbox.taken(); n != 1 {
		t.Errorf("%d presses arrived, want 1", n)
	}
}

func TestRepeatedDeliveryHasTheSameID(t *testing.T) {
	r := newRig(t, nil)
	ref := r.send(t, message("k1", "C0OPS"))
	click := slacktest.Click{User: "U0BOB", Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"}
	d, err := r.fake.Click(ctxOf(t), click)
	if err != nil {
		t.Fatal(err)
	}
	first := r.inbox.lastPress(t)
	r.fake.Clock.Advance(2 * time.Second) // another stamp, another signature
	if again := r.fake.Repeat(ctxOf(t), d); !again.OK() {
		t.Fatalf("repetition: %+v", again)
	}
	if repeated := r.inbox.lastPress(t); repeated.ID != first.ID || first.ID == "" {
		t.Errorf("repetition has ID %q, the first %q", repeated.ID, first.ID)
	}
	if _, err := r.fake.Click(ctxOf(t), click); err != nil {
		t.Fatal(err)
	}
	if second := r.inbox.lastPress(t); second.ID == first.ID || r.inbox.taken() != 3 {
		t.Errorf("a second press has the first one's ID %q (%d arrived)", second.ID, r.inbox.taken())
	}
}

func TestReplayStoreDown(t *testing.T) {
	r := newRig(t, nil)
	r.seen.fail(errors.New("no redis"))
	if d := r.signed(t, "/chat/slack/commands", commandBody(nil), nil); d.Status != 503 {
		t.Errorf("status %d, want 503", d.Status)
	}
	if n := r.inbox.taken(); n != 0 {
		t.Errorf("%d requests took effect without a replay store", n)
	}
}

func TestCommand(t *testing.T) {
	r := newRig(t, nil)
	r.inbox.say = func(context.Context, bot.Utterance) (bot.Answer, error) {
		return bot.Answer{Text: "On call <now>:", Code: "web-primary  alice", Choices: []bot.Button{{Verb: "choose", Label: "web", Value: "c1"}}}, nil
	}
	d, err := r.fake.Command(ctxOf(t), "U0ALICE", "C0OPS", "override web @bob 2h a&b <x>")
	if err != nil || !d.OK() {
		t.Fatalf("command: %+v, %v", d, err)
	}
	u := r.inbox.lastSaid(t)
	want := bot.Utterance{
		Account: bot.Account{Platform: "slack", Team: "T0WEB", User: "U0ALICE"}, ID: u.ID,
		Text: "override web <@U0BOB> 2h a&b <x>", Channel: "C0OPS", Lang: "zh-CN",
	}
	if u != want || u.ID == "" {
		t.Errorf("said %+v, want %+v", u, want)
	}
	shown := r.whisper(t, "U0ALICE", 1)
	if shown.Text != "On call &lt;now&gt;:" || !strings.Contains(string(shown.Blocks), "web-primary  alice") {
		t.Errorf("shown %+v", shown)
	}
	if len(r.fake.Messages("C0OPS")) != 0 {
		t.Error("the answer stands in the channel for everybody")
	}
	// A choice is a button of an ephemeral message: it has no place that could be edited.
	if _, err := r.fake.Click(ctxOf(t), slacktest.Click{User: "U0ALICE", Channel: "C0OPS", Label: "web"}); err != nil {
		t.Fatal(err)
	}
	if p := r.inbox.lastPress(t); p.Value != "c1" || p.At != (bot.Ref{Platform: "slack", Channel: "C0OPS"}) {
		t.Errorf("press %+v", p)
	}
	r.inbox.say = func(context.Context, bot.Utterance) (bot.Answer, error) { return bot.Answer{}, nil }
	if d, err := r.fake.Command(ctxOf(t), "U0ALICE", "", "help"); err != nil || len(d.Answer) != 0 {
		t.Errorf("silent answer: %q, %v", d.Answer, err)
	}
	if u := r.inbox.lastSaid(t); u.Channel != "" {
		t.Errorf("private command came from channel %q", u.Channel)
	}
	if d := r.signed(t, "/chat/slack/commands", []byte("token=x&ssl_check=1"), nil); !d.OK() || r.inbox.taken() != 3 {
		t.Errorf("ssl_check: %d, %d taken", d.Status, r.inbox.taken())
	}
}

func TestCommandFailure(t *testing.T) {
	r := newRig(t, nil)
	r.inbox.say = func(context.Context, bot.Utterance) (bot.Answer, error) {
		return bot.Answer{}, errors.New("redis is gone")
	}
	d, err := r.fake.Command(ctxOf(t), "U0ALICE", "C0OPS", "list")
	if err != nil || d.Status != 200 || strings.Contains(string(d.Answer), "redis") {
		t.Fatalf("%+v, %v", d, err)
	}
	if got := r.whisper(t, "U0ALICE", 1); got.Text != text.Say(text.Chinese, "slack.failed") {
		t.Errorf("shown %q", got.Text)
	}
}

// Two seconds are over: the command is acknowledged empty and the answer follows.
func TestSlowInboxAnswersLater(t *testing.T) {
	r := newRig(t, func(_ *slacktest.Options, _ *slack.Config, d *slack.Deps) { d.Patience = 50 * time.Millisecond })
	release := make(chan struct{})
	r.inbox.say = func(ctx context.Context, _ bot.Utterance) (bot.Answer, error) {
		<-release
		if ctx.Err() != nil {
			return bot.Answer{}, ctx.Err()
		}
		return bot.Answer{Text: "late but there"}, nil
	}
	d, err := r.fake.Command(ctxOf(t), "U0BOB", "C0OPS", "report")
	if err != nil || d.Status != 200 || len(d.Answer) != 0 {
		t.Fatalf("acknowledgement %+v, %v", d, err)
	}
	close(release)
	if got := r.whisper(t, "U0BOB", 1); got.Text != "late but there" {
		t.Errorf("shown %q", got.Text)
	}
}

func TestPress(t *testing.T) {
	r := newRig(t, nil)
	r.inbox.press = func(context.Context, bot.Press) (bot.Answer, error) { return bot.Answer{Text: "Acknowledged."}, nil }
	ref := r.send(t, message("k1", "C0OPS"))
	thread := message("k2", "C0OPS")
	thread.Thread = &ref
	reply := r.send(t, thread)
	for i, at := range []bot.Ref{ref, reply} {
		d, err := r.fake.Click(ctxOf(t), slacktest.Click{User: "U0BOB", Channel: "C0OPS", TS: at.ID, Label: "Acknowledge"})
		if err != nil || d.Status != 200 || len(d.Answer) != 0 {
			t.Fatalf("click: %+v, %v", d, err)
		}
		p := r.inbox.lastPress(t)
		want := bot.Press{Account: bot.Account{Platform: "slack", Team: "T0WEB", User: "U0BOB"}, ID: p.ID, Value: "opaque.mac", At: at}
		if fmt.Sprint(p) != fmt.Sprint(want) || p.Fields != nil {
			t.Errorf("press %+v, want %+v", p, want)
		}
		if got := r.whisper(t, "U0BOB", i+1); got.Text != "Acknowledged." || got.Channel != "C0OPS" {
			t.Errorf("shown %+v", got)
		}
	}
	if n := len(r.fake.Journal("response_url")); n != 2 {
		t.Errorf("%d answers by response_url, want 2", n)
	}
}

// A client that has not caught up presses a button which is no longer there; one that never was cannot be pressed.
func TestStaleClick(t *testing.T) {
	r := newRig(t, nil)
	ref := r.send(t, message("k1", "C0OPS"))
	m := message("k1", "C0OPS")
	m.Card.Version, m.Card.Buttons = 2, nil
	if _, err := r.slack.Edit(ctxOf(t), ref, m); err != nil {
		t.Fatal(err)
	}
	click := slacktest.Click{User: "U0BOB", Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"}
	if _, err := r.fake.Click(ctxOf(t), click); !errors.Is(err, slacktest.ErrNoButton) {
		t.Fatalf("a button that is gone could be pressed: %v", err)
	}
	click.Stale = true
	if d, err := r.fake.Click(ctxOf(t), click); err != nil || !d.OK() {
		t.Fatalf("stale click: %+v, %v", d, err)
	}
	if p := r.inbox.lastPress(t); p.Value != "opaque.mac" || p.At.ID != ref.ID {
		t.Errorf("press %+v", p)
	}
}

// When the response_url will not take it, the answer takes the next way; in the end it is a direct message.
func TestAnswerTakesAnotherWay(t *testing.T) {
	answers := 0
	r := newRig(t, nil)
	r.inbox.press = func(context.Context, bot.Press) (bot.Answer, error) {
		answers++
		return bot.Answer{Text: fmt.Sprintf("answer %d", answers)}, nil
	}
	ref := r.send(t, message("k1", "C0OPS"))
	d, err := r.fake.Click(ctxOf(t), slacktest.Click{User: "U0BOB", Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"})
	if err != nil {
		t.Fatal(err)
	}
	r.whisper(t, "U0BOB", 1)
	for i := 2; i <= 5; i++ { // the same press again: five uses in all
		r.fake.Clock.Advance(time.Second)
		r.fake.Repeat(ctxOf(t), d)
		r.whisper(t, "U0BOB", i)
	}
	r.fake.Clock.Advance(time.Second)
	r.fake.Repeat(ctxOf(t), d)
	if got := r.whisper(t, "U0BOB", 6); got.Text != "answer 6" || len(r.fake.Journal("chat.postEphemeral")) != 1 {
		t.Errorf("used up: %+v, journal %+v", got, r.fake.Journal("chat.postEphemeral"))
	}
	r.fake.Clock.Advance(31 * time.Minute)
	r.fake.Repeat(ctxOf(t), d)
	r.whisper(t, "U0BOB", 7)
	codes := map[string]int{}
	for _, e := range r.fake.Journal("response_url") {
		codes[e.Error]++
	}
	if codes[""] != 5 || codes["used_url"] != 1 || codes["expired_url"] != 1 {
		t.Errorf("response_url answered %v", codes)
	}
	r.fake.AddChannel(slacktest.Channel{ID: "C0OPS", Name: "ops", Members: []string{"U0ALICE"}})
	r.fake.Clock.Advance(time.Second)
	r.fake.Repeat(ctxOf(t), d)
	if err := r.fake.Await(ctxOf(t), func() bool { return len(r.fake.Messages("U0BOB")) == 1 }); err != nil {
		t.Fatalf("no direct message: %v\n%s", err, r.log)
	}
	if got := r.fake.Messages("U0BOB")[0]; got.Text != "answer 8" {
		t.Errorf("direct message %+v", got)
	}
}

// A signed payload may name any response_url; only Slack's hosts and the configured one are called.
func TestResponseURLHosts(t *testing.T) {
	r := newRig(t, nil)
	called := make(chan string, 10)
	trap := http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { called <- q.URL.Path })}
	l := listen(t)
	go func() { _ = trap.Serve(l) }()
	t.Cleanup(func() { _ = trap.Close() })
	r.inbox.say = func(context.Context, bot.Utterance) (bot.Answer, error) { return bot.Answer{Text: "secret list"}, nil }
	r.inbox.press = func(context.Context, bot.Press) (bot.Answer, error) { return bot.Answer{Text: "secret list"}, nil }
	trapped := "http://" + l.Addr().String()
	fakeHost := strings.TrimPrefix(r.fake.URL(), "http://")
	for i, address := range []string{
		trapped + "/plain", "http://hooks.slack.com@" + l.Addr().String() + "/userinfo", "http://" + fakeHost + "@" + l.Addr().String() + "/",
		"https://hooks.slack.com.evil.invalid/", "http://hooks.slack.com/", "file:///etc/passwd", "", "https://" + l.Addr().String() + "/tls",
		"HTTP://" + l.Addr().String() + "/case",
	} {
		body := url.Values{"payload": {string(mustJSON(t, map[string]any{
			"type": "block_actions", "api_app_id": "A0DOGWATCH", "team": map[string]any{"id": "T0WEB"}, "user": map[string]any{"id": "U0BOB", "team_id": "T0WEB"},
			"container":    map[string]any{"type": "message", "message_ts": fmt.Sprint(i), "channel_id": "C0OPS"},
			"response_url": address, "actions": []any{map[string]any{"type": "button", "action_id": "a", "value": "v", "action_ts": "1"}},
		}))}}
		if d := r.signed(t, "/chat/slack/interactions", []byte(body.Encode()), nil); !d.OK() {
			t.Fatalf("%s: %+v", address, d)
		}
		r.whisper(t, "U0BOB", i+1) // it arrives, by the other way
	}
	if n := len(r.fake.Journal("chat.postEphemeral")); n != 9 {
		t.Errorf("%d answers took the other way, want 9", n)
	}
	select {
	case path := <-called:
		t.Errorf("a foreign host was called at %s", path)
	default:
	}
}

func mustJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
