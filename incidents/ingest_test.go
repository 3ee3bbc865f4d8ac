package incidents_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dogwatch/incidents"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

func TestJourneyOfOneGroup(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		b.ingest(alert("Disk", "a", true, t0))
		i := b.only()
		want := incidents.Incident{ID: i.ID, Number: 1, State: incidents.Triggered, Severity: "P3", Title: "Disk is wrong", Source: "prom", Route: "all",
			Policy: "web", GroupKey: "Disk", CreatedAt: t0, Assignees: []string{}, Alerts: incidents.Counts{Firing: 1, Total: 1, Received: 1},
			Channels: []string{"web:ops"}, Show: []string{"summary"}, Summary: map[string]string{"summary": "Disk is wrong"},
			Labels: map[string]string{"alertname": "Disk", "instance": "a"}, Version: 1, Step: -1}
		if d := cmp.Diff(want, i); d != "" {
			b.t.Fatal(d)
		}
		b.ingest(alert("Disk", "a", true, t0), alert("Disk", "b", true, t0), alert("Disk", "a", true, t0))
		b.now = t0.Add(time.Minute)
		b.ingest(alert("Disk", "a", false, t0))
		if i = b.only(); i.Alerts != (incidents.Counts{Firing: 1, Total: 2, Received: 5}) || i.State != incidents.Triggered {
			b.t.Fatalf("after one of two resolved: %+v", i)
		}
		b.ingest(alert("Disk", "b", false, t0))
		i = b.only()
		if i.State != incidents.Closed || *i.ResolvedBy != "" || !i.ResolvedAt.Equal(b.now) {
			b.t.Fatalf("after the last resolved: %+v", i)
		}
		if k := b.kinds(i.ID); k != "opened alert_firing alert_resolved alert_resolved resolved" {
			b.t.Fatalf("history: %s", k)
		}
		b.ingest(alert("Disk", "a", true, t0))
		if i = b.only(); i.State != incidents.Closed || i.Alerts.Received != 7 {
			b.t.Fatalf("a late firing with the same start changed something: %+v", i)
		}
		alerts, err := b.s.Alerts(context.Background(), i.ID, 0)
		if err != nil || len(alerts) != 2 || alerts[0].Labels["instance"] != "a" || alerts[0].Status != incidents.Resolved || alerts[0].Received != 5 {
			b.t.Fatalf("alerts: %+v %v", alerts, err)
		}
	})
}

func TestFiringAnewReopensOrFollows(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		b.ingest(alert("Disk", "a", true, t0))
		b.ingest(alert("Disk", "a", false, t0))
		b.now = t0.Add(5 * time.Minute)
		b.ingest(alert("Disk", "a", true, t0.Add(4*time.Minute)))
		i := b.only()
		if i.State != incidents.Triggered || i.Flaps != 1 || i.ResolvedAt != nil {
			b.t.Fatalf("fired anew within the window: %+v", i)
		}
		b.ingest(alert("Disk", "a", false, t0.Add(4*time.Minute)))
		b.now = t0.Add(time.Hour)
		b.ingest(alert("Disk", "a", true, t0.Add(59*time.Minute)), alert("Disk", "a", true, t0.Add(59*time.Minute)))
		list := b.list(incidents.Filter{})
		if len(list) != 2 || list[0].State != incidents.Triggered || list[1].State != incidents.Closed || list[0].Number == list[1].Number {
			b.t.Fatalf("fired anew after the window: %+v", list)
		}
		if open := b.list(incidents.Filter{States: []incidents.State{incidents.Triggered}}); len(open) != 1 || open[0].ID != list[0].ID {
			b.t.Fatalf("open ones: %+v", open)
		}
	})
}

