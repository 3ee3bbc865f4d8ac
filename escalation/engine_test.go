package escalation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/expression"
	"dogwatch/internal/redistest"
)

func TestLadderToTheSecondPersonAndItsStop(t *testing.T) {
	each(t, setup(t, step(0, "person:alice"), step(5*time.Minute, "person:bob"), step(10*time.Minute, "person:carol")), func(w *watch) {
		id := w.report(true, t0)
		w.at(0)
		w.expect(id, "opened "+alice)
		w.at(5*time.Minute - time.Millisecond)
		w.expect(id, "opened "+alice)
		w.at(5 * time.Minute)
		w.expect(id, "opened "+alice+" "+bob)
		if err := w.in.Acknowledge(context.Background(), id, incidents.By{Actor: incidents.Actor{Person: "bob", Via: "slack"}, Request: "1"}, ""); err != nil {
			w.t.Fatal(err)
		}
		w.at(10 * time.Hour)
		if got := w.story(id); strings.Contains(got, "carol") {
			w.t.Fatalf("the ladder went on after the acknowledgement: %s", got)
		}
	})
}

func TestNobodyGoesOnAtOnceAndSaysSo(t *testing.T) {
	s := setup(t, step(0, "schedule:empty"), step(5*time.Minute, "person:dave"), step(time.Minute, "person:carol"), step(3*time.Minute, "channel:slack:C0ALL"))
	each(t, s, func(w *watch) {
		id := w.report(true, t0)
		w.at(0)
		w.expect(id, "opened page_skipped:nobody page_skipped:nobody "+carol)
		w.at(3 * time.Minute)
		w.expect(id, "opened page_skipped:nobody page_skipped:nobody "+carol+" page:slack:C0ALL:queued")
	})
}

func TestWholeRoundReachesNobody(t *testing.T) {
	s := setup(t, step(0, "schedule:empty"))
	s.Policies["web"].Repeat = 1
	each(t, s, func(w *watch) {
		id := w.report(true, t0)
		w.at(0)
		w.at(time.Minute)
		w.at(50 * time.Minute)
		w.expect(id, "opened page_skipped:nobody page:slack:C0OPS:queued page_skipped:nobody page:slack:C0OPS:queued")
	})
}

func TestRepeatConditionAndFirstWait(t *testing.T) {
	loud, err := expression.Compile(`severity <= "P1"`, expression.Bool, &escalation.Situation{})
	if err != nil {
		t.Fatal(err)
	}
	only := step(time.Minute, "person:carol")
	only.If = loud
	s := setup(t, step(2*time.Minute, "person:alice"), only, step(4*time.Minute, "team:web"))
	s.Policies["web"].Repeat, s.Policies["web"].RepeatAfter = 1, 10*time.Minute
	each(t, s, func(w *watch) {
		id := w.report(true, t0)
		w.at(time.Minute)
		w.expect(id, "opened")
		w.at(2 * time.Minute)
		w.at(3 * time.Minute)
		w.expect(id, "opened "+alice+" page_skipped:condition")
		w.at(7 * time.Minute)
		first := "opened " + alice + " page_skipped:condition " + alice + " " + bob
		w.expect(id, first)
		w.at(17 * time.Minute)
		w.expect(id, first+" "+alice)
		w.at(18 * time.Minute)
		w.at(22 * time.Minute)
		w.at(59 * time.Minute)
		got := w.story(id)
		if strings.Count(got, "page:") != 6 {
			w.t.Fatalf("two rounds make six pages: %s", got)
		}
	})
}

func TestSnoozeEndsWithANewLadder(t *testing.T) {
	each(t, setup(t, step(0, "person:alice"), step(5*time.Minute, "person:bob")), func(w *watch) {
		id := w.report(true, t0)
		w.at(0)
		by := incidents.By{Actor: incidents.Actor{Person: "alice", Via: "web"}, Request: "1"}
		if err := w.in.Acknowledge(context.Background(), id, by, ""); err != nil {
			w.t.Fatal(err)
		}
		by.Request = "2"
		if err := w.in.Snooze(context.Background(), id, by, t0.Add(30*time.Minute)); err != nil {
			w.t.Fatal(err)
		}
		w.at(29 * time.Minute)
		w.expect(id, "opened "+alice+" acknowledged snoozed")
		w.at(30 * time.Minute)
		w.expect(id, "opened "+alice+" acknowledged snoozed snoozed "+alice)
		w.at(35 * time.Minute)
		w.expect(id, "opened "+alice+" acknowledged snoozed snoozed "+alice+" "+bob)
	})
}

