package bot_test

import (
	"strings"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/incidents"
)

var both = routed{severity: "P1", policy: "web", channels: []string{"slack:C0OPS", "web:ops"}, show: []string{"detail", "sent_ns"}}

// A card appears wherever the route says, the person on call gets one of their own in their language, and an acknowledgement
// anywhere redraws all of them in place.
func TestCardsStandAndStayInStep(t *testing.T) {
	each(t, nil, func(w *world) {
		id := w.raise(both, "db-3")
		slack := w.card(w.slack, "C0OPS")
		w.card(w.web, "ops")
		mine := w.card(w.slack, "U0ALICE").Message.Card
		if mine.Kind != bot.PageCard || mine.Lang != "zh" || !strings.Contains(mine.Status, "请认领") {
			w.t.Fatalf("the page's card: %+v", mine)
		}
		c := slack.Message.Card
		if c.Lang != "en" || !strings.HasPrefix(c.Headline, "P1 · #") || !strings.Contains(c.Headline, "Disk full on db-3") || len(c.Facts) > 7 {
			w.t.Fatalf("the channel's card: %+v", c)
		}
		if strings.Join(c.Body, "\n") != "detail: the disk is full and fills up further" || c.Facts[len(c.Facts)-1] != (bot.Fact{Name: "sent_ns", Value: "1795000000000000000"}) {
			w.t.Fatalf("annotations: %q %v", c.Body, c.Facts)
		}
		a := w.press("slack", "U0BOB", button(w.t, c, "acknowledge"))
		if a.Refused || !strings.Contains(a.Text, "Acknowledged") {
			w.t.Fatalf("answer: %+v", a)
		}
		for _, at := range []struct{ of, to string }{{"slack", "C0OPS"}, {"slack", "U0ALICE"}, {"web", "ops"}} {
			p := w.slack
			if at.of == "web" {
				p = w.web
			}
			s := w.showsState(p, at.to, "acknowledged")
			if s.Edits == 0 || len(p.Standing(at.to)) != 1 || !strings.Contains(s.Message.Card.Status, "Bob") {
				w.t.Fatalf("%s: %+v", at.to, s)
			}
		}
		w.until("the thread", func() bool { return len(w.slack.Replies(slack.Ref)) == 1 })
		if words := w.slack.Replies(slack.Ref)[0].Message.Text; words != "Bob acknowledged" {
			w.t.Fatalf("thread: %q", words)
		}
		if k := w.kinds(id); k != "opened page acknowledged" {
			w.t.Fatalf("history: %s", k)
		}
	})
}

// Pressed on two platforms: the second learns who was first; pressed or delivered again: nothing twice.
func TestPressTwice(t *testing.T) {
	each(t, nil, func(w *world) {
		id := w.raise(both, "db-3")
		slack, web := w.card(w.slack, "C0OPS").Message.Card, w.card(w.web, "ops").Message.Card
		p := bot.Press{Account: account("slack", "U0ALICE"), ID: "same", Value: button(w.t, slack, "acknowledge")}
		first, again := w.pressAs(p), w.pressAs(p)
		if first.Text != again.Text || first.Refused {
			w.t.Fatalf("first %+v, again %+v", first, again)
		}
		late := w.press("web", "bob", button(w.t, web, "acknowledge"))
		if !late.Refused || !strings.Contains(late.Text, "Alice Chen was first") || !strings.Contains(late.Text, "acknowledged") {
			w.t.Fatalf("late: %+v", late)
		}
		if n := strings.Count(w.kinds(id), "acknowledged"); n != 1 {
			w.t.Fatalf("%d acknowledgements", n)
		}
	})
}

// Whoever is nobody here, forges, comes from elsewhere or lacks the right changes nothing.
func TestWhoMayNot(t *testing.T) {
	each(t, nil, func(w *world) {
		id := w.raise(both, "db-3")
		w.card(w.slack, "U0ALICE")
		value := button(w.t, w.card(w.slack, "C0OPS").Message.Card, "acknowledge")
		web := button(w.t, w.card(w.web, "ops").Message.Card, "acknowledge")
		guest, elsewhere := account("slack", "U0ALICE"), account("slack", "U0ALICE")
		guest.External, elsewhere.Team = true, "T0OTHER"
		for name, p := range map[string]bot.Press{
			"stranger":         {Account: account("slack", "U0NOBODY"), ID: "1", Value: value},
			"guest":            {Account: guest, ID: "2", Value: value},
			"other workspace":  {Account: elsewhere, ID: "3", Value: value},
			"viewer":           {Account: account("slack", "U0CAROL"), ID: "4", Value: value},
			"no role":          {Account: account("slack", "U0DAVE"), ID: "5", Value: value},
			"another verb":     {Account: account("slack", "U0ALICE"), ID: "6", Value: strings.Replace(value, "acknowledge", "resolve", 1)},
			"another incident": {Account: account("slack", "U0ALICE"), ID: "7", Value: strings.Replace(value, string(id), string(incidents.NewID(1)), 1)},
			"another platform": {Account: account("slack", "U0ALICE"), ID: "8", Value: web},
			"cut":              {Account: account("slack", "U0ALICE"), ID: "9", Value: value[:len(value)-1]},
			"empty":            {Account: account("slack", "U0ALICE"), ID: "10", Value: ""},
			"unknown platform": {Account: account("irc", "alice"), ID: "11", Value: value},
		} {
			if a := w.pressAs(p); !a.Refused || a.Text == "" || a.Form != nil || a.Choices != nil {
				w.t.Errorf("%s: %+v", name, a)
			}
		}
		if k := w.kinds(id); k != "opened page" {
			w.t.Fatalf("history: %s", k)
		}
	})
}

