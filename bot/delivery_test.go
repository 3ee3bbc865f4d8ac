package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/bottest"
	"dogwatch/incidents"
	"dogwatch/internal/redistest"
)

var quiet = routed{severity: "P3", channels: []string{"slack:C0OPS"}, show: []string{"detail"}}

// short makes leases and pauses short enough to wait for in a test.
func short(w *world) {
	w.cfg.Lease, w.cfg.Pace, w.cfg.SendTimeout, w.cfg.Elsewhere = 800*time.Millisecond, 100*time.Millisecond, 300*time.Millisecond, time.Second
}

// first fails the first call of one kind.
func first(op string, f bottest.Fault) func(context.Context, bottest.Call) *bottest.Fault {
	var n atomic.Int32
	return func(_ context.Context, c bottest.Call) *bottest.Fault {
		if c.Op == op && n.Add(1) == 1 {
			return &f
		}
		return nil
	}
}

// The answer to a send is lost after its effect: the message is found again by its key, and stands once.
func TestLostAnswerIsLookedUp(t *testing.T) {
	each(t, func(w *world) {
		short(w)
		w.slack.Fail = first("send", bottest.Fault{Err: errors.New("connection reset"), After: true})
	}, func(w *world) {
		id := w.raise(quiet, "db-3")
		w.until("the look-up", func() bool { return w.bot.Counters.Found.Load() == 1 })
		if err := w.incidents.Resolve(w.ctx, id, byBob, ""); err != nil {
			w.t.Fatal(err)
		}
		w.showsState(w.slack, "C0OPS", "resolved")
		if n := len(w.slack.Calls("find")); n != 1 {
			w.t.Fatalf("%d look-ups", n)
		}
		w.card(w.slack, "C0OPS")
	})
}

var byBob = incidents.By{Actor: incidents.Actor{Person: "bob", Via: "web"}}

// The answer is lost before any effect: nothing is found and the message is sent.
func TestLostRequestIsSentAgain(t *testing.T) {
	each(t, func(w *world) {
		short(w)
		w.slack.Fail = first("send", bottest.Fault{Err: errors.New("timeout")})
	}, func(w *world) {
		w.raise(quiet, "db-3")
		w.card(w.slack, "C0OPS")
		if n := len(w.slack.Calls("send")); n != 2 || w.slack.Calls("send")[0].Message.Key != w.slack.Calls("send")[1].Message.Key {
			w.t.Fatalf("%d sends: %+v", n, w.slack.Calls("send"))
		}
	})
}

// A platform that cannot look up gets one message more after a crash, and not two.
func TestBlindPlatformDoublesAtMostOnce(t *testing.T) {
	each(t, func(w *world) {
		short(w)
		w.slack.Blind = true
		w.slack.Fail = first("send", bottest.Fault{Err: errors.New("connection reset"), After: true})
	}, func(w *world) {
		id := w.raise(quiet, "db-3")
		w.until("the second message", func() bool { return len(w.slack.Standing("C0OPS")) == 2 })
		if err := w.incidents.Resolve(w.ctx, id, byBob, ""); err != nil {
			w.t.Fatal(err)
		}
		w.showsState(w.slack, "C0OPS", "resolved")
		if n := len(w.slack.Standing("C0OPS")); n != 2 {
			w.t.Fatalf("%d messages", n)
		}
	})
}

// A replica dies between sending and writing it down: the next one finds the message and edits it.
func TestCrashBetweenSendAndRecord(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *stateStore) {
		w := build(t, s, short)
		w.background()
		sent := make(chan struct{})
		hold := make(chan struct{})
		defer close(hold)
		dead := &bottest.Recorder{Name: "slack"}
		// The dying replica's platform shares nothing with it but the vendor: what it sends stands on w.slack too.
		dead.Fail = func(ctx context.Context, c bottest.Call) *bottest.Fault {
			if c.Op != "send" {
				return nil
			}
			if _, err := w.slack.Send(context.Background(), c.Message); err != nil {
				t.Error(err)
			}
			close(sent)
			<-hold // it never comes back to write anything down
			return &bottest.Fault{Err: errors.New("dead")}
		}
		cfg := w.cfg
		cfg.Platforms = map[string]bot.Platform{"slack": dead}
		dying, err := bot.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w.serve(dying)
		id := w.raise(quiet, "db-3")
		<-sent
		w.serve(w.bot)
		w.until("the other replica to find it", func() bool { return w.bot.Counters.Found.Load() == 1 })
		if err := w.incidents.Acknowledge(w.ctx, id, byBob, ""); err != nil {
			t.Fatal(err)
		}
		w.showsState(w.slack, "C0OPS", "acknowledged")
		w.card(w.slack, "C0OPS")
	})
}

