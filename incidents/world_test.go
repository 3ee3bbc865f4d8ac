package incidents_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
	"dogwatch/schedules"
)

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// bench is a service on a store with a clock that the test moves.
type bench struct {
	t     *testing.T
	s     *incidents.Service
	store *state.Store
	now   time.Time
}

func (b *bench) clock() time.Time { return b.now }

func each(t *testing.T, cfg incidents.Config, f func(b *bench)) {
	b := &bench{}
	redistest.Each(t, b.clock, func(t *testing.T, store *state.Store) {
		*b = bench{t: t, store: store, now: t0}
		b.s = run(t, store, cfg)
		f(b)
	})
}

func run(t testing.TB, store *state.Store, cfg incidents.Config) *incidents.Service {
	s := incidents.New(store, cfg)
	s.Use(people(t))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// people are a to t and a few names, who may respond, and eve, who may only read.
func people(t testing.TB) *schedules.Directory {
	t.Helper()
	list := []schedules.Person{{ID: "eve", Name: "Eve", Timezone: "UTC", Roles: schedules.Roles{schedules.Viewer}}}
	for _, id := range append(strings.Split("abcdefghijklmnopqrst", ""), "alice", "bob", "carol") {
		list = append(list, schedules.Person{ID: id, Name: id, Timezone: "UTC", Roles: schedules.Roles{schedules.Responder}})
	}
	d, faults := schedules.NewDirectory(list, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return d
}

// route groups by alertname; severity and policy come from labels.
func route(source string, r *incidents.Report) incidents.Decision {
	d := incidents.Decision{Name: "all", GroupID: fmt.Sprintf("%d:%s%s", len(source), source, r.Labels["alertname"]),
		GroupKey: r.Labels["alertname"], Severity: "P3", Policy: "web", Channels: []string{"web:ops"}, Show: []string{"summary"}}
	if s := r.Labels["severity"]; s != "" {
		d.Severity = s
	}
	return d
}

func alert(name, instance string, firing bool, startsAt time.Time) incidents.Report {
	r := incidents.Report{Fingerprint: name + "-" + instance, Status: incidents.Firing, StartsAt: startsAt,
		Labels:      map[string]string{"alertname": name, "instance": instance},
		Annotations: map[string]string{"summary": name + " is wrong"}}
	if !firing {
		r.Status, r.EndsAt = incidents.Resolved, startsAt.Add(time.Minute)
	}
	return r
}

func (b *bench) ingest(reports ...incidents.Report) {
	b.t.Helper()
	n, err := b.s.Ingest(context.Background(), "prom", incidents.Batch{Reports: reports}, route)
	if err != nil || n != len(reports) {
		b.t.Fatalf("ingest accepted %d of %d: %v", n, len(reports), err)
	}
}

func (b *bench) list(f incidents.Filter) []incidents.Incident {
	b.t.Helper()
	list, _, err := b.s.List(context.Background(), f)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// only returns the one incident there is.
func (b *bench) only() incidents.Incident {
	b.t.Helper()
	list := b.list(incidents.Filter{})
	if len(list) != 1 {
		b.t.Fatalf("there are %d incidents, not 1", len(list))
	}
	return list[0]
}

func (b *bench) kinds(id incidents.ID) string {
	b.t.Helper()
	lines, err := b.s.History(context.Background(), id, 1)
	if err != nil {
		b.t.Fatal(err)
	}
	var k []string
	for _, l := range lines {
		k = append(k, l.Kind)
	}
	return strings.Join(k, " ")
}
