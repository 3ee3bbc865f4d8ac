package escalation

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/failpoint"
	"dogwatch/internal/state"
)

// Engine walks the ladders of one Redis. Any number of replicas may run it; each due timer has its effect once.
type Engine struct {
	store     *state.Store
	incidents *incidents.Service
	setup     atomic.Pointer[Setup]
	wakes     []chan struct{}
	stale     time.Duration
	onError   func(error)
	Counters  Counters
}

// Counters are plain values for whoever measures.
type Counters struct {
	Fired    atomic.Int64 // timers that took effect here
	Lost     atomic.Int64 // timers that another replica was first to
	Mended   atomic.Int64 // timers the reconcile pass made anew
	Pages    atomic.Int64
	Nobody   atomic.Int64 // steps that reached nobody
	Failed   atomic.Int64 // rounds of a shard that ended with an error
	LateMS   atomic.Int64 // lateness of the last timer that fired, in ms
	Lateness Histogram
	LastPass atomic.Int64 // when a whole reconcile pass last ended, Unix ms by this process' clock
}

// Histogram counts latenesses: how many were at most each bound.
type Histogram struct {
	Buckets [8]atomic.Int64
	Sum     atomic.Int64 // ms
}

// LatenessBounds are the histogram's upper bounds; what is above the last is in the last bucket.
var LatenessBounds = [8]time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond,
	500 * time.Millisecond, 2 * time.Second, 30 * time.Second, 1 << 62}

func (h *Histogram) note(late time.Duration) {
	h.Sum.Add(late.Milliseconds())
	for i, b := range LatenessBounds {
		if late <= b {
			h.Buckets[i].Add(1)
			return
		}
	}
}

// Config of an engine.
type Config struct {
	Setup *Setup
	// StaleAfter is that of incidents.Config, for timers that must be made anew; 0: none are.
	StaleAfter time.Duration
	// OnError hears of errors that the engine survives; nil: nobody does.
	OnError func(error)
}

// New makes an engine.
func New(store *state.Store, in *incidents.Service, cfg Config) *Engine {
	e := &Engine{store: store, incidents: in, stale: cfg.StaleAfter, onError: cfg.OnError}
	if e.onError == nil {
		e.onError = func(error) {}
	}
	e.Use(cfg.Setup)
	for range store.Shards() {
		e.wakes = append(e.wakes, make(chan struct{}, 1))
	}
	return e
}

// Use replaces policies and roster. Running ladders follow the new ones from where they stand.
func (e *Engine) Use(s *Setup) { e.setup.Store(s) }

// Roster is the one in use.
func (e *Engine) Roster() *Roster { return e.setup.Load().Roster }

// Policies in use, by name.
func (e *Engine) Policies() map[string]*Policy { return e.setup.Load().Policies }

// Run walks until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for n := range e.store.Shards() {
		wg.Go(func() { e.watch(ctx, n) })
		wg.Go(func() {
			wake := func() {
				select {
				case e.wakes[n] <- struct{}{}:
				default:
				}
			}
			e.store.Follow(ctx, n, func([]state.Change) { wake() }, wake)
		})
	}
	wg.Go(func() { e.reconcile(ctx) })
	wg.Wait()
	return nil
}

// longest is how long a shard's poller sleeps when it knows of no timer: an alert's first timer wakes it through the log.
const longest = 2 * time.Second

func (e *Engine) watch(ctx context.Context, shard int) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	wait := 100 * time.Millisecond
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.wakes[shard]:
		case <-timer.C:
		}
		sleep, err := e.Tick(ctx, shard)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			e.Counters.Failed.Add(1)
			e.onError(fmt.Errorf("walk ladders of shard %d: %w", shard, err))
			sleep, wait = wait, min(2*wait, 2*time.Second)
		} else {
			wait = 100 * time.Millisecond
		}
		timer.Reset(sleep)
	}
}

// due is one timer that is due.
type due struct {
	kind byte // 'l' ladder, 's' stale alerts
	id   incidents.ID
	at   string // ms, as read
}

// Tick makes the due timers of a shard take effect and returns how long to sleep until the next one.
func (e *Engine) Tick(ctx context.Context, shard int) (time.Duration, error) {
	for {
		now, next, list, err := e.due(ctx, shard)
		if err != nil {
			return 0, err
		}
		if len(list) > 0 {
			moved, err := e.fire(ctx, shard, now, list)
			if err != nil {
				return 0, err
			}
			if !moved {
				// Others were first, or something here was edited by hand: not again at once.
				return 50 * time.Millisecond, nil
			}
			continue
		}
		if next.IsZero() {
			return longest, nil
		}
		return min(max(next.Sub(now), 0), longest), nil
	}
}

func (e *Engine) due(ctx context.Context, shard int) (now, next time.Time, list []due, err error) {
	v, err := e.store.Run(ctx, state.Call{Script: dueScript, Shard: shard, Keys: []string{incidents.Timers(e.store, shard)}, Args: []any{256}})
	if err != nil {
		return now, next, nil, err
	}
	f := texts(v)
	if len(f) < 2 {
		return now, next, nil, fmt.Errorf("due returned %d fields", len(f))
	}
	now, next = millis(f[0]), millis(f[1])
	for i := 2; i+1 < len(f); i += 2 {
		if len(f[i]) > 2 && f[i][1] == ':' {
			list = append(list, due{f[i][0], incidents.ID(f[i][2:]), f[i+1]})
		}
	}
	return now, next, list, nil
}