// A holder that slept through its lease wakes up: what it writes is refused, and what it wants to send is not sent.
func TestStaleHolderIsFenced(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *stateStore) {
		w := build(t, s, short)
		w.background()
		reached, wake := make(chan struct{}), make(chan struct{})
		sleeper := &bottest.Recorder{Name: "slack"}
		sleeper.Fail = func(ctx context.Context, c bottest.Call) *bottest.Fault {
			if c.Op == "send" {
				close(reached)
				<-wake
			}
			return nil
		}
		cfg := w.cfg
		cfg.Platforms = map[string]bot.Platform{"slack": sleeper}
		old, err := bot.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		stop := w.serve(old)
		id := w.raise(quiet, "db-3")
		<-reached
		w.serve(w.bot)
		card := w.card(w.slack, "C0OPS")
		close(wake)
		w.until("the sleeper to be told", func() bool { return old.Counters.Stale.Load() > 0 })
		stop()
		if n := len(sleeper.Standing("C0OPS")); n != 0 {
			t.Fatalf("the sleeper sent %d messages after its lease", n)
		}
		if err := w.incidents.Resolve(w.ctx, id, byBob, ""); err != nil {
			t.Fatal(err)
		}
		if s := w.showsState(w.slack, "C0OPS", "resolved"); s.Ref != card.Ref {
			t.Fatalf("the card that is changed is %+v, it was put at %+v", s.Ref, card.Ref)
		}
	})
}

// Two replicas on one Redis draw each card once.
func TestTwoReplicasSendOnce(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *stateStore) {
		w := build(t, s, nil)
		w.background()
		other := w.newBot()
		w.serve(w.bot)
		w.serve(other)
		for i := range 40 {
			w.raise(routed{severity: "P3", channels: []string{"slack:C0OPS", "web:ops"}}, fmt.Sprint("g", i))
		}
		w.until("all cards", func() bool { return len(w.slack.Standing("C0OPS")) >= 40 && len(w.web.Standing("ops")) >= 40 })
		if a, b := len(w.slack.Calls("send")), len(w.web.Calls("send")); a != 40 || b != 40 {
			t.Fatalf("%d and %d sends for 40 incidents", a, b)
		}
	})
}

// A storm in one group is a handful of posts, and the last one shows the true count.
func TestStormIsAFewPosts(t *testing.T) {
	each(t, nil, func(w *world) {
		var body incidents.Batch
		for i := range 100 {
			body.Reports = append(body.Reports, alert("storm", fmt.Sprint("x", i)))
		}
		for n := range 100 {
			for i := range body.Reports {
				body.Reports[i].Fingerprint = fmt.Sprintf("s%d-%d", n, i)
			}
			if _, err := w.incidents.Ingest(w.ctx, "prom", body, w.route(both)); err != nil {
				w.t.Fatal(err)
			}
		}
		w.until("the count on the card", func() bool {
			s := w.slack.Standing("C0OPS")
			return len(s) == 1 && len(s[0].Message.Card.Facts) > 0 && s[0].Message.Card.Facts[0].Value == "10000 firing of 10000"
		})
		calls := w.slack.Calls("")
		if len(calls) > 10 {
			w.t.Fatalf("%d calls for one storm", len(calls))
		}
	})
}

// Hundreds of incidents in one channel stay within its budget; whatever waits is sent as it is then.
func TestBudgetIsKeptByAllReplicas(t *testing.T) {
	each(t, func(w *world) {
		w.slack.Limits = []bot.Budget{{N: 10, Per: time.Second, Burst: 5}}
	}, func(w *world) {
		w.serve(w.newBot())
		begun := time.Now()
		var ids []incidents.ID
		for i := range 30 {
			ids = append(ids, w.raise(quiet, fmt.Sprint("g", i)))
		}
		for _, id := range ids {
			if err := w.incidents.Resolve(w.ctx, id, byBob, ""); err != nil {
				w.t.Fatal(err)
			}
		}
		w.until("every card to be resolved", func() bool {
			list := w.slack.Standing("C0OPS")
			for _, s := range list {
				if s.Message.Card.State != "resolved" {
					return false
				}
			}
			return len(list) == 30
		})
		calls := w.slack.Calls("")
		for i := range calls {
			in := 0
			for _, c := range calls[i:] {
				if c.At.Sub(calls[i].At) < time.Second {
					in++
				}
			}
			if in > 16 {
				w.t.Fatalf("%d calls within a second of call %d", in, i)
			}
		}
		w.t.Logf("%d calls in %v", len(calls), time.Since(begun))
	})
}

// Retry-After is obeyed to the letter.
func TestRetryAfterIsObeyed(t *testing.T) {
	for name, limits := range map[string][]bot.Budget{"no budget": nil, "a budget": {{N: 100, Per: time.Second, Burst: 100}}} {
		t.Run(name, func(t *testing.T) { retryAfter(t, limits) })
	}
}

