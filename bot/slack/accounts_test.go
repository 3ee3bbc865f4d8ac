package slack_test

import (
	"net/url"
	"strings"
	"testing"

	"dogwatch/bot"
	"dogwatch/bot/slack/slacktest"
	"dogwatch/internal/text"
)

// Guests, strangers and other workspaces.
func TestAccounts(t *testing.T) {
	r := newRig(t, nil)
	ref := r.send(t, message("k1", "C0OPS"))
	for user, want := range map[string]bot.Account{
		"U0BOB":      {Platform: "slack", Team: "T0WEB", User: "U0BOB"},
		"U0GUEST":    {Platform: "slack", Team: "T0WEB", User: "U0GUEST", External: true},
		"U0STRANGER": {Platform: "slack", Team: "T0OTHER", User: "U0STRANGER", External: true},
		"U0GONE":     {Platform: "slack", Team: "T0WEB", User: "U0GONE", External: true},
	} {
		if _, err := r.fake.Click(ctxOf(t), slacktest.Click{User: user, Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"}); err != nil {
			t.Fatal(err)
		}
		if got := r.inbox.lastPress(t).Account; got != want {
			t.Errorf("%s acts as %+v, want %+v", user, got, want)
		}
	}
	before := r.inbox.taken()
	d := r.signed(t, "/chat/slack/commands", commandBody(map[string]string{"team_id": "T0EVIL"}), nil)
	if d.Status != 200 || !strings.Contains(string(d.Answer), text.Say(text.English, "slack.foreign_workspace")) || r.inbox.taken() != before {
		t.Errorf("command of another workspace: %d %s, %d taken", d.Status, d.Answer, r.inbox.taken()-before)
	}
	press := url.Values{"payload": {`{"type":"block_actions","api_app_id":"A0DOGWATCH","team":{"id":"T0EVIL"},"user":{"id":"U0BOB","team_id":"T0WEB"},"container":{"channel_id":"C0OPS"},"actions":[{"type":"button","value":"v"}]}`}}
	if d := r.signed(t, "/chat/slack/interactions", []byte(press.Encode()), nil); d.Status != 200 || r.inbox.taken() != before {
		t.Errorf("press of another workspace: %d, %d taken", d.Status, r.inbox.taken()-before)
	}
	if got := r.whisper(t, "U0BOB", 1); !strings.Contains(got.Text, "another workspace") {
		t.Errorf("shown %q", got.Text)
	}
	if n := len(r.fake.Journal("users.info")); n != 4 {
		t.Errorf("%d look-ups for four people", n)
	}
	r.fake.Plan(slacktest.Fault{Method: "users.info", Kind: slacktest.ServerError})
	if _, err := r.fake.Click(ctxOf(t), slacktest.Click{User: "U0CAROL", Channel: "C0OPS", TS: ref.ID, Label: "Acknowledge"}); err != nil {
		t.Fatal(err)
	}
	if got := r.inbox.lastPress(t).Account; got.User != "U0CAROL" || got.External {
		t.Errorf("without a look-up: %+v", got)
	}
}
