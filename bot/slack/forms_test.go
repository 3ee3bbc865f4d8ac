package slack_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/slack"
	"dogwatch/bot/slack/slacktest"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func runForm() *bot.Form {
	return &bot.Form{
		Title: "Run an action", Value: "form.mac", Submit: "Request", Cancel: "Cancel", Command: "run restart unit=… for 42",
		Fields: []bot.Field{
			{Name: "action", Label: "Action", Required: true, Options: []bot.Option{{Value: "restart", Label: "Restart"}, {Value: "clean", Label: "Clean"}}},
			{Name: "unit", Label: "Unit", Required: true}, {Name: "reason", Label: "Reason", Long: true},
		},
	}
}

// formRig has a message whose button opens the form.
func formRig(t *testing.T, change func(*slacktest.Options, *slack.Config, *slack.Deps)) (*rig, bot.Ref) {
	r := newRig(t, change)
	r.inbox.press = func(_ context.Context, p bot.Press) (bot.Answer, error) {
		switch {
		case p.Fields == nil:
			return bot.Answer{Form: runForm()}, nil
		case p.Fields["unit"] == "bad":
			return bot.Answer{Refused: true, Errors: map[string]string{"unit": "no such unit", "elsewhere": "and more"}}, nil
		case p.Fields["unit"] == "forbidden":
			return bot.Answer{Refused: true, Text: "You have no right to do that."}, nil
		case p.Fields["unit"] == "more":
			return bot.Answer{Form: &bot.Form{Title: "Second step", Value: "second.mac", Fields: []bot.Field{{Name: "unit", Label: "Unit"}}}}, nil
		case p.Fields["unit"] == "broken":
			return bot.Answer{}, errors.New("redis is gone")
		}
		return bot.Answer{Text: "Requested."}, nil
	}
	return r, r.send(t, message("k1", "C0OPS"))
}

