package actions_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/internal/redistest"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// approved makes an approved request.
func (b *bench) approved(action string) actions.Request {
	b.Helper()
	r := b.ask(action, "")
	if action == "free" {
		return r
	}
	r, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), r.Digest)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// exits performs an outcome.
func exits(o actions.Outcome, err error) func(context.Context, actions.Order, func([]byte)) (actions.Outcome, error) {
	return func(context.Context, actions.Order, func([]byte)) (actions.Outcome, error) { return o, err }
}

// untilStopped performs until it is asked to stop.
func untilStopped(ctx context.Context, _ actions.Order, _ func([]byte)) (actions.Outcome, error) {
	<-ctx.Done()
	return actions.Outcome{ExitCode: -1, Signal: "terminated", Stopped: true}, nil
}

func TestApprovedRequestRuns(t *testing.T) {
	each(t, func(b *bench) {
		b.defs[0].Env = map[string]text.Secret{"TOKEN": text.NewSecret("hunter2222")}
		b.use()
		st := &stage{perform: func(_ context.Context, o actions.Order, out func([]byte)) (actions.Outcome, error) {
			out([]byte("using hunter22"))
			out([]byte("22 \x1b[31mred\n"))
			return actions.Outcome{Bytes: 27}, nil
		}}
		inc := b.incident()
		r := b.ask("restart", inc)
		b.work(st, b.TempDir())
		if _, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), r.Digest); err != nil {
			b.Fatal(err)
		}
		r = b.until(r.ID, actions.Succeeded)
		if *r.ExitCode != 0 || r.Bytes != 27 || r.StartedAt == nil || r.EndedAt == nil || r.RunID == "" {
			b.Fatalf("%+v", r)
		}
		want := actions.Order{RunID: r.RunID, Action: "restart", Argv: []string{"systemctl", "restart", "nginx.service"},
			Env: map[string]string{"TOKEN": "hunter2222"}, Timeout: time.Minute}
		if st.count() != 1 || fmt.Sprint(st.runs[0]) != fmt.Sprint(want) {
			b.Fatalf("ran %v, want %v", st.runs, want)
		}
		page, err := b.s.Output(b.Context(), r.ID, "")
		if err != nil || !page.Ended || len(page.Chunks) != 1 || page.Chunks[0] != (actions.Chunk{Text: `using [secret] \x1b[31mred` + "\n"}) {
			b.Fatalf("%+v, %v", page, err)
		}
		if got := b.kinds(r.ID); !slices.Equal(got, []string{"request_created", "request_approved", "run_started", "run_succeeded"}) {
			b.Fatal(got)
		}
		all := b.everything()
		if strings.Contains(all, "hunter22") || !strings.Contains(all, "nginx.service") || !strings.Contains(all, "[secret]") {
			b.Errorf("Redis holds %s", all)
		}
	})
}

func TestEndsOfRuns(t *testing.T) {
	each(t, func(b *bench) {
		st := &stage{}
		b.work(st, b.TempDir())
		for _, c := range []struct {
			outcome actions.Outcome
			err     error
			state   actions.State
			why     actions.Why
		}{
			{actions.Outcome{}, nil, actions.Succeeded, ""},
			{actions.Outcome{Survivors: 2}, nil, actions.Succeeded, ""},
			{actions.Outcome{ExitCode: 3}, nil, actions.Failed, actions.WhyExit},
			{actions.Outcome{ExitCode: -1, Signal: "segmentation fault"}, nil, actions.Failed, actions.WhySignal},
			{actions.Outcome{TimedOut: true}, nil, actions.Failed, actions.WhyTimeout}, // it may say 0 after TERM; it did not finish
			{actions.Outcome{Stopped: true}, nil, actions.Unknown, actions.WhyInterrupted},
			{actions.Outcome{}, errors.New("connection lost"), actions.Unknown, actions.WhyOutcome},
			{actions.Outcome{}, fmt.Errorf("exec: %w", actions.ErrNotStarted), actions.Failed, actions.WhyNotStarted},
		} {
			st.mu.Lock()
			st.perform = exits(c.outcome, c.err)
			st.mu.Unlock()
			r := b.until(b.approved("restart").ID, c.state)
			if r.Outcome != c.why || r.Survivors != c.outcome.Survivors {
				b.Errorf("%+v, %v: %s, survivors %d", c.outcome, c.err, r.Outcome, r.Survivors)
			}
		}
	})
}

