package kill

import (
	"testing"
	"time"

	"dogwatch/bot/slack/slacktest"
)

// twoSteps is a ladder that reaches alice at once and bob after two seconds.
func twoSteps(o *options) {
	o.steps = `[{notify: ['person:alice']}, {after: 2s, notify: ['person:bob']}]`
}

// K5: killed just before and just after a due timer takes effect, at the first step and at the second: every step is taken once,
// and soon after the restart.
func TestK5KilledAroundADueTimer(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"timer_due=kill", "timer_due=kill@2", "timer_fired=kill", "timer_fired=kill@2"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, twoSteps)
			a := w.replica("a")
			a.start(place)
			a.source().sending(t.Context(), firing("Disk", "web-1"))
			a.dies()
			a.start("")
			up := time.Now()
			var i incident
			w.until(late, "both steps to be paged", func() bool {
				i = a.incidents()[0]
				return len(sent(i)) == 2
			})
			pages := i.events("page")
			if len(pages) != 2 || pages[0].Data.Person != "alice" || pages[1].Data.Person != "bob" {
				t.Fatalf("pages %+v, want one to alice and one to bob", pages)
			}
			if wait := pages[1].At.Sub(pages[0].At); wait < 2*time.Second {
				t.Errorf("the second step came %v after the first, want 2s at least", wait)
			}
			for _, p := range pages {
				if late := p.At.Sub(up); late > 5*time.Second {
					t.Errorf("step %d was taken %v after the restart", p.Data.Step, late)
				}
			}
			for _, user := range []string{"U0ALICE", "U0BOB"} {
				if n := len(w.slack.Messages(user)); n != 1 {
					t.Errorf("%s got %d messages, want 1", user, n)
				}
			}
		})
	}
}

// late is what guarantee B allows after a restart, and a little for looking.
const late = 32 * time.Second

// sent are the pages that arrived.
func sent(i incident) (out []event) {
	for _, p := range i.events("page") {
		if p.Data.State == "sent" {
			out = append(out, p)
		}
	}
	return out
}

// K6: killed with a claimed page in its hands: another replica sends it when the lease has ended.
func TestK6KilledWithAClaimedPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.replica("a"), w.replica("b")
	a.start("page_claimed=kill")
	a.source().sending(t.Context(), firing("Disk", "web-1"))
	a.dies()
	b.start("")
	began := time.Now()
	w.until(late, "the other replica to send the page", func() bool { return len(w.slack.Messages("U0ALICE")) > 0 })
	if late := time.Since(began); late > 30*time.Second {
		t.Errorf("the page came %v late", late)
	}
	w.until(soon, "the page to be settled", func() bool { return len(sent(b.incidents()[0])) == 1 })
	if n := len(w.slack.Messages("U0ALICE")); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

// K7: the message has arrived and its answer has not, when the process is killed: it is looked up before it is sent again.
func TestK7KilledWaitingForThePlatform(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]string{"card": ops, "page": "U0ALICE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.replica("a")
			a.start("")
			w.slack.Plan(slacktest.Fault{Method: "chat.postMessage", Channel: place, Kind: slacktest.HangAfter})
			if d := a.source().send(t.Context(), firing("Disk", "web-1")); !d.kept {
				t.Fatal(d.answers)
			}
			w.until(soon, "the message to arrive", func() bool { return len(w.slack.Messages(place)) == 1 })
			a.kill()
			w.slack.Heal()
			a.start("")
			a.settled(place)
			if n := len(cards(w.slack.Messages(place))); n != 1 {
				t.Errorf("%d messages, want the one that had arrived", n)
			}
		})
	}
}

// settled waits until the only incident's page is sent and a message at a place shows that it was acknowledged.
func (r *replica) settled(place string) {
	r.w.Helper()
	var i incident
	r.w.until(late, "the page to be settled", func() bool { i = r.incidents()[0]; return len(sent(i)) == 1 })
	r.must(asked{person: "bob", method: "POST", path: "incidents/" + i.ID + "/acknowledge", body: map[string]any{}})
	r.w.until(late, "the message to show who acknowledged", func() bool {
		for _, m := range cards(r.w.slack.Messages(place)) {
			if shows(m, "Bob") {
				return true
			}
		}
		return false
	})
}

// K8: the platform has answered and nothing of it is kept, when the process is killed.
func TestK8KilledBeforeTheMessageIsKept(t *testing.T) {
	t.Parallel()
	for place, channel := range map[string]string{"card_sent_before_record": ops, "page_sent_before_record": "U0ALICE"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.replica("a")
			a.start(place + "=kill")
			a.source().sending(t.Context(), firing("Disk", "web-1"))
			a.dies()
			a.start("")
			a.settled(channel)
			if n := len(cards(w.slack.Messages(channel))); n != 1 {
				t.Errorf("%d messages, want 1: Slack can be asked", n)
			}
		})
	}
}

// K8: the card of a page is kept, the page is not settled when the process is killed; before the page comes again, its card is
// redrawn and has another name. It is not sent once more.
func TestK8KilledBeforeThePageIsSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.replica("a")
	a.start("page_stands=kill")
	a.source().sending(t.Context(), firing("Disk", "web-1"))
	a.dies()
	a.start("")
	if d := a.source().send(t.Context(), firing("Disk", "web-2")); !d.kept {
		t.Fatal(d.answers)
	}
	w.until(late, "the card of the page to be redrawn", func() bool {
		all := cards(w.slack.Messages("U0ALICE"))
		return len(all) > 0 && all[0].Updates > 0
	})
	a.settled("U0ALICE")
	if n := len(cards(w.slack.Messages("U0ALICE"))); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

// K8 on WeCom, which cannot be asked what has arrived: at most one message more for the crash.
func TestK8KilledBeforeWeComsAnswerIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *options) { o.steps = `[{notify: ['person:carol']}]` })
	a := w.replica("a")
	a.start("page_sent_before_record=kill")
	a.source().sending(t.Context(), firing("Disk", "web-1"))
	a.dies()
	if n := len(w.wecom.Messages("@carol")); n != 1 {
		t.Fatalf("%d messages before the crash, want 1", n)
	}
	a.start("")
	w.until(late, "the page to be settled", func() bool { return len(sent(a.incidents()[0])) == 1 })
	if n := len(w.wecom.Messages("@carol")); n > 2 {
		t.Errorf("%d messages, want at most one more than one", n)
	}
}
