package kill

import (
	"testing"
	"time"

	"dogwatch/bot/slack/slacktest"
)

// raised starts a replica without a failpoint, raises one incident and returns it when its card shows a button.
func (r *replica) raised(label string) incident {
	r.w.Helper()
	if d := r.source().send(r.w.Context(), firing("Disk", "web-1")); !d.kept {
		r.w.Fatal(d.answers)
	}
	r.button(label)
	return r.incidents()[0]
}

// button waits until the channel's card shows a button.
func (r *replica) button(label string) {
	r.w.Helper()
	r.w.until(late, "the button "+label, func() bool {
		all := r.cards()
		return len(all) > 0 && shows(all[0], `"`+label+`"`)
	})
}

// press lets somebody press a button in the channel.
func (w *world) press(user, label string) slacktest.Delivery {
	w.Helper()
	d, err := w.slack.Click(w.Context(), slacktest.Click{User: user, Channel: ops, Label: label})
	if err != nil {
		w.Fatal(err)
	}
	return d
}

// K9: killed when a press is verified and nothing is done: the person sees no change, and a second press works.
func TestK9KilledWithAVerifiedPress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.replica("a")
	a.start("press_verified=kill")
	i := a.raised("Acknowledge")
	if d := w.press("U0ALICE", "Acknowledge"); d.OK() {
		t.Fatal("Slack was answered by a process that was to be killed first")
	}
	a.dies()
	a.start("")
	if got := a.incident(i.ID); got.State != "triggered" || len(got.events("acknowledged")) != 0 {
		t.Fatalf("incident is %s after a press that was lost", got.State)
	}
	a.button("Acknowledge")
	if d := w.press("U0ALICE", "Acknowledge"); !d.OK() {
		t.Fatalf("second press: status %d, %s", d.Status, d.Answer)
	}
	got := a.incident(i.ID)
	if acks := got.events("acknowledged"); got.State != "acknowledged" || len(acks) != 1 || acks[0].Actor.Person != "alice" {
		t.Fatalf("incident is %s with %d acknowledgements", got.State, len(acks))
	}
}

// K10: killed when an approval is committed and Slack has no answer: Slack's three repeats change nothing, and it runs once.
func TestK10KilledWithAnApprovalUnanswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.replica("a")
	a.start("request_decided=kill")
	i := a.raised("Acknowledge")
	q := a.ask("append", i.ID)
	a.button("Approve")
	lost := w.press("U0BOB", "Approve")
	if lost.OK() {
		t.Fatal("Slack was answered by a process that was to be killed first")
	}
	a.dies()
	a.start("")
	for range 3 {
		w.slack.Clock.Advance(4 * time.Second) // Slack repeats after three seconds, signed anew
		if d := w.slack.Repeat(t.Context(), lost); !d.OK() {
			t.Errorf("repeat: status %d, %s", d.Status, d.Answer)
		}
	}
	got := a.ends(q.ID, soon)
	if got.State != "succeeded" || len(got.Approvals) != 1 || got.Approvals[0].Person != "bob" {
		t.Fatalf("%+v", got)
	}
	if n := len(w.lines()); n != 1 || w.runs(got.RunID) != 1 {
		t.Fatalf("%d lines, want 1", n)
	}
}
