package escalation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
	"dogwatch/schedules"
)

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// watch is a small house up to this package, with a clock that the test moves.
type watch struct {
	t     *testing.T
	store *state.Store
	in    *incidents.Service
	e     *escalation.Engine
	now   time.Time
}

func people(t testing.TB) *schedules.Directory {
	d, faults := schedules.NewDirectory([]schedules.Person{
		{ID: "alice", Name: "Alice Chen", Timezone: "UTC", Slack: "U0ALICE", Roles: schedules.Roles{schedules.Responder}}, {ID: "bob", Name: "Bob", Timezone: "UTC", Slack: "U0BOB", Roles: schedules.Roles{schedules.Responder}},
		{ID: "carol", Name: "Carol", Timezone: "UTC", Slack: "U0CAROL"}, {ID: "dave", Name: "Dave", Timezone: "UTC"},
	}, []schedules.Team{{Name: "web", Members: []string{"alice", "bob"}}})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return d
}

func target(s string) escalation.Target {
	kind, name, _ := strings.Cut(s, ":")
	return escalation.Target{Kind: kind, Name: name}
}

func step(after time.Duration, to ...string) escalation.Step {
	s := escalation.Step{After: after}
	for _, x := range to {
		s.Notify = append(s.Notify, target(x))
	}
	return s
}

func setup(t testing.TB, steps ...escalation.Step) *escalation.Setup {
	reach := func(p schedules.Person) []string {
		if p.Slack == "" {
			return nil
		}
		return []string{"slack:" + p.Slack}
	}
	return &escalation.Setup{Policies: map[string]*escalation.Policy{"web": {Name: "web", Steps: steps}},
		Roster: &escalation.Roster{Directory: people(t), Schedules: map[string]*schedules.Compiled{}, Reach: reach}}
}

func each(t *testing.T, s *escalation.Setup, f func(w *watch)) {
	w := &watch{}
	redistest.Each(t, func() time.Time { return w.now }, func(t *testing.T, store *state.Store) {
		*w = watch{t: t, store: store, now: t0}
		w.in = incidents.New(store, incidents.Config{StaleAfter: time.Hour})
		w.in.Use(people(t))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- w.in.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-done })
		w.e = escalation.New(store, w.in, escalation.Config{Setup: s, StaleAfter: time.Hour})
		f(w)
	})
}

func (w *watch) report(firing bool, at time.Time) incidents.ID {
	w.t.Helper()
	r := incidents.Report{Fingerprint: "f", Status: incidents.Firing, StartsAt: at, Labels: map[string]string{"alertname": "Disk"}}
	if !firing {
		r.Status, r.EndsAt = incidents.Resolved, at
	}
	_, err := w.in.Ingest(context.Background(), "prom", incidents.Batch{Reports: []incidents.Report{r}}, func(string, *incidents.Report) incidents.Decision {
		return incidents.Decision{Name: "all", GroupID: "g", GroupKey: "g", Severity: "P2", Policy: "web", Channels: []string{"slack:C0OPS"}}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	list, _, err := w.in.List(context.Background(), incidents.Filter{})
	if err != nil || len(list) == 0 {
		w.t.Fatal(err)
	}
	return list[0].ID
}

// at moves the clock and lets what is due happen.
func (w *watch) at(d time.Duration) {
	w.t.Helper()
	w.now = t0.Add(d)
	for n := range w.store.Shards() {
		if _, err := w.e.Tick(context.Background(), n); err != nil {
			w.t.Fatal(err)
		}
	}
}

// story is the history as "kind:who" words.
func (w *watch) story(id incidents.ID) string {
	w.t.Helper()
	lines, err := w.in.History(context.Background(), id, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, l := range lines {
		word := l.Kind
		for _, k := range []string{"person", "channel", "reason", "state"} {
			if v := field(string(l.Data), k); v != "" && l.Kind != "opened" {
				word += ":" + v
			}
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

func field(json, name string) string {
	_, rest, ok := strings.Cut(json, `"`+name+`":"`)
	if !ok {
		return ""
	}
	v, _, _ := strings.Cut(rest, `"`)
	return v
}

func (w *watch) expect(id incidents.ID, want string) {
	w.t.Helper()
	if got := w.story(id); got != want {
		w.t.Fatalf("history\n got %s\nwant %s", got, want)
	}
}

const alice, bob, carol = "page:alice:slack:U0ALICE:queued", "page:bob:slack:U0BOB:queued", "page:carol:slack:U0CAROL:queued"
