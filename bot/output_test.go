package bot_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/bot/bottest"
	"dogwatch/incidents"
	"dogwatch/internal/redistest"
)

// hostile is output that would be more than text if it were read as anything else.
const hostile = "<!channel> `*x*` {{.Secret}}"

// slowRun writes a line, waits to be let go on, and writes the rest.
type slowRun struct{ goOn chan struct{} }

func (s slowRun) Run(ctx context.Context, _ actions.Order, started func() error, out func([]byte)) (actions.Outcome, error) {
	if err := started(); err != nil {
		return actions.Outcome{}, errors.Join(actions.ErrNotStarted, err)
	}
	out([]byte("line 1\n"))
	select {
	case <-s.goOn:
	case <-ctx.Done():
		return actions.Outcome{ExitCode: -1, Stopped: true}, nil
	}
	out([]byte(hostile + "\nlast line\n"))
	return actions.Outcome{}, nil
}

// work runs a worker whose only run goes on when the channel is closed.
func (w *world) work() slowRun {
	w.t.Helper()
	ledger, err := actions.OpenLedger(w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	run := slowRun{make(chan struct{})}
	worker := actions.NewWorker(w.actions, actions.WorkerConfig{Name: "here", Ledger: ledger, Drain: time.Millisecond,
		Runners: map[string]actions.Runner{"command": run}})
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, ledger.Close()); err != nil {
			w.t.Error(err)
		}
	})
	return run
}

// approve asks for the action of an incident as bob and approves it as alice.
func (w *world) approve(id incidents.ID) actions.Request {
	w.t.Helper()
	r, err := w.actions.Request(w.ctx, byBob, actions.Ask{Action: "restart", Incident: id, Params: map[string]any{"unit": "nginx.service"}})
	if err == nil {
		r, err = w.actions.Approve(w.ctx, r.ID, actions.By{Actor: incidents.Actor{Person: "alice", Via: "web"}}, r.Digest)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// outputs are the replies in a card's thread that show a run.
func (w *world) outputs(card bottest.Standing) (out []bottest.Standing) {
	for _, s := range w.slack.Replies(card.Ref) {
		if s.Message.Card != nil {
			out = append(out, s)
		}
	}
	return out
}

// showsRun waits until the only reply that shows a run has these words in its output, and returns it.
func (w *world) showsRun(card bottest.Standing, state, words string) bottest.Standing {
	w.t.Helper()
	var list []bottest.Standing
	w.until("the thread to show "+words, func() bool {
		list = w.outputs(card)
		return len(list) > 0 && list[0].Message.Card.State == state && strings.Contains(list[0].Message.Card.Code, words)
	})
	if len(list) != 1 {
		w.t.Fatalf("%d replies for one run", len(list))
	}
	return list[0]
}

// While a run is under way its output stands in the card's thread, in one reply that is changed in place and in the end says how
// the run ended.
func TestOutputInTheThread(t *testing.T) {
	each(t, short, func(w *world) {
		run := w.work()
		id := w.raise(routed{severity: "P1", policy: "web", channels: []string{"slack:C0OPS", "web:ops"}}, "db-3")
		card, page := w.card(w.slack, "C0OPS"), w.card(w.slack, "U0ALICE")
		r := w.approve(id)
		first := w.showsRun(card, "running", "line 1")
		if c := first.Message.Card; c.Code != "line 1" || c.Subject != string(r.ID) || !strings.Contains(c.Status, "Restart a service: running") {
			w.t.Fatalf("while it runs: %+v", c)
		}
		close(run.goOn)
		last := w.showsRun(card, "succeeded", "last line")
		m := last.Message
		if last.Ref != first.Ref || m.Card.Code != "line 1\n"+hostile+"\nlast line" || !strings.Contains(m.Card.Status, "succeeded") || m.Key != first.Message.Key {
			w.t.Fatalf("in the end: %+v", last)
		}
		if strings.Contains(m.Text+m.Card.Status+m.Card.Headline, "<!channel>") {
			w.t.Fatalf("output is said outside of Code: %+v", m)
		}
		if n := len(w.outputs(page)) + len(w.web.Replies(w.card(w.web, "ops").Ref)); n != 0 {
			w.t.Fatalf("%d replies below a page and on a platform without threads", n)
		}
	})
}

// A run that may be over before the next drawing is shown too; once its end stands there, the reply is left alone.
func TestOutputAfterTheEnd(t *testing.T) {
	each(t, short, func(w *world) {
		run := w.work()
		close(run.goOn)
		id := w.raise(quiet, "db-3")
		card := w.card(w.slack, "C0OPS")
		w.approve(id)
		ended := w.showsRun(card, "succeeded", "last line")
		if err := w.incidents.Resolve(w.ctx, id, byBob, ""); err != nil {
			w.t.Fatal(err)
		}
		w.showsState(w.slack, "C0OPS", "resolved")
		w.until("the thread to tell it", func() bool {
			list := w.slack.Replies(card.Ref)
			return strings.HasSuffix(list[len(list)-1].Message.Text, "Bob resolved") // perhaps with the line before it
		})
		if later := w.showsRun(card, "succeeded", "last line"); later.Ref != ended.Ref || later.Edits != ended.Edits {
			w.t.Fatalf("the reply was %+v and is %+v", ended, later)
		}
	})
}

// Another replica goes on with the reply that the first one put there.
func TestOutputAfterAReplicaChange(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *stateStore) {
		w := build(t, s, short)
		w.background()
		stop := w.serve(w.bot)
		run := w.work()
		id := w.raise(quiet, "db-3")
		card := w.card(w.slack, "C0OPS")
		w.approve(id)
		first := w.showsRun(card, "running", "line 1")
		stop()
		w.serve(w.newBot())
		close(run.goOn)
		if last := w.showsRun(card, "succeeded", "last line"); last.Ref != first.Ref {
			t.Fatalf("the reply was at %+v and is at %+v", first.Ref, last.Ref)
		}
	})
}

// A replica dies between sending the reply and writing it down: the next one finds it by its key and changes it.
func TestCrashBetweenReplyAndRecord(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *stateStore) {
		w := build(t, s, short)
		w.background()
		sent, hold := make(chan struct{}), make(chan struct{})
		defer close(hold)
		var died atomic.Bool
		w.slack.Fail = func(_ context.Context, c bottest.Call) *bottest.Fault {
			if c.Op != "send" || c.Message.Thread == nil || c.Message.Card == nil || !died.CompareAndSwap(false, true) {
				return nil
			}
			if _, err := w.slack.Send(context.Background(), c.Message); err != nil {
				t.Error(err)
			}
			close(sent)
			<-hold // it never comes back to write anything down
			return &bottest.Fault{Err: errors.New("dead")}
		}
		w.serve(w.bot)
		run := w.work()
		id := w.raise(quiet, "db-3")
		card := w.card(w.slack, "C0OPS")
		w.approve(id)
		<-sent
		next := w.newBot()
		w.serve(next)
		w.until("the other replica to find it", func() bool { return next.Counters.Found.Load() == 1 })
		close(run.goOn)
		w.showsRun(card, "succeeded", "last line")
	})
}