func TestEscalateNowAndFlapHold(t *testing.T) {
	each(t, setup(t, step(0, "person:alice"), step(time.Hour, "person:bob")), func(w *watch) {
		id := w.report(true, t0)
		w.at(0)
		by := incidents.By{Actor: incidents.Actor{Person: "alice", Via: "web"}, Request: "1"}
		if err := w.in.Escalate(context.Background(), id, by); err != nil {
			w.t.Fatal(err)
		}
		w.at(time.Second)
		w.expect(id, "opened "+alice+" escalated "+bob)
		for n := range 30 { // once a second the alert resolves and fires anew
			w.report(false, t0.Add(time.Duration(n)*time.Second))
			w.at(time.Duration(n+2) * time.Second)
			w.report(true, t0.Add(time.Duration(n+1)*time.Second))
		}
		if got := strings.Count(w.story(id), "page:"); got != 2 {
			w.t.Fatalf("flapping made %d more pages", got-2)
		}
		w.at(31*time.Second + time.Minute)
		if got := strings.Count(w.story(id), "page:"); got != 3 {
			w.t.Fatalf("an alert that goes on firing pages anew: %d pages", got)
		}
	})
}

func TestReconcileMakesLostTimersAnew(t *testing.T) {
	each(t, setup(t, step(0, "person:alice"), step(5*time.Minute, "person:bob")), func(w *watch) {
		id := w.report(true, t0)
		if err := w.store.Client().Del(context.Background(), incidents.Timers(w.store, id.Shard())).Err(); err != nil {
			w.t.Fatal(err)
		}
		w.at(time.Minute)
		w.expect(id, "opened")
		if err := w.e.Reconcile(context.Background()); err != nil {
			w.t.Fatal(err)
		}
		w.at(time.Minute)
		w.expect(id, "opened "+alice)
		if w.e.Counters.Mended.Load() != 2 {
			w.t.Fatalf("mended %d timers", w.e.Counters.Mended.Load())
		}
	})
}

func TestStaleAlertsEndTheLadder(t *testing.T) {
	each(t, setup(t, step(0, "person:alice"), step(2*time.Hour, "person:bob")), func(w *watch) {
		id := w.report(true, t0)
		w.at(0)
		w.at(time.Hour)
		w.at(3 * time.Hour)
		if got := w.story(id); !strings.Contains(got, "resolved:no alert was reported any more") || strings.Contains(got, "bob") {
			w.t.Fatalf("history: %s", got)
		}
	})
}

func TestPolicyThatIsGone(t *testing.T) {
	each(t, setup(t, step(0, "person:alice"), step(5*time.Minute, "person:bob")), func(w *watch) {
		id := w.report(true, t0)
		w.at(0)
		gone := setup(t)
		gone.Policies = nil
		gone.Fallback = &escalation.Policy{Name: "last", Steps: []escalation.Step{step(0, "person:alice"), step(time.Minute, "person:carol")}}
		w.e.Use(gone)
		w.at(5 * time.Minute)
		w.expect(id, "opened "+alice+" "+carol)
	})
}