// Three platforms press at once, and two workers wait for it.
func TestTwentyApprovalsRunOnce(t *testing.T) {
	b := serverClock(t)
	st := &stage{}
	b.work(st, b.TempDir())
	b.work(st, b.TempDir())
	for range 10 {
		r := b.ask("restart", "")
		before := st.count()
		var all sync.WaitGroup
		var fine atomic.Int32
		for n := range 20 {
			all.Go(func() {
				who := []string{"bob", "carol", "dave"}[n%3]
				var late *actions.LateError
				_, err := b.s.Approve(b.Context(), r.ID, by(who, ""), r.Digest)
				if err == nil || errors.As(err, &late) {
					fine.Add(1)
				}
			})
		}
		all.Wait()
		b.until(r.ID, actions.Succeeded)
		if got := b.get(r.ID); fine.Load() != 20 || st.count() != before+1 || len(got.Approvals) != 1 {
			t.Fatalf("%d answers, %d runs, approvals %v", fine.Load(), st.count()-before, got.Approvals)
		}
	}
}

func TestOutputIsFollowedWhileItRuns(t *testing.T) {
	each(t, func(b *bench) {
		seen, question := make(chan struct{}), make(chan struct{})
		st := &stage{perform: func(_ context.Context, _ actions.Order, out func([]byte)) (actions.Outcome, error) {
			out([]byte("line 1\n"))
			<-seen // the follower lets it go on
			out([]byte("line 2\nno line end yet"))
			<-question
			return actions.Outcome{}, nil
		}}
		b.work(st, b.TempDir())
		r := b.approved("restart")
		var all strings.Builder
		var once, asked sync.Once
		err := b.s.Follow(b.Context(), r.ID, "", func(p actions.OutputPage) error {
			for _, c := range p.Chunks {
				all.WriteString(c.Text)
			}
			if strings.Contains(all.String(), "line 1") {
				once.Do(func() { close(seen) })
			}
			if strings.Contains(all.String(), "yet") { // what waits for an answer is shown too
				asked.Do(func() { close(question) })
			}
			return nil
		})
		if err != nil || all.String() != "line 1\nline 2\nno line end yet" {
			b.Fatalf("%q, %v", all.String(), err)
		}
	})
}

func TestFloodKeepsHeadAndTail(t *testing.T) {
	each(t, func(b *bench) {
		st := &stage{perform: func(_ context.Context, _ actions.Order, out func([]byte)) (actions.Outcome, error) {
			out([]byte("the beginning\n"))
			for n := range 20000 {
				out([]byte(fmt.Sprintf("line %d of a flood that says nothing new at all\n", n)))
			}
			out([]byte("the end\n"))
			return actions.Outcome{}, nil
		}}
		b.work(st, b.TempDir())
		r := b.until(b.approved("restart").ID, actions.Succeeded)
		var text strings.Builder
		gap, at := false, int64(0)
		err := b.s.Follow(b.Context(), r.ID, "", func(p actions.OutputPage) error {
			for _, c := range p.Chunks {
				gap = gap || c.Offset > at
				at = c.End()
				text.WriteString(c.Text)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		got := text.String()
		if !gap || !strings.HasPrefix(got, "the beginning\nline 0 of") || !strings.HasSuffix(got, "19999 of a flood that says nothing new at all\nthe end\n") {
			b.Fatalf("gap %v, %d bytes: %.60q … %q", gap, len(got), got, got[max(0, len(got)-60):])
		}
		if len(got) > 80<<10 {
			b.Fatalf("kept %d bytes", len(got))
		}
	})
}

func TestRunningIsCancelled(t *testing.T) {
	each(t, func(b *bench) {
		b.work(&stage{perform: untilStopped}, b.TempDir())
		r := b.approved("restart")
		b.until(r.ID, actions.Running)
		got, err := b.s.Cancel(b.Context(), r.ID, by("carol", ""), "wrong host")
		if err != nil || got.CancelAsked != "carol" {
			b.Fatalf("%+v, %v", got, err)
		}
		got = b.until(r.ID, actions.Cancelled)
		if got.DecidedBy != "carol" || got.Signal != "terminated" {
			b.Fatalf("%+v", got)
		}
	})
}

// Between approval and start everything is judged again.
func TestStartIsJudgedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(b *bench, r actions.Request)
		state actions.State
		why   actions.Why
	}{
		"definition changed": {func(b *bench, _ actions.Request) { b.defs[0].Timeout = time.Hour; b.use() }, actions.Cancelled, actions.WhyChanged},
		"action gone":        {func(b *bench, _ actions.Request) { b.defs = b.defs[1:]; b.use() }, actions.Cancelled, actions.WhyChanged},
		"approver left":      {func(b *bench, _ actions.Request) { b.people[1].Roles = nil; b.use() }, actions.Cancelled, actions.WhyRights},
		"requester left":     {func(b *bench, _ actions.Request) { b.people[0].Roles = nil; b.use() }, actions.Cancelled, actions.WhyRights},
		"argv was tampered with": {func(b *bench, r actions.Request) {
			key := b.store.Key(r.ID.Shard(), "rq", string(r.ID))
			if err := b.store.Client().HSet(b.Context(), key, "argv", `["rm","-rf","/"]`).Err(); err != nil {
				b.Fatal(err)
			}
		}, actions.Cancelled, actions.WhyDigest},
		"expired meanwhile": {func(b *bench, r actions.Request) { b.at(r.ExpiresAt) }, actions.Expired, ""},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(b *bench) {
				r := b.approved("restart")
				c.spoil(b, r)
				st := &stage{}
				b.work(st, b.TempDir())
				if got := b.until(r.ID, c.state); got.Outcome != c.why {
					b.Errorf("%+v", got)
				}
				if st.count() != 0 {
					b.Error("it ran")
				}
			})
		})
	}
}

