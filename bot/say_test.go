package bot_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dogwatch/actions"
	"dogwatch/bot"
	"dogwatch/bot/bottest"
	"dogwatch/incidents"
	"dogwatch/internal/text"
)

// The whole grammar against what it does, each in the language of whoever speaks.
func TestWordsDo(t *testing.T) {
	each(t, nil, func(w *world) {
		id := w.raise(both, "db-3")
		w.card(w.slack, "U0ALICE")
		for _, c := range []struct{ platform, user, words, want, code string }{
			{"web", "bob", "", "What you can say:", "ack N"},
			{"wecom", "alice", "帮助", "您可以说：", "认领 N"},
			{"slack", "U0BOB", "list", "1 open", "P1 · #1 · Disk full on db-3"},
			{"slack", "U0BOB", "show 1", "P1 · #1", "detail: the disk is full"},
			{"slack", "U0BOB", "assign 1 @alice", "Assigned #1 to Alice Chen.", ""},
			{"slack", "U0BOB", "note 1 looking", "Noted on #1.", ""},
			{"wecom", "alice", "认领1", "已认领 #1，由您处理。", ""},
			{"slack", "U0BOB", "ack 1", "Too late: Alice Chen was first", ""},
			{"slack", "U0BOB", "snooze 1 30m", "Snoozed #1 until ", ""},
			{"slack", "U0BOB", "snooze 1 soon", "“soon” is not a time to snooze for", ""},
			{"slack", "U0BOB", "escalate 1", "Escalated #1", ""},
			{"slack", "U0BOB", "resolve 1 cleaned", "Resolved #1.", ""},
			{"slack", "U0BOB", "reopen 1", "Reopened #1.", ""},
			{"slack", "U0BOB", "show 4711", "There is no such incident.", ""},
			{"slack", "U0BOB", "approve xyz", "There is no such request.", ""},
			{"slack", "U0BOB", "run destroy", "There is no such action.", ""},
			{"slack", "U0BOB", "who", "No schedules are set up here.", ""},
			{"slack", "U0BOB", "override a @bob now +1h", "This is not set up here.", ""},
			{"slack", "U0BOB", "akc 1", "Did you mean “ack”?", "help"},
			{"slack", "U0BOB", "assign 1 @张伟", "could be several people: zhang1, zhang2", ""},
			{"slack", "U0CAROL", "ack 1", "You do not have the right", ""},
			{"slack", "U0CAROL", "list", "1 open", "#1"},
			{"slack", "U0NOBODY", "list", "belongs to nobody", ""},
		} {
			a := w.say(c.platform, c.user, c.words)
			if !strings.Contains(a.Text, c.want) || !strings.Contains(a.Code, c.code) {
				w.t.Errorf("%s says %q: %q\n%s", c.user, c.words, a.Text, a.Code)
			}
		}
		if k := w.kinds(id); !strings.HasPrefix(k, "opened page assigned note acknowledged snoozed escalated") {
			w.t.Fatalf("history: %s", k)
		}
	})
}

// A line that is delivered twice has its effect once.
func TestLineTwice(t *testing.T) {
	each(t, nil, func(w *world) {
		u := bot.Utterance{Account: account("slack", "U0BOB"), ID: "same", Text: "declare P2 Site is down", Channel: "C0OPS"}
		first, err := w.bot.Say(w.ctx, u)
		if err != nil {
			w.t.Fatal(err)
		}
		again, err := w.bot.Say(w.ctx, u)
		if err != nil || again.Text != first.Text {
			w.t.Fatalf("%+v, again %+v, %v", first, again, err)
		}
		list, _, err := w.incidents.List(w.ctx, incidents.Filter{})
		if err != nil || len(list) != 1 {
			w.t.Fatalf("%d incidents, %v", len(list), err)
		}
		if c := w.card(w.slack, "C0OPS").Message.Card; !strings.Contains(c.Headline, "Site is down") {
			w.t.Fatalf("card: %+v", c)
		}
	})
}

// Somebody is paged by hand, also when no policy would.
func TestPageByHand(t *testing.T) {
	each(t, nil, func(w *world) {
		if a := w.say("slack", "U0BOB", "page @alice the site is down"); a.Refused || !strings.Contains(a.Text, "Paging Alice Chen") {
			w.t.Fatalf("%+v", a)
		}
		if c := w.card(w.slack, "U0ALICE").Message.Card; !strings.Contains(c.Headline, "the site is down") {
			w.t.Fatalf("%+v", c)
		}
	})
}

