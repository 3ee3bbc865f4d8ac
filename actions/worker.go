package actions

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// WorkerConfig is what a worker needs. Runners and Ledger must be set; other zero values take the defaults.
type WorkerConfig struct {
	Name     string            // shown to people, as the host's name
	Runners  map[string]Runner // by the name that definitions use
	Ledger   *Ledger
	Secrets  []string      // values that are blotted out of every output, besides a definition's own
	Parallel int           // runs at once; default 4
	Lease    time.Duration // how long a silent worker keeps its run; default 30s
	Beat     time.Duration // how often it says that it lives; default 1s
	Drain    time.Duration // how long runs may go on when it is asked to end; default 20s
	Log      *slog.Logger  // nil: slog.Default()
}

// Worker runs what was approved: role "runner". It holds a lease on each run and stops what it lost.
type Worker struct {
	s     *Service
	cfg   WorkerConfig
	log   *slog.Logger
	freed chan struct{} // a run has ended

	mu     sync.Mutex
	active map[RequestID]bool // claimed or being claimed here
	ended  map[Result]int64

	connected time.Time // since when Redis has answered without a fault; zero while it does not
}

// NewWorker makes a worker of this service's requests.
func NewWorker(s *Service, cfg WorkerConfig) *Worker {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&cfg.Lease, 30*time.Second)
	def(&cfg.Beat, time.Second)
	def(&cfg.Drain, 20*time.Second)
	if cfg.Parallel <= 0 {
		cfg.Parallel = 4
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Worker{s: s, cfg: cfg, log: cfg.Log, freed: make(chan struct{}, 1), active: map[RequestID]bool{}, ended: map[Result]int64{}}
}

// Result is one kind of end of one action's runs.
type Result struct {
	Action string
	State  State
}

// Ended is how many runs this process committed, by action and end.
func (w *Worker) Ended() map[Result]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.ended)
}

func (w *Worker) count(r *Request, e ending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[Result{r.Action, e.State}]++
}

// lookAgain is how soon a request that another process made ready is seen without a wake-up.
const lookAgain = 500 * time.Millisecond

// Run claims and runs until ctx ends; then runs may go on for Drain, and what still runs is stopped. It returns when nothing of
// it is left. Before it claims anything it settles what an earlier process with the same ledger left behind.
func (w *Worker) Run(ctx context.Context) error {
	runs, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var all sync.WaitGroup
	for ctx.Err() == nil {
		if err := w.look(ctx, runs, &all); err != nil && ctx.Err() == nil {
			w.connected = time.Time{}
			w.log.Warn("look for approved requests", "error", err)
		} else if w.connected.IsZero() {
			w.connected = time.Now()
		}
		again := time.NewTimer(lookAgain)
		select {
		case <-ctx.Done():
		case <-w.s.wake:
		case <-w.freed:
		case <-again.C:
		}
		again.Stop()
	}
	drained := make(chan struct{})
	go func() { all.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(w.cfg.Drain):
		stop()
		<-drained
	}
	return nil
}

// look settles what was left behind and starts what is ready, as far as there is room.
func (w *Worker) look(ctx, runs context.Context, all *sync.WaitGroup) error {
	if err := w.settle(ctx); err != nil {
		return err
	}
	ready, err := w.s.marks(ctx, "ready", 64)
	if err != nil {
		return err
	}
	for _, z := range ready {
		id := RequestID(z.Member.(string))
		if !w.reserve(id) {
			continue
		}
		r, err := w.take(ctx, id)
		if err != nil || r == nil {
			w.release(id)
			if err != nil {
				w.log.Warn("start run", "request", id, "error", err)
			}
			continue
		}
		all.Go(func() {
			defer w.release(id)
			w.carry(runs, r)
		})
	}
	return nil
}

// reserve makes room for a run; false if there is none or it is here already.
func (w *Worker) reserve(id RequestID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active[id] || len(w.active) >= w.cfg.Parallel {
		return false
	}
	w.active[id] = true
	return true
}

func (w *Worker) release(id RequestID) {
	w.mu.Lock()
	delete(w.active, id)
	w.mu.Unlock()
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

func (w *Worker) has(id RequestID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.active[id]
}

// Busy is how many runs are under way here.
func (w *Worker) Busy() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.active)
}

// take checks an approved request once more, as of now, and claims it; nil without an error: it is not for us.
func (w *Worker) take(ctx context.Context, id RequestID) (*Request, error) {
	r, err := w.s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, ours := w.cfg.Runners[r.Runner]; !ours || r.State != Approved {
		return nil, w.s.lapse(ctx, id) // a leftover of the index goes; what is not ours stays
	}
	if err := w.cfg.Ledger.Check(); err != nil {
		return nil, err
	}
	setup := w.s.setup.Load()
	if setup.Catalog == nil {
		return nil, nil // no configuration yet: nothing can be judged, so nothing is void either
	}
	if why := setup.unfit(&r); why != "" {
		w.log.Warn("approved request is void", "request", id, "incident", r.Incident, "why", why)
		err := w.s.void(ctx, &r, why)
		var late *LateError
		if errors.As(err, &late) {
			err = nil
		}
		return nil, err
	}
	ok, err := w.s.claim(ctx, &r, w.cfg)
	if err != nil || !ok {
		return nil, err
	}
	return &r, nil
}

// settle ends runs that nobody carries any more: our own from before a crash by what the ledger says, others' when their lease is
// over. Until Redis has answered for a whole lease, others may only have been as cut off as we were, and are left alone.
func (w *Worker) settle(ctx context.Context) error {
	marks, err := w.s.marks(ctx, "runs", 256)
	if err != nil {
		return err
	}
	patient := !w.connected.IsZero() && time.Since(w.connected) > w.cfg.Lease
	var faults []error
	for _, z := range marks {
		id := RequestID(z.Member.(string))
		if w.has(id) {
			continue
		}
		r, err := w.s.Get(ctx, id)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		switch {
		case r.ledger == w.cfg.Ledger.ID():
			entry, found := w.cfg.Ledger.State(r.RunID)
			_, err = w.s.finish(ctx, &r, recovered(entry, found), false)
		case patient:
			_, err = w.s.finish(ctx, &r, ending{State: Unknown, Why: WhyLost}, true)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}