// Whoever can write Redis can make a request look approved, but not with a seal.
func TestForgedApprovalDoesNotRun(t *testing.T) {
	each(t, func(b *bench) {
		b.seal = []byte("a key that only this process has")
		b.use()
		good, bad := b.approved("restart"), b.ask("restart", "")
		c, n := b.store.Client(), bad.ID.Shard()
		stolen, err := c.HGet(b.Context(), b.store.Key(good.ID.Shard(), "rq", string(good.ID)), "approvals").Result()
		if err != nil {
			b.Fatal(err)
		}
		if err := c.HSet(b.Context(), b.store.Key(n, "rq", string(bad.ID)), "state", "approved", "approvals", stolen).Err(); err != nil {
			b.Fatal(err)
		}
		if err := c.ZAdd(b.Context(), b.store.Key(n, "rq", "ready"), zero(string(bad.ID))).Err(); err != nil {
			b.Fatal(err)
		}
		st := &stage{}
		b.work(st, b.TempDir())
		b.until(good.ID, actions.Succeeded)
		if r := b.until(bad.ID, actions.Cancelled); r.Outcome != actions.WhyRights || st.count() != 1 {
			b.Fatalf("%+v, %d runs", r, st.count())
		}
	})
}

func TestIncidentResolvedBeforeTheStart(t *testing.T) {
	each(t, func(b *bench) {
		inc := b.incident()
		r := b.ask("restart", inc)
		if _, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), ""); err != nil {
			b.Fatal(err)
		}
		if err := b.inc.Resolve(b.Context(), inc, by("alice", ""), ""); err != nil {
			b.Fatal(err)
		}
		st := &stage{}
		b.work(st, b.TempDir())
		if r := b.until(r.ID, actions.Cancelled); r.Outcome != actions.WhyResolved || st.count() != 0 {
			b.Fatalf("%+v, %d runs", r, st.count())
		}
	})
}

func TestExpiresWithoutAnybodyLooking(t *testing.T) {
	b := serverClock(t)
	b.defs[1].Approval.Expires = 300 * time.Millisecond
	b.use()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.s.Run(ctx) }()
	r := b.ask("two", "")
	r = b.until(r.ID, actions.Expired)
	if late := r.EndedAt.Sub(r.ExpiresAt); late < 0 || late > 2*time.Second {
		t.Fatalf("expired %v after its time", late)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestShutdownLetsRunsEndAndThenStopsThem(t *testing.T) {
	b := serverClock(t)
	st := &stage{perform: untilStopped}
	_, end := b.work(st, t.TempDir())
	r := b.approved("restart")
	redistest.Until(t, 10*time.Second, "the effect to begin", func() bool { return st.count() == 1 })
	end()
	if r := b.stands(r.ID, actions.Unknown); r.Outcome != actions.WhyInterrupted {
		t.Fatalf("%+v", r)
	}
}

func TestParallelIsBounded(t *testing.T) {
	b := serverClock(t)
	var now, most atomic.Int32
	st := &stage{perform: func(context.Context, actions.Order, func([]byte)) (actions.Outcome, error) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		defer now.Add(-1)
		<-time.After(20 * time.Millisecond)
		return actions.Outcome{}, nil
	}}
	b.work(st, t.TempDir(), func(c *actions.WorkerConfig) { c.Parallel = 3 })
	var ids []actions.RequestID
	for range 12 {
		ids = append(ids, b.ask("free", "").ID)
	}
	for _, id := range ids {
		b.until(id, actions.Succeeded)
	}
	if most.Load() > 3 || st.count() != 12 {
		t.Fatalf("%d at once, %d runs", most.Load(), st.count())
	}
}

func TestNoConfigurationVoidsNothing(t *testing.T) {
	b := serverClock(t)
	r := b.approved("restart")
	b.s.Use(actions.Setup{})
	st := &stage{}
	b.work(st, t.TempDir())
	b.people[4].Roles = schedules.Roles{schedules.Viewer}
	b.stands(r.ID, actions.Approved)
	b.use()
	b.until(r.ID, actions.Succeeded)
}