// From Run… on the card to the approval on the same card, on every platform that has buttons.
func TestRemediationOnTheCard(t *testing.T) {
	each(t, nil, func(w *world) {
		id := w.raise(both, "db-3")
		card := w.card(w.slack, "C0OPS").Message.Card
		choose := w.press("slack", "U0BOB", button(w.t, card, "run"))
		if len(choose.Choices) != 1 || choose.Choices[0].Label != "Restart a service" {
			w.t.Fatalf("%+v", choose)
		}
		form := w.press("slack", "U0BOB", choose.Choices[0].Value).Form
		if form == nil || form.Fields[0].Name != "unit" || !form.Fields[0].Required || form.Command != "run restart unit=… for 1" {
			w.t.Fatalf("%+v", form)
		}
		send := func(id string, fields map[string]string) bot.Answer {
			return w.pressAs(bot.Press{Account: account("slack", "U0BOB"), ID: id, Value: form.Value, Fields: fields})
		}
		if a := send("bad", map[string]string{"unit": "nginx; rm -rf /"}); !a.Refused || a.Errors["unit"] == "" {
			w.t.Fatalf("%+v", a)
		}
		a := send("good", map[string]string{"unit": "nginx.service", "_reason": "hangs"})
		if again := send("good", map[string]string{"unit": "nginx.service", "_reason": "hangs"}); a.Refused || a.Text != again.Text || a.Code != "systemctl restart nginx.service" {
			w.t.Fatalf("%+v, again %+v", a, again)
		}
		w.pendingEverywhere()
		pending := w.slack.Standing("C0OPS")[0].Message.Card
		value := button(w.t, pending, "approve")
		if own := w.press("slack", "U0BOB", value); !own.Refused || !strings.Contains(own.Text, "somebody else must approve") {
			w.t.Fatalf("own approval: %+v", own)
		}
		if yes := w.press("web", "alice", button(w.t, w.web.Standing("ops")[0].Message.Card, "approve")); yes.Refused || !strings.Contains(yes.Text, "已批准") {
			w.t.Fatalf("approval: %+v", yes)
		}
		list, err := w.actions.ListForIncident(w.ctx, id)
		if err != nil || len(list) != 1 || list[0].State != actions.Approved || list[0].Reason != "hangs" {
			w.t.Fatalf("%+v %v", list, err)
		}
		w.until("the buttons to go", func() bool {
			r := w.slack.Standing("C0OPS")[0].Message.Card.Requests
			return len(r) == 1 && r[0].State == "approved" && len(r[0].Buttons) == 0
		})
		if late := w.press("slack", "U0ALICE", button(w.t, pending, "reject")); !late.Refused || !strings.Contains(late.Text, "晚了一步") {
			w.t.Fatalf("late: %+v", late)
		}
	})
}

// pendingEverywhere waits until the request stands with its argv and buttons on the card of each platform.
func (w *world) pendingEverywhere() {
	w.t.Helper()
	for _, at := range []struct {
		p  *bottest.Recorder
		to string
	}{{w.slack, "C0OPS"}, {w.web, "ops"}, {w.slack, "U0ALICE"}} {
		w.until("the request at "+at.to, func() bool {
			list := at.p.Standing(at.to)
			return len(list) == 1 && len(list[0].Message.Card.Requests) == 1
		})
		r := at.p.Standing(at.to)[0].Message.Card.Requests[0]
		if r.State != "pending" || r.Code != "systemctl restart nginx.service" || len(r.Buttons) != 2 {
			w.t.Fatalf("%s: %+v", at.to, r)
		}
	}
}

// The snooze button asks for how long.
func TestSnoozeButton(t *testing.T) {
	each(t, nil, func(w *world) {
		w.raise(both, "db-3")
		w.card(w.slack, "U0ALICE")
		a := w.press("slack", "U0BOB", button(w.t, w.card(w.slack, "C0OPS").Message.Card, "snooze"))
		if len(a.Choices) < 3 {
			w.t.Fatalf("%+v", a)
		}
		if done := w.press("slack", "U0BOB", a.Choices[1].Value); done.Refused || !strings.Contains(done.Text, "Snoozed #1 until") {
			w.t.Fatalf("%+v", done)
		}
		w.until("the card", func() bool {
			return strings.HasPrefix(w.slack.Standing("C0OPS")[0].Message.Card.Status, "Snoozed until")
		})
	})
}

var saidKey = regexp.MustCompile(`\b(?:r|reader|guest)\.say\("([a-z_]*[a-z])"`)

// Every sentence that is named in the code is in the catalogue.
func TestSentencesExist(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range saidKey.FindAllStringSubmatch(string(src), -1) {
			n++
			if text.Template(text.English, "bot."+m[1]) == "" {
				t.Errorf("%s says %s, which is nowhere", f, m[1])
			}
		}
	}
	if n < 30 {
		t.Fatalf("only %d sentences were found in the code", n)
	}
}

func TestRecorderIsAPlatform(t *testing.T) {
	for _, kind := range []string{"plain", "blind", "fixed", "once"} {
		t.Run(kind, func(t *testing.T) {
			bottest.Platform(t, func(t *testing.T) bottest.Subject {
				p := &bottest.Recorder{Name: "x", Blind: kind == "blind", Fixed: kind == "fixed", Once: kind == "once"}
				return bottest.Subject{Platform: p, Channel: bot.Address{Platform: "x", To: "c"}, Person: bot.Address{Platform: "x", To: "@p"},
					Shown: func(ref bot.Ref) string {
						for _, to := range []string{"c", "@p"} {
							for _, s := range p.Standing(to) {
								if s.Ref.ID == ref.ID && s.Message.Card != nil {
									return strings.ReplaceAll(s.Message.Card.Headline, "<", "&lt;") // as vendors keep it
								} else if s.Ref.ID == ref.ID {
									return s.Message.Text
								}
							}
						}
						return ""
					}}
			})
		})
	}
}