// A person said resolved; the source still says firing, hours later: that is a new incident, not silence.
func TestStillFiringAfterManualResolve(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		b.ingest(alert("Disk", "a", true, t0))
		by := incidents.By{Actor: incidents.Actor{Person: "alice", Via: "web"}, Request: "r1"}
		if err := b.s.Resolve(context.Background(), b.only().ID, by, "fixed"); err != nil {
			b.t.Fatal(err)
		}
		b.now = t0.Add(time.Minute)
		b.ingest(alert("Disk", "a", true, t0))
		if i := b.only(); i.State != incidents.Closed {
			b.t.Fatalf("a repeat reopened what a person had resolved a minute before: %+v", i)
		}
		b.now = t0.Add(4 * time.Hour)
		b.ingest(alert("Disk", "a", true, t0))
		if list := b.list(incidents.Filter{}); len(list) != 2 || list[0].State != incidents.Triggered {
			b.t.Fatalf("still firing hours later: %+v", list)
		}
	})
}

// Whatever the order in which reports arrive, the alert ends in the same state.
func TestAnyOrderSameState(t *testing.T) {
	reports := []incidents.Report{
		alert("Disk", "a", true, t0), alert("Disk", "a", true, t0), alert("Disk", "a", false, t0),
		alert("Disk", "b", true, t0), alert("Disk", "b", false, t0), alert("Disk", "b", true, t0.Add(2*time.Minute)),
	}
	rng := rand.New(rand.NewPCG(7, 7))
	each(t, incidents.Config{}, func(b *bench) {
		for round := range 40 {
			name := fmt.Sprint("Disk", round)
			var order []incidents.Report
			for _, k := range rng.Perm(len(reports)) {
				r := reports[k]
				r.Labels = map[string]string{"alertname": name, "instance": r.Labels["instance"]}
				r.Fingerprint = name + r.Labels["instance"]
				order = append(order, r)
			}
			for _, r := range order {
				b.ingest(r)
			}
			got := map[string]incidents.Status{}
			received := int64(0)
			for _, i := range b.list(incidents.Filter{Limit: 500}) {
				if i.GroupKey != name {
					continue
				}
				received += i.Alerts.Received
				alerts, err := b.s.Alerts(context.Background(), i.ID, 0)
				if err != nil {
					b.t.Fatal(err)
				}
				for _, a := range alerts {
					got[a.Labels["instance"]] = a.Status
				}
				if (i.State == incidents.Closed) != (i.Alerts.Firing == 0) {
					b.t.Fatalf("round %d: state %s with %d firing", round, i.State, i.Alerts.Firing)
				}
			}
			if d := cmp.Diff(map[string]incidents.Status{"a": incidents.Resolved, "b": incidents.Firing}, got); d != "" || received != int64(len(reports)) {
				b.t.Fatalf("round %d, received %d: %s", round, received, d)
			}
		}
	})
}

