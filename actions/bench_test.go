package actions_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/incidents"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
	"dogwatch/schedules"
)

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// bench is a service on a store whose clock the test moves. alice asks; bob and carol may approve; dave is on call and may; erin has no
// role at all; frank approves but no action names him; grace is an admin.
type bench struct {
	*testing.T
	s      *actions.Service
	store  *state.Store
	inc    *incidents.Service
	mu     sync.Mutex
	now    time.Time
	onCall []string
	people []schedules.Person
	defs   []actions.Definition
	seal   []byte
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) at(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = t
}

// each runs a test on a real Redis and on miniredis.
func each(t *testing.T, f func(b *bench)) {
	b := &bench{}
	redistest.Each(t, b.clock, func(t *testing.T, store *state.Store) {
		b.at(t0)
		b.begin(t, store)
		f(b)
	})
}

// serverClock is a bench on the server's clock.
func serverClock(t *testing.T) *bench {
	b := &bench{}
	b.begin(t, redistest.Start(t).Open(nil))
	return b
}

func (b *bench) begin(t *testing.T, store *state.Store) {
	b.T, b.store, b.s, b.inc = t, store, actions.New(store), incidents.New(store, incidents.Config{})
	b.onCall = []string{"dave"}
	both := schedules.Roles{schedules.Responder, schedules.Approver}
	b.people = []schedules.Person{
		{ID: "alice", Roles: both}, {ID: "bob", Roles: both}, {ID: "carol", Roles: both}, {ID: "dave", Roles: both},
		{ID: "erin"}, {ID: "frank", Roles: both}, {ID: "grace", Roles: schedules.Roles{schedules.Admin}},
	}
	b.defs = []actions.Definition{
		{Name: "restart", Title: "Restart a service", Runner: "play", Argv: []string{"systemctl", "restart", "{{ .params.unit }}"}, Timeout: time.Minute,
			Params:   map[string]actions.Param{"unit": {Pattern: `^[a-z0-9-]+\.service$`, Required: true}},
			Approval: actions.Approval{Approvers: []string{"team:web", "schedule:primary"}}},
		{Name: "two", Runner: "play", Argv: []string{"true"}, Timeout: time.Minute,
			Approval: actions.Approval{Approvers: []string{"team:web"}, Quorum: 2, Expires: time.Minute}},
		{Name: "free", Runner: "play", Argv: []string{"df"}, Timeout: time.Minute, Approval: actions.Approval{None: true}},
		{Name: "own", Runner: "play", Argv: []string{"true"}, Timeout: time.Minute,
			Approval: actions.Approval{Approvers: []string{"person:alice"}, Own: true}},
		{Name: "nobody", Runner: "play", Argv: []string{"true"}, Timeout: time.Minute},
	}
	b.use()
}

// use hands the present people and definitions to the service, as a reload does.
func (b *bench) use() {
	b.Helper()
	directory, faults := schedules.NewDirectory(b.people, []schedules.Team{{Name: "web", Members: []string{"alice", "bob", "carol"}}})
	if len(faults) > 0 {
		b.Fatal(faults)
	}
	catalog, faults := actions.NewCatalog(b.defs)
	if len(faults) > 0 {
		b.Fatal(faults)
	}
	b.inc.Use(directory)
	b.s.Use(actions.Setup{Catalog: catalog, Directory: directory, Seal: b.seal, OnCall: func(schedule string, _ time.Time) []string {
		if schedule != "primary" {
			return nil
		}
		return slices.Clone(b.onCall)
	}})
}

func by(person, request string) actions.By {
	return actions.By{Actor: incidents.Actor{Person: person, Via: "web"}, Request: request}
}

// ask makes a request of an action and fails if it is refused.
func (b *bench) ask(action string, incident incidents.ID) actions.Request {
	b.Helper()
	a := actions.Ask{Action: action, Incident: incident, Reason: "it hangs"}
	if action == "restart" {
		a.Params = map[string]any{"unit": "nginx.service"}
	}
	r, err := b.s.Request(b.Context(), by("alice", ""), a)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// incident declares one.
func (b *bench) incident() incidents.ID {
	b.Helper()
	id, err := b.inc.Declare(b.Context(), by("alice", ""), incidents.Declaration{Title: "Site down", Severity: "P1"})
	if err != nil {
		b.Fatal(err)
	}
	return id
}

func (b *bench) get(id actions.RequestID) actions.Request {
	b.Helper()
	r, err := b.s.Get(context.Background(), id)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// stands fails unless the request is in this state.
func (b *bench) stands(id actions.RequestID, want actions.State) actions.Request {
	b.Helper()
	r := b.get(id)
	if r.State != want {
		b.Fatalf("request is %s (%s %s), want %s", r.State, r.Outcome, r.Detail, want)
	}
	return r
}

// kinds are the kinds of a request's lines.
func (b *bench) kinds(id actions.RequestID) []string {
	b.Helper()
	lines, err := b.s.History(context.Background(), id, 1)
	if err != nil {
		b.Fatal(err)
	}
	var all []string
	for _, l := range lines {
		all = append(all, l.Kind)
	}
	return all
}

// late checks that an error says where the request stands and who was first.
func (b *bench) late(err error, st actions.State, who string) {
	b.Helper()
	var l *actions.LateError
	if !errors.As(err, &l) || l.State != st || l.By != who {
		b.Fatalf("got %#v (%v), want late: %s by %q", err, err, st, who)
	}
}

// denied checks why somebody was refused.
func (b *bench) denied(err error, why actions.Denial) {
	b.Helper()
	var d *actions.DeniedError
	if !errors.As(err, &d) || d.Why != why {
		b.Fatalf("got %v, want %s", err, why)
	}
}

// stage is a runner that the test directs.
type stage struct {
	mu      sync.Mutex
	runs    []actions.Order
	perform func(ctx context.Context, o actions.Order, out func([]byte)) (actions.Outcome, error)
	// around, if not nil, calls started.
	around func(started func() error) error
}

func (s *stage) Run(ctx context.Context, o actions.Order, started func() error, out func([]byte)) (actions.Outcome, error) {
	around := s.around
	if around == nil {
		around = func(started func() error) error { return started() }
	}
	if err := around(started); err != nil {
		return actions.Outcome{}, errors.Join(actions.ErrNotStarted, err)
	}
	s.mu.Lock()
	s.runs = append(s.runs, o)
	s.mu.Unlock()
	if s.perform == nil {
		return actions.Outcome{}, nil
	}
	return s.perform(ctx, o, out)
}

func (s *stage) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.runs)
}

// work starts a worker with this runner and ledger folder; end stops it and waits.
func (b *bench) work(r actions.Runner, dir string, set ...func(*actions.WorkerConfig)) (w *actions.Worker, end func()) {
	b.Helper()
	ledger, err := actions.OpenLedger(dir)
	if err != nil {
		b.Fatal(err)
	}
	cfg := actions.WorkerConfig{Name: "here", Runners: map[string]actions.Runner{"play": r}, Ledger: ledger, Beat: 20 * time.Millisecond,
		Drain: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	for _, f := range set {
		f(&cfg)
	}
	w = actions.NewWorker(b.s, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		ledger.Close()
	})
	b.Cleanup(end)
	return w, end
}

// until waits for a request to reach a state.
func (b *bench) until(id actions.RequestID, want actions.State) actions.Request {
	b.Helper()
	redistest.Until(b.T, 15*time.Second, "request "+string(want), func() bool { return b.get(id).State == want })
	return b.get(id)
}