// A message that somebody deleted is posted again once, and not again and again.
func TestDeletedMessageComesBackOnce(t *testing.T) {
	each(t, nil, func(w *world) {
		r := routed{severity: "P3", channels: []string{"slack:C0OPS"}}
		id := w.raise(r, "db-3")
		first := w.card(w.slack, "C0OPS")
		by := incidents.By{Actor: incidents.Actor{Person: "bob", Via: "web"}}
		w.slack.Delete(first.Ref)
		if err := w.incidents.Assign(w.ctx, id, by, "alice"); err != nil {
			w.t.Fatal(err)
		}
		second := w.card(w.slack, "C0OPS")
		if second.Message.Key == first.Message.Key {
			w.t.Fatal("the new message has the old one's key")
		}
		w.slack.Delete(second.Ref)
		edits := len(w.slack.Calls("edit"))
		if err := w.incidents.Assign(w.ctx, id, by, "carol"); err != nil {
			w.t.Fatal(err)
		}
		w.until("another try to edit", func() bool { return len(w.slack.Calls("edit")) > edits })
		if err := w.incidents.Resolve(w.ctx, id, by, ""); err != nil {
			w.t.Fatal(err)
		}
		if s := w.showsState(w.slack, "C0OPS", "resolved"); s.Message.Key == second.Message.Key {
			w.t.Fatal("news did not make a new message")
		}
		if n := len(w.slack.Standing("C0OPS")); n != 1 {
			w.t.Fatalf("%d messages", n)
		}
	})
}

// Cards that can be changed once for each code keep theirs for news, and use the codes of presses.
func TestOneTimeCodes(t *testing.T) {
	each(t, func(w *world) {
		roster := w.engine.Roster()
		reach := *roster
		reach.Reach = func(p schedulesPerson) []string { return []string{"wecom:@" + p.WeCom} }
		w.engine.Use(&escalationSetup{Policies: w.engine.Policies(), Roster: &reach})
	}, func(w *world) {
		id := w.raise(routed{severity: "P1", policy: "web"}, "db-3")
		first := w.card(w.wecom, "@alice")
		by := incidents.By{Actor: incidents.Actor{Person: "bob", Via: "web"}}
		at := first.Ref
		at.Code = "pressed"
		w.pressAs(bot.Press{Account: account("wecom", "alice"), ID: "1", Value: button(w.t, first.Message.Card, "acknowledge"), At: at})
		w.showsState(w.wecom, "@alice", "acknowledged")
		if edits := w.wecom.Calls("edit"); edits[0].Ref.Code != "pressed" {
			w.t.Fatalf("edited with %q", edits[0].Ref.Code)
		}
		if err := w.incidents.Resolve(w.ctx, id, by, ""); err != nil {
			w.t.Fatal(err)
		}
		w.showsState(w.wecom, "@alice", "resolved")
		if edits := w.wecom.Calls("edit"); edits[len(edits)-1].Ref.Code != first.Ref.Code {
			w.t.Fatalf("edited with %q, the code of sending is %q", edits[len(edits)-1].Ref.Code, first.Ref.Code)
		}
		if err := w.incidents.Reopen(w.ctx, id, by, ""); err != nil {
			w.t.Fatal(err)
		}
		w.until("a new message, since no code is left", func() bool { return len(w.wecom.Standing("@alice")) >= 2 })
	})
}

// The first card comes within the time that is promised after the commit.
func TestFirstCardIsFast(t *testing.T) {
	each(t, nil, func(w *world) {
		w.raise(both, "warm")
		w.card(w.slack, "C0OPS")
		var worst time.Duration
		for _, g := range strings.Fields("a b c d e f g h") {
			before := len(w.web.Standing("ops"))
			begun := time.Now()
			w.raise(routed{severity: "P3", channels: []string{"web:ops"}}, g)
			w.until("the card", func() bool { return len(w.web.Standing("ops")) > before })
			calls := w.web.Calls("send")
			worst = max(worst, calls[len(calls)-1].At.Sub(begun))
		}
		w.t.Logf("slowest first card after %v", worst)
		if worst > 500*time.Millisecond {
			w.t.Fatalf("a first card took %v", worst)
		}
	})
}