// Two replicas of a source and of dogwatch send and take the same at the same time: one incident, exact counts.
func TestTwinsAtOnce(t *testing.T) {
	srv := redistest.Start(t)
	services := []*incidents.Service{run(t, srv.Open(nil), incidents.Config{}), run(t, srv.Open(nil), incidents.Config{})}
	var wg sync.WaitGroup
	const rounds, names = 40, 5
	for w := range 4 {
		wg.Go(func() {
			for i := range rounds {
				r := alert(fmt.Sprint("N", i%names), fmt.Sprint("i", i), true, t0)
				if _, err := services[w%2].Ingest(context.Background(), "prom", incidents.Batch{Reports: []incidents.Report{r}}, route); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, _, err := services[0].List(context.Background(), incidents.Filter{})
	if err != nil || len(list) != names {
		t.Fatalf("%d incidents, want %d: %v", len(list), names, err)
	}
	numbers := map[int64]bool{}
	for _, i := range list {
		numbers[i.Number] = true
		if i.Alerts != (incidents.Counts{Firing: rounds / names, Total: rounds / names, Received: 4 * rounds / names}) {
			t.Errorf("%s: %+v", i.GroupKey, i.Alerts)
		}
		got, err := services[1].Find(context.Background(), fmt.Sprint("#", i.Number))
		if err != nil || got != i.ID {
			t.Errorf("number %d finds %s, %v", i.Number, got, err)
		}
	}
	if len(numbers) != names {
		t.Errorf("numbers are not unique: %v", numbers)
	}
}

// The routes changed between firing and resolution: the resolution finds the incident that holds the alert.
func TestResolutionFindsItsIncident(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		b.ingest(alert("Disk", "a", true, t0))
		other := func(source string, r *incidents.Report) incidents.Decision {
			d := route(source, r)
			d.Name, d.GroupID = "other", "other"+d.GroupID
			return d
		}
		r := alert("Disk", "a", false, t0)
		if n, err := b.s.Ingest(context.Background(), "prom", incidents.Batch{Reports: []incidents.Report{r}}, other); err != nil || n != 1 {
			b.t.Fatal(n, err)
		}
		if i := b.only(); i.State != incidents.Closed || i.Route != "all" {
			b.t.Fatalf("%+v", i)
		}
	})
}

// The routes changed while an alert fires, and it is repeated before it resolves: its running incident keeps it, and no second
// one goes on paging.
func TestRunningIncidentKeepsItsAlertsWhenRoutesChange(t *testing.T) {
	ctx := context.Background()
	other := func(source string, r *incidents.Report) incidents.Decision {
		d := route(source, r)
		d.Name, d.GroupID = "other", "other"+d.GroupID
		return d
	}
	each(t, incidents.Config{}, func(b *bench) {
		for _, hash := range []string{"routes of before", "routes of before"} {
			if err := b.s.Routes(ctx, hash); err != nil {
				b.t.Fatal(err)
			}
		}
		b.ingest(alert("Disk", "a", true, t0))
		if err := b.s.Routes(ctx, "routes of today"); err != nil {
			b.t.Fatal(err)
		}
		for _, r := range []incidents.Report{alert("Disk", "a", true, t0), alert("Disk", "a", false, t0)} {
			if n, err := b.s.Ingest(ctx, "prom", incidents.Batch{Reports: []incidents.Report{r}}, other); err != nil || n != 1 {
				b.t.Fatal(n, err)
			}
		}
		if i := b.only(); i.State != incidents.Closed || i.Route != "all" || i.Alerts.Received != 3 {
			b.t.Fatalf("%+v", i)
		}
		b.now = t0.Add(time.Second)
		fresh := alert("Disk", "b", true, t0)
		if _, err := b.s.Ingest(ctx, "prom", incidents.Batch{Reports: []incidents.Report{fresh}}, other); err != nil {
			b.t.Fatal(err)
		}
		if list := b.list(incidents.Filter{}); len(list) != 2 || list[0].Route != "other" {
			b.t.Fatalf("a new alert under the new routes: %+v", list)
		}
	})
}

func TestBigBodyAndOverflow(t *testing.T) {
	each(t, incidents.Config{FullTexts: 10, MaxOpen: 16}, func(b *bench) {
		var big []incidents.Report
		for i := range 1234 {
			big = append(big, alert("Big", fmt.Sprint(i), true, t0))
		}
		b.ingest(big...)
		b.ingest(big...)
		i := b.only()
		if i.Alerts != (incidents.Counts{Firing: 1234, Total: 1234, Received: 2468}) {
			b.t.Fatalf("%+v", i.Alerts)
		}
		alerts, err := b.s.Alerts(context.Background(), i.ID, 0)
		dropped := 0
		for _, a := range alerts {
			if a.TextDropped {
				dropped++
			}
		}
		if err != nil || len(alerts) != 1234 || dropped != 1224 {
			b.t.Fatalf("%d alerts, %d without text, %v", len(alerts), dropped, err)
		}
		for n := range 200 {
			b.ingest(alert(fmt.Sprint("Group", n), "a", true, t0))
		}
		list := b.list(incidents.Filter{Limit: 500})
		sum := int64(0)
		for _, i := range list {
			sum += i.Alerts.Total
		}
		if len(list) > 17 || sum != 1434 {
			b.t.Fatalf("%d incidents with %d alerts", len(list), sum)
		}
	})
}

func TestStaleAlertsResolve(t *testing.T) {
	each(t, incidents.Config{StaleAfter: time.Hour}, func(b *bench) {
		b.ingest(alert("Disk", "a", true, t0), alert("Disk", "b", true, t0))
		id := b.only().ID
		b.now = t0.Add(40 * time.Minute)
		b.ingest(alert("Disk", "b", true, t0))
		b.now = t0.Add(time.Hour)
		if n, err := b.s.Expire(context.Background(), id, b.now); err != nil || n != 1 {
			b.t.Fatalf("%d went stale: %v", n, err)
		}
		due, err := b.store.Client().ZScore(context.Background(), incidents.Timers(b.store, id.Shard()), "s:"+string(id)).Result()
		if err != nil || int64(due) != t0.Add(100*time.Minute).UnixMilli() {
			b.t.Fatalf("looks again at %v: %v", time.UnixMilli(int64(due)), err)
		}
		b.now = t0.Add(100 * time.Minute)
		if n, err := b.s.Expire(context.Background(), id, b.now); err != nil || n != 1 {
			b.t.Fatalf("%d went stale: %v", n, err)
		}
		if i := b.only(); i.State != incidents.Closed {
			b.t.Fatalf("%+v", i)
		}
	})
}

func TestAudited(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		b.ingest(alert("Disk", "a", true, t0), alert("Disk", "b", true, t0))
		b.ingest(alert("Disk", "a", true, t0))
		id := b.only().ID
		by := incidents.By{Actor: incidents.Actor{Person: "alice", Via: "slack"}, Request: "r"}
		for range 3 {
			if err := b.s.Acknowledge(context.Background(), id, by, ""); err != nil {
				b.t.Fatal(err)
			}
		}
		b.ingest(alert("Disk", "a", false, t0), alert("Disk", "b", false, t0))
		got, err := b.store.Client().XRange(context.Background(), b.store.Key(id.Shard(), "audit"), "-", "+").Result()
		if err != nil {
			b.t.Fatal(err)
		}
		var do []string
		for n, m := range got {
			if m.ID != fmt.Sprintf("%d-0", n+1) {
				b.t.Fatalf("entry %d has id %s", n, m.ID)
			}
			e, _ := m.Values["e"].(string)
			do = append(do, strings.Split(strings.SplitN(e, `"do":"`, 2)[1], `"`)[0])
		}
		if s := strings.Join(do, " "); s != "incident.opened incident.acknowledge incident.resolved" {
			b.t.Fatalf("audited: %s", s)
		}
	})
}