func TestPageIsHeldByOne(t *testing.T) {
	ctx := context.Background()
	each(t, setup(t, step(0, "person:alice")), func(w *watch) {
		id := w.report(true, t0)
		w.at(0)
		claim := func() []escalation.Page {
			w.t.Helper()
			p, _, err := w.e.Claim(ctx, id.Shard(), 10, 30*time.Second)
			if err != nil {
				w.t.Fatal(err)
			}
			return p
		}
		first := claim()
		if len(first) != 1 || first[0].Person != "alice" || first[0].Attempt != 1 || first[0].Incident != id {
			w.t.Fatalf("%+v", first)
		}
		if again := claim(); len(again) != 0 {
			w.t.Fatalf("claimed twice: %+v", again)
		}
		w.now = t0.Add(31 * time.Second)
		second := claim()
		if len(second) != 1 || second[0].Attempt != 2 || second[0].Key != first[0].Key {
			w.t.Fatalf("after the lease: %+v", second)
		}
		if err := w.e.Sent(ctx, first[0]); !errors.Is(err, escalation.ErrStale) {
			w.t.Fatalf("the holder of an old claim was believed: %v", err)
		}
		if err := w.e.Later(ctx, second[0], time.Minute, ""); err != nil {
			w.t.Fatal(err)
		}
		w.now = t0.Add(2 * time.Minute)
		third := claim()
		if len(third) != 1 {
			w.t.Fatalf("after later: %+v", third)
		}
		if err := w.e.Sent(ctx, third[0]); err != nil {
			w.t.Fatal(err)
		}
		w.expect(id, "opened page:alice:slack:U0ALICE:sent")
		w.now = t0.Add(time.Hour)
		if p := claim(); len(p) != 0 {
			w.t.Fatalf("claimed after it was sent: %+v", p)
		}
	})
}

func TestSummon(t *testing.T) {
	ctx := context.Background()
	each(t, setup(t, step(time.Hour, "person:alice")), func(w *watch) {
		id := w.report(true, t0)
		in, err := w.in.Get(ctx, id)
		if err != nil {
			w.t.Fatal(err)
		}
		by := incidents.By{Actor: incidents.Actor{Person: "alice", Via: "slack"}, Request: "1"}
		for range 2 {
			if err := w.e.Summon(ctx, &in, "bob", by); err != nil {
				w.t.Fatal(err)
			}
		}
		if err := w.e.Summon(ctx, &in, "dave", by); !errors.Is(err, escalation.ErrUnreachable) {
			w.t.Fatal(err)
		}
		w.expect(id, "opened "+bob)
	})
}

// Two replicas poll a real server clock: everything due fires, nothing twice.
func TestTwoReplicasFireOnce(t *testing.T) {
	srv := redistest.Start(t)
	ctx, cancel := context.WithCancel(context.Background())
	var engines []*escalation.Engine
	var services []*incidents.Service
	s := setup(t, step(0, "person:alice"), step(time.Second, "person:bob"))
	done := make(chan error, 4)
	for range 2 {
		store := srv.Open(nil)
		in := incidents.New(store, incidents.Config{})
		e := escalation.New(store, in, escalation.Config{Setup: s})
		go func() { done <- in.Run(ctx) }()
		go func() { done <- e.Run(ctx) }()
		engines, services = append(engines, e), append(services, in)
	}
	t.Cleanup(func() {
		cancel()
		for range 4 {
			<-done
		}
	})
	const count = 60
	for n := range count {
		r := incidents.Report{Status: incidents.Firing, StartsAt: time.Now(), Labels: map[string]string{"alertname": fmt.Sprint("A", n)}}
		_, err := services[n%2].Ingest(ctx, "prom", incidents.Batch{Reports: []incidents.Report{r}}, func(_ string, r *incidents.Report) incidents.Decision {
			return incidents.Decision{Name: "all", GroupID: r.Labels["alertname"], Severity: "P2", Policy: "web"}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	fired := func() int64 { return engines[0].Counters.Fired.Load() + engines[1].Counters.Fired.Load() }
	redistest.Until(t, 15*time.Second, "two steps of every ladder", func() bool { return fired() >= 2*count })
	list, _, err := services[0].List(ctx, incidents.Filter{Limit: 500})
	if err != nil || len(list) != count {
		t.Fatal(len(list), err)
	}
	for _, i := range list {
		lines, err := services[0].History(ctx, i.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		var people []string
		for _, l := range lines {
			if l.Kind == "page" {
				people = append(people, field(string(l.Data), "person"))
			}
		}
		if strings.Join(people, " ") != "alice bob" {
			t.Fatalf("incident %d paged %v", i.Number, people)
		}
		gap := lines[2].At.Sub(lines[1].At)
		if gap < time.Second {
			t.Fatalf("incident %d: the second step came %v after the first", i.Number, gap)
		}
	}
}