func retryAfter(t *testing.T, limits []bot.Budget) {
	each(t, func(w *world) {
		short(w)
		w.slack.Limits = limits
		w.slack.Fail = first("send", bottest.Fault{Err: &bot.SendError{Kind: bot.RateLimited, RetryAfter: 1500 * time.Millisecond, Code: "ratelimited"}})
	}, func(w *world) {
		w.raise(quiet, "a")
		w.until("the refusal", func() bool { return len(w.slack.Calls("send")) == 1 })
		w.raise(quiet, "b")
		w.until("both cards", func() bool { return len(w.slack.Standing("C0OPS")) == 2 })
		calls := w.slack.Calls("send")
		for _, c := range calls[1:] {
			if d := c.At.Sub(calls[0].At); d < 1450*time.Millisecond {
				w.t.Fatalf("called again after %v", d)
			}
		}
	})
}

// While the platform is down nothing is lost, it is not hammered, and afterwards there is one message an incident, as it is then.
func TestOutage(t *testing.T) {
	var down atomic.Bool
	each(t, func(w *world) {
		short(w)
		down.Store(true)
		w.slack.Fail = func(context.Context, bottest.Call) *bottest.Fault {
			if down.Load() {
				return &bottest.Fault{Err: &bot.SendError{Kind: bot.Retry, Code: "503"}}
			}
			return nil
		}
	}, func(w *world) {
		for i := range 10 {
			id := w.raise(quiet, fmt.Sprint("g", i))
			if i%2 == 0 {
				if err := w.incidents.Resolve(w.ctx, id, byBob, ""); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		w.until("some tries", func() bool { return len(w.slack.Calls("")) >= 3 })
		down.Store(false)
		tries := len(w.slack.Calls(""))
		w.until("all cards", func() bool { return len(w.slack.Standing("C0OPS")) == 10 })
		if tries > 40 {
			w.t.Fatalf("%d tries against a platform that was down", tries)
		}
		resolved := 0
		for _, s := range w.slack.Standing("C0OPS") {
			if s.Message.Card.State == "resolved" {
				resolved++
			}
		}
		if resolved != 5 {
			w.t.Fatalf("%d of the cards are resolved", resolved)
		}
	})
}

// A channel that refuses for good is not tried with every change; the fallback channel hears of it, once.
func TestRefusedChannel(t *testing.T) {
	each(t, func(w *world) {
		short(w)
		w.cfg.Fallback = bot.Address{Platform: "web", To: "fallback"}
		w.slack.Fail = func(context.Context, bottest.Call) *bottest.Fault {
			return &bottest.Fault{Err: &bot.SendError{Kind: bot.Refused, Code: "is_archived"}}
		}
	}, func(w *world) {
		id := w.raise(quiet, "db-3")
		w.until("the fallback to be told", func() bool { return len(w.web.Standing("fallback")) == 1 })
		for _, person := range []string{"alice", "carol", "bob"} {
			if err := w.incidents.Assign(w.ctx, id, byBob, person); err != nil {
				w.t.Fatal(err)
			}
		}
		drawn := w.bot.Counters.LastDraw.Load()
		w.until("another drawing", func() bool { return w.bot.Counters.LastDraw.Load() > drawn })
		if words := w.web.Standing("fallback")[0].Message.Text; !strings.Contains(words, "slack:C0OPS") || !strings.Contains(words, "is_archived") {
			w.t.Fatalf("told %q", words)
		}
		if n := len(w.slack.Calls("send")); n != 1 {
			w.t.Fatalf("%d tries", n)
		}
	})
}

// Told to stop while a message is on its way, the bot finishes it and writes it down.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	reached, answer := make(chan struct{}, 2), make(chan struct{}, 2)
	redistest.Each(t, nil, func(t *testing.T, s *stateStore) {
		w := build(t, s, nil)
		w.slack.Fail = func(_ context.Context, c bottest.Call) *bottest.Fault {
			if c.Op == "send" {
				reached <- struct{}{}
				<-answer
			}
			return nil
		}
		w.background()
		ctx, cancel := context.WithCancel(w.ctx)
		done := make(chan error, 1)
		go func() { done <- w.bot.Run(ctx) }()
		w.raise(quiet, "db-3")
		<-reached
		cancel()
		answer <- struct{}{}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.card(w.slack, "C0OPS")
		next := w.newBot()
		w.serve(next)
		w.raise(routed{severity: "P3", channels: []string{"web:ops"}}, "other")
		w.card(w.web, "ops")
		if n := len(w.slack.Calls("find")); n != 0 || len(w.slack.Standing("C0OPS")) != 1 {
			t.Fatalf("%d look-ups, %d messages", n, len(w.slack.Standing("C0OPS")))
		}
	})
}