func TestIngestSaysWhenItCannotKeep(t *testing.T) {
	srv := redistest.Start(t)
	s := run(t, srv.Open(nil), incidents.Config{})
	srv.Kill()
	_, err := s.Ingest(context.Background(), "prom", incidents.Batch{Reports: []incidents.Report{alert("Disk", "a", true, t0)}}, route)
	if !state.Unavailable(err) {
		t.Fatalf("got %v", err)
	}
	srv.Up()
	n, err := s.Ingest(context.Background(), "prom", incidents.Batch{Reports: []incidents.Report{alert("Disk", "a", true, t0)}}, route)
	if err != nil || n != 1 {
		t.Fatalf("after restart: %d, %v", n, err)
	}
	full := incidents.New(srv.Open(nil), incidents.Config{Queue: 1}) // nobody runs it: what is handed over waits
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error, 1)
	b := func() incidents.Batch {
		return incidents.Batch{Reports: []incidents.Report{alert("Disk", "a", true, t0)}}
	}
	go func() {
		_, err := full.Ingest(ctx, "prom", b(), route)
		first <- err
	}()
	redistest.Until(t, 5*time.Second, "the first body to wait", func() bool { return full.Waiting() == 1 })
	if _, err := full.Ingest(context.Background(), "prom", b(), route); !errors.Is(err, incidents.ErrBusy) {
		t.Fatalf("second: %v", err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Fatalf("first: %v", err)
	}
}

func TestDeadLetters(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		id, err := b.s.Bury(context.Background(), "prom", "not JSON", []byte("rubbish\x00\xff"))
		if err != nil {
			b.t.Fatal(err)
		}
		d, err := b.s.Exhume(context.Background(), id)
		if err != nil || string(d.Body) != "rubbish\x00\xff" || d.Source != "prom" || d.Reason != "not JSON" {
			b.t.Fatalf("%+v %v", d, err)
		}
		if _, err := b.s.Exhume(context.Background(), "99-1-1"); !errors.Is(err, incidents.ErrUnknown) {
			b.t.Fatalf("got %v", err)
		}
	})
}