func (r *rig) openForm(t *testing.T, ref bot.Ref) {
	t.Helper()
	d, err := r.fake.Click(ctxOf(t), slacktest.Click{User: "U0BOB", Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"})
	if err != nil || !d.OK() {
		t.Fatalf("click: %+v, %v", d, err)
	}
	if len(r.fake.Views("U0BOB")) != 1 {
		t.Fatalf("no modal: %s\n%+v", r.log, r.fake.Journal("views.open"))
	}
}

func (r *rig) submit(t *testing.T, unit string) slacktest.Delivery {
	t.Helper()
	d, err := r.fake.Submit(ctxOf(t), slacktest.Submit{User: "U0BOB", Values: map[string]string{"Action": "Clean", "Unit": unit}})
	if err != nil || !d.OK() {
		t.Fatalf("submit: %+v, %v", d, err)
	}
	return d
}

func TestFormRoundTrip(t *testing.T) {
	r, ref := formRig(t, nil)
	r.openForm(t, ref)
	if _, err := r.fake.Submit(ctxOf(t), slacktest.Submit{User: "U0BOB", Values: map[string]string{"Action": "Clean"}}); !errors.Is(err, slacktest.ErrRequired) {
		t.Fatalf("a required field could be left empty: %v", err)
	}
	r.submit(t, "db.service")
	p := r.inbox.lastPress(t)
	want := bot.Press{
		Account: bot.Account{Platform: "slack", Team: "T0WEB", User: "U0BOB"}, ID: p.ID, Value: "form.mac", At: ref,
		Fields: map[string]string{"action": "clean", "unit": "db.service", "reason": ""},
	}
	if !reflect.DeepEqual(p, want) || p.ID == "" {
		t.Errorf("form came as %+v, want %+v", p, want)
	}
	if got := r.whisper(t, "U0BOB", 1); got.Text != "Requested." || len(r.fake.Views("U0BOB")) != 0 {
		t.Errorf("shown %+v with %d modals open", got, len(r.fake.Views("U0BOB")))
	}
}

func TestFormAnswers(t *testing.T) {
	r, ref := formRig(t, nil)
	r.openForm(t, ref)
	r.submit(t, "bad")
	v := r.fake.Views("U0BOB")
	if want := map[string]string{"field.unit": "no such unit", "field.action": "and more"}; len(v) != 1 || !reflect.DeepEqual(v[0].Errors, want) {
		t.Fatalf("faults %+v, want %v", v, want)
	}
	r.submit(t, "more")
	if v = r.fake.Views("U0BOB"); len(v) != 1 || !strings.Contains(string(v[0].View), "Second step") || v[0].Errors != nil {
		t.Fatalf("second step: %+v", v)
	}
	r.submit(t, "forbidden")
	if p := r.inbox.lastPress(t); p.Value != "second.mac" || p.At != ref {
		t.Errorf("second step came as %+v", p)
	}
	if v = r.fake.Views("U0BOB"); len(v) != 1 || !strings.Contains(string(v[0].View), "You have no right to do that.") {
		t.Errorf("refusal: %+v", v)
	}
	if n := len(r.fake.Ephemerals("U0BOB")); n != 0 {
		t.Errorf("%d private messages besides what the modal said", n)
	}
}

// A trigger that is too old or a Slack that will not open it: the same as a line of words.
func TestFormThatDoesNotOpen(t *testing.T) {
	r, ref := formRig(t, nil)
	r.inbox.say = func(context.Context, bot.Utterance) (bot.Answer, error) { return bot.Answer{Form: runForm()}, nil }
	r.fake.Plan(slacktest.Fault{Method: "views.open", Kind: slacktest.Refuse, Error: "expired_trigger_id"})
	if _, err := r.fake.Click(ctxOf(t), slacktest.Click{User: "U0BOB", Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"}); err != nil {
		t.Fatal(err)
	}
	if got := r.whisper(t, "U0BOB", 1); !strings.Contains(got.Text, "/oncall run restart unit=… for 42") {
		t.Errorf("shown %q", got.Text)
	}
	if _, err := r.fake.Command(ctxOf(t), "U0BOB", "C0OPS", "run"); err != nil {
		t.Fatal(err)
	}
	if got := r.whisper(t, "U0BOB", 2); !strings.Contains(got.Text, "/oncall run restart unit=… for 42") {
		t.Errorf("shown %q", got.Text)
	}
	r.fake.Heal()
	if d, err := r.fake.Command(ctxOf(t), "U0BOB", "C0OPS", "run"); err != nil || len(d.Answer) != 0 || len(r.fake.Views("U0BOB")) != 1 {
		t.Errorf("a command's form: %+v, %v", d, err)
	}
}

// A form answered late closes; what is wrong with it is said in words.
func TestSlowForm(t *testing.T) {
	r, ref := formRig(t, func(_ *slacktest.Options, _ *slack.Config, d *slack.Deps) { d.Patience = 100 * time.Millisecond })
	r.openForm(t, ref)
	answer := r.inbox.press
	release := make(chan struct{})
	r.inbox.mu.Lock()
	r.inbox.press = func(ctx context.Context, p bot.Press) (bot.Answer, error) { <-release; return answer(ctx, p) }
	r.inbox.mu.Unlock()
	if d := r.submit(t, "bad"); len(d.Answer) != 0 {
		t.Fatalf("acknowledged with %s", d.Answer)
	}
	close(release)
	if got := r.whisper(t, "U0BOB", 1); got.Text != "elsewhere: and more\nunit: no such unit" {
		t.Errorf("shown %q", got.Text)
	}
}

func TestForeignModalIsLeftAlone(t *testing.T) {
	r, _ := formRig(t, nil)
	for _, view := range []string{
		`{"callback_id":"other","private_metadata":"{}"}`, `{"callback_id":"dogwatch_form","private_metadata":"not ours"}`, `{}`,
	} {
		body := fmt.Sprintf(`payload={"type":"view_submission","api_app_id":"A0DOGWATCH","team":{"id":"T0WEB"},"user":{"id":"U0BOB"},"view":%s}`, view)
		if d := r.signed(t, "/chat/slack/interactions", []byte(body), nil); d.Status != 200 || r.inbox.taken() != 0 {
			t.Errorf("%s: status %d, %d taken", view, d.Status, r.inbox.taken())
		}
	}
}