// fire makes timers take effect: ladders in one pipeline, stale alerts one by one. moved says whether any did.
func (e *Engine) fire(ctx context.Context, shard int, now time.Time, list []due) (moved bool, err error) {
	var ids []incidents.ID
	for _, d := range list {
		ids = append(ids, d.id)
	}
	all, err := e.incidents.GetAll(ctx, ids)
	if err != nil {
		return false, err
	}
	byID := map[incidents.ID]*incidents.Incident{}
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	setup := e.setup.Load()
	var calls []state.Call
	var fired []due
	for _, d := range list {
		in := byID[d.id]
		switch {
		case in == nil:
			// The incident was deleted by hand: its timer goes too.
			calls = append(calls, e.forget(shard, d))
		case d.kind == 's':
			if _, err := e.incidents.Expire(ctx, d.id, now); err != nil {
				return false, err
			}
			moved = true
			continue
		case in.SnoozedUntil != nil && !in.SnoozedUntil.After(now):
			calls = append(calls, e.wake(shard, d))
		default:
			calls = append(calls, e.step(setup, in, d, now))
		}
		fired = append(fired, d)
	}
	failpoint.Hit("timer_due")
	replies := e.store.DoAll(ctx, calls)
	failpoint.Hit("timer_fired")
	for i, r := range replies {
		if r.Err != nil {
			return moved, r.Err
		}
		if r.Value == "ok" {
			moved = true
			late := now.Sub(millis(fired[i].at))
			e.Counters.Fired.Add(1)
			e.Counters.LateMS.Store(late.Milliseconds())
			e.Counters.Lateness.note(late)
		} else {
			e.Counters.Lost.Add(1)
		}
	}
	return moved, nil
}

func (e *Engine) forget(shard int, d due) state.Call {
	return state.Call{Script: forgetScript, Shard: shard, Keys: []string{incidents.Timers(e.store, shard), incidents.Key(e.store, d.id)},
		Args: []any{string(d.kind) + ":" + string(d.id)}}
}

func (e *Engine) wake(shard int, d due) state.Call {
	return state.Call{Script: wakeScript, Shard: shard, Args: []any{string(d.id), d.at},
		Keys: []string{incidents.Key(e.store, d.id), incidents.HistoryKey(e.store, d.id), incidents.Timers(e.store, shard), incidents.Dirty(e.store, shard)}}
}

// step is the call that makes one rung take effect as next decides.
func (e *Engine) step(setup *Setup, in *incidents.Incident, d due, now time.Time) state.Call {
	shard := in.ID.Shard()
	at := Position{in.Step, in.Round, in.Reached, millis(d.at)}
	plan := next(setup.policy(in.Policy), at, Situation{Severity: in.Severity, Labels: in.Labels, Source: in.Source, Route: in.Route, Now: now}, setup.Roster)
	wait, reached := "", "0"
	if !plan.Due.IsZero() {
		wait = strconv.FormatInt(plan.Due.Sub(now).Milliseconds(), 10)
	}
	if plan.Next.Reached {
		reached = "1"
	}
	args := []any{string(in.ID), d.at, in.Step, in.Round, plan.Next.Step, plan.Next.Round, wait, reached, len(plan.Skips)}
	for _, s := range plan.Skips {
		e.Counters.Nobody.Add(1)
		args = append(args, "page_skipped", object("step", s.Step+1, "round", s.Round+1, "reason", s.Reason))
	}
	var entry []byte
	for _, c := range e.addresses(plan.Calls, setup.Channel, in) {
		args = append(args, e.queued(Page{Incident: in.ID, Person: c.Person, Address: c.Address, Severity: in.Severity, Step: c.Step, Round: c.Round,
			Nobody: c.Nobody, Key: fmt.Sprintf("p-%s-%s-%d-%d-%s", in.ID, d.at, c.Round, c.Step, short(c.Address))})...)
	}
	if len(plan.Calls)+len(plan.Skips) > 0 {
		entry = []byte(object("by", "system", "do", "incident.step", "incident", string(in.ID), "pages", len(plan.Calls), "round", in.Round, "step", in.Step))
	}
	return state.Call{Script: stepScript, Shard: shard, Audit: entry, Args: args,
		Keys: []string{incidents.Key(e.store, in.ID), incidents.HistoryKey(e.store, in.ID), incidents.Timers(e.store, shard), incidents.Dirty(e.store, shard),
			e.store.Key(shard, "pages"), e.store.Key(shard, "page")}}
}

// addresses turns the word that nobody was reached into one for the fallback channel, or for the incident's channels.
func (e *Engine) addresses(calls []Call, fallback string, in *incidents.Incident) []Call {
	channels := in.Channels
	if fallback != "" {
		channels = []string{fallback}
	}
	var out []Call
	for _, c := range calls {
		if !c.Nobody {
			out = append(out, c)
			continue
		}
		for _, ch := range channels {
			c.Address = ch
			out = append(out, c)
		}
	}
	return out
}
