package actions_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/internal/redistest"
)

// A worker that dies is played by a ledger that holds what it had written, and a request that it had claimed.
func TestWhatACrashLeavesIsSettledFromTheLedger(t *testing.T) {
	for name, c := range map[string]struct {
		wrote func(b *bench, l *actions.Ledger, r actions.Request)
		state actions.State
		why   actions.Why
		exit  int
	}{
		"claimed, nothing in the ledger": {func(*bench, *actions.Ledger, actions.Request) {}, actions.Failed, actions.WhyNotStarted, -2},
		"started": {func(b *bench, l *actions.Ledger, r actions.Request) {
			if err := l.Start(r.RunID, r.Digest); err != nil {
				b.Fatal(err)
			}
		}, actions.Unknown, actions.WhyInterrupted, -2},
		"ended, not committed": {func(b *bench, l *actions.Ledger, r actions.Request) {
			if err := l.Start(r.RunID, r.Digest); err != nil {
				b.Fatal(err)
			}
			if err := l.Ended(r.RunID, `{"state":"failed","why":"why_exit","known":true,"outcome":{"ExitCode":5}}`); err != nil {
				b.Fatal(err)
			}
		}, actions.Failed, actions.WhyExit, 5},
		"ended, but unreadable": {func(b *bench, l *actions.Ledger, r actions.Request) {
			if err := l.Start(r.RunID, r.Digest); err != nil {
				b.Fatal(err)
			}
			if err := l.Ended(r.RunID, `{"state":"running"}`); err != nil {
				b.Fatal(err)
			}
		}, actions.Unknown, actions.WhyInterrupted, -2},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(b *bench) {
				dir := b.TempDir()
				r := b.dead(dir)
				l, err := actions.OpenLedger(dir)
				if err != nil {
					b.Fatal(err)
				}
				c.wrote(b, l, r)
				l.Close()
				st := &stage{}
				b.work(st, dir)
				r = b.until(r.ID, c.state)
				if r.Outcome != c.why || c.exit >= -1 && (r.ExitCode == nil || *r.ExitCode != c.exit) || c.exit < -1 && r.ExitCode != nil {
					b.Fatalf("%+v", r)
				}
				if st.count() != 0 {
					b.Fatal("it ran again")
				}
			})
		})
	}
}

// dead claims a request with the ledger of dir and leaves it, as a killed process does.
func (b *bench) dead(dir string) actions.Request {
	b.Helper()
	ledger, err := actions.OpenLedger(dir)
	if err != nil {
		b.Fatal(err)
	}
	r := b.approved("restart")
	if err := actions.ClaimOnly(b.Context(), b.s, &r, actions.WorkerConfig{Ledger: ledger, Lease: time.Minute}); err != nil {
		b.Fatal(err)
	}
	ledger.Close()
	return b.get(r.ID)
}

func TestLostWorkersRunBecomesUnknown(t *testing.T) {
	b := serverClock(t)
	r := b.dead(t.TempDir())
	st := &stage{}
	b.work(st, t.TempDir(), func(c *actions.WorkerConfig) { c.Lease = 50 * time.Millisecond })
	other := b.approved("restart") // shows that the second worker is at work, and leaves what is leased alone
	b.until(other.ID, actions.Succeeded)
	b.stands(r.ID, actions.Running)
	key := b.store.Key(r.ID.Shard(), "rq", "runs")
	if err := b.store.Client().ZAdd(t.Context(), key, zero(string(r.ID))).Err(); err != nil { // the lease runs out
		t.Fatal(err)
	}
	if r := b.until(r.ID, actions.Unknown); r.Outcome != actions.WhyLost {
		t.Fatalf("%+v", r)
	}
	if st.count() != 1 {
		t.Fatalf("%d runs", st.count())
	}
}

// A worker that was given up stops what it runs, and what it still knows is only a line.
func TestGivenUpWorkerStops(t *testing.T) {
	b := serverClock(t)
	stopped := make(chan struct{})
	st := &stage{perform: func(ctx context.Context, _ actions.Order, _ func([]byte)) (actions.Outcome, error) {
		<-ctx.Done()
		close(stopped)
		return actions.Outcome{ExitCode: 4}, nil
	}}
	b.work(st, t.TempDir())
	r := b.approved("restart")
	b.until(r.ID, actions.Running)
	redistest.Until(t, 10*time.Second, "the effect to begin", func() bool { return st.count() == 1 })
	got := b.get(r.ID)
	if err := actions.GiveUp(t.Context(), b.s, &got); err != nil {
		t.Fatal(err)
	}
	<-stopped
	redistest.Until(t, 10*time.Second, "the report", func() bool { return slices.Contains(b.kinds(r.ID), "run_reported") })
	if r := b.stands(r.ID, actions.Unknown); r.ExitCode != nil {
		t.Fatalf("%+v", r)
	}
}

// The ledger refuses its line at the very last moment, as with a full disk; what the ledger itself makes of one is its own test.
func TestNoLedgerLineNoRun(t *testing.T) {
	each(t, func(b *bench) {
		dir := b.TempDir()
		var ledger *actions.Ledger
		st := &stage{around: func(started func() error) error {
			ledger.Close()
			return started()
		}}
		b.work(st, dir, func(c *actions.WorkerConfig) { ledger = c.Ledger })
		first, second := b.approved("restart"), b.approved("restart")
		redistest.Until(b.T, 15*time.Second, "one refusal", func() bool { return b.get(first.ID).State.Final() || b.get(second.ID).State.Final() })
		for _, r := range []actions.Request{b.get(first.ID), b.get(second.ID)} {
			if r.State != actions.Approved && (r.State != actions.Failed || r.Outcome != actions.WhyNotStarted) {
				b.Errorf("%+v", r)
			}
		}
		body, err := os.ReadFile(filepath.Join(dir, "ledger.jsonl"))
		if err != nil || strings.Contains(string(body), "started") || st.count() != 0 {
			b.Fatalf("%s, %v, %d runs", body, err, st.count())
		}
	})
}

// Redis forgets that a request ran, as after a restored backup; the ledger does not.
func TestLedgerStopsASecondRunAfterARollback(t *testing.T) {
	each(t, func(b *bench) {
		st := &stage{}
		b.work(st, b.TempDir())
		r := b.until(b.approved("restart").ID, actions.Succeeded)
		c, n := b.store.Client(), r.ID.Shard()
		if err := c.HSet(b.Context(), b.store.Key(n, "rq", string(r.ID)), "state", "approved").Err(); err != nil {
			b.Fatal(err)
		}
		if err := c.ZAdd(b.Context(), b.store.Key(n, "rq", "ready"), zero(string(r.ID))).Err(); err != nil {
			b.Fatal(err)
		}
		if r := b.until(r.ID, actions.Unknown); r.Outcome != actions.WhyAlreadyRan || st.count() != 1 {
			b.Fatalf("%+v, %d runs", r, st.count())
		}
	})
}
