package kill

import (
	"syscall"
	"testing"
	"time"
)

// K18: a holder is stopped with a message sent and not kept; another replica takes over when the lease ends; what the woken
// one says does not count, and nothing stands twice.
func TestK18StoppedHolderOfAMessage(t *testing.T) {
	t.Parallel()
	for place, channel := range map[string]string{"card_sent_before_record": ops, "page_sent_before_record": "U0ALICE"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, b := w.replica("a"), w.replica("b")
			a.start(place + "=stop")
			a.source().sending(t.Context(), firing("Disk", "web-1"))
			a.halts()
			began := time.Now()
			b.start("")
			b.settled(channel)
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("the other replica took over after %v", took)
			}
			a.signal(syscall.SIGCONT)
			// It is told that another holds the lease, or finds its own time to write over and does not try.
			w.until(soon, "the woken holder to give up", func() bool { return a.logs("held by another") || a.logs("i/o timeout") })
			if d := b.source().send(t.Context(), firing("Disk", "web-2")); !d.kept {
				t.Fatal(d.answers)
			}
			if n := len(cards(w.slack.Messages(channel))); n != 1 {
				t.Errorf("%d messages, want 1", n)
			}
			if pages := b.incidents()[0].events("page"); len(pages) != 1 || pages[0].Data.State != "sent" {
				t.Errorf("pages %+v, want one that was sent", pages)
			}
		})
	}
}

// K18: a holder is stopped before it has sent anything; it must not send when it wakes.
func TestK18StoppedBeforeSending(t *testing.T) {
	t.Parallel()
	for place, channel := range map[string]string{"cards_claimed": ops, "page_claimed": "U0ALICE"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, b := w.replica("a"), w.replica("b")
			a.start(place + "=stop")
			a.source().sending(t.Context(), firing("Disk", "web-1"))
			a.halts()
			b.start("")
			b.settled(channel)
			a.signal(syscall.SIGCONT)
			w.until(soon, "the woken one to work again", func() bool { return a.ready() == 200 })
			b.must(asked{person: "alice", method: "POST", path: "incidents/1/notes", body: map[string]any{"text": "still here"}})
			w.until(soon, "the note in the history", func() bool { return len(b.incidents()[0].events("note")) == 1 })
			if n := len(cards(w.slack.Messages(channel))); n != 1 {
				t.Errorf("%d messages, want 1", n)
			}
		})
	}
}

// K18: the worker that holds a run is stopped for longer than its lease: others say unknown, nobody runs it again, and the woken one
// stops the command and changes nothing.
func TestK18StoppedWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold()
	a, b := w.replica("a"), w.replica("b")
	a.start("")
	q := a.approved("hold", "")
	w.until(soon, "the command to run", func() bool { return len(w.lines()) == 1 })
	a.signal(syscall.SIGSTOP)
	began := time.Now()
	b.start("")
	got := b.ends(q.ID, 50*time.Second)
	if got.State != "unknown" || got.Outcome != "why_lost" {
		t.Errorf("%+v", got)
	}
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("given up after %v", took)
	}
	a.signal(syscall.SIGCONT)
	w.until(soon, "the command to be gone", func() bool { return !w.lives() })
	w.until(soon, "the woken worker to know", func() bool { return a.logs("given up by others") })
	next := b.approved("append", "")
	if end := b.ends(next.ID, soon); end.State != "succeeded" {
		t.Errorf("%+v", end)
	}
	if now := b.request(q.ID); now.State != "unknown" {
		t.Errorf("the woken worker changed the state to %s", now.State)
	}
	if n := w.runs(got.RunID); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
}
