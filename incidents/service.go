package incidents

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"dogwatch/internal/state"
	"dogwatch/schedules"
)

// Config are the limits and windows of this package; zero values take the defaults.
type Config struct {
	// ReopenWindow: an alert that fires anew this soon after its incident was resolved reopens it; later it begins a new
	// one. Default 10m.
	ReopenWindow time.Duration
	// FlapHold: how long a reopened incident must keep firing before people are paged again. Default 1m.
	FlapHold time.Duration
	// StaleAfter: an alert that was not reported for this long counts as resolved, since a source reports a resolution
	// only once and it may have been lost. 0: the default, 24h; negative: never.
	StaleAfter time.Duration
	// FullTexts is the number of alerts an incident keeps with labels and annotations. Default 500.
	FullTexts int
	// MaxOpen is the number of open incidents; further groups join one overflow incident. Default 10000.
	MaxOpen int
	// Commits is how many pipelines may be under way. Default 6: while Redis syncs one to disk, others are made and read.
	Commits int
	// Queue is how many bodies may wait for a commit before Ingest answers ErrBusy. Default 4096.
	Queue int
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.ReopenWindow, 10*time.Minute)
	def(&c.FlapHold, time.Minute)
	def(&c.StaleAfter, 24*time.Hour)
	for _, f := range []struct {
		v *int
		d int
	}{{&c.FullTexts, 500}, {&c.MaxOpen, 10000}, {&c.Commits, 6}, {&c.Queue, 4096}} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	return c
}

// Errors that callers tell apart.
var (
	// ErrBusy: the queue is full; the sender must try again.
	ErrBusy = errors.New("too many reports are waiting to be kept")
	// ErrUnknown: there is no such incident.
	ErrUnknown = errors.New("no such incident")
)

// Service keeps the incidents of one Redis. All methods are safe for concurrent use. Run must run for Ingest to answer.
type Service struct {
	store  *state.Store
	cfg    Config
	keys   keys
	queue  chan *job
	groups *lru.Cache[string, ID] // group hash -> the incident we believe is its latest; the script corrects us
	blocks blocks
	people atomic.Pointer[schedules.Directory]
	// rerouted is when the routes in use last changed, Unix ms; 0: never.
	rerouted atomic.Int64
}

// New makes the service.
func New(store *state.Store, cfg Config) *Service {
	cfg = cfg.withDefaults()
	groups, err := lru.New[string, ID](16384)
	if err != nil {
		panic("incidents: " + err.Error())
	}
	return &Service{store: store, cfg: cfg, keys: keys{store}, queue: make(chan *job, cfg.Queue), groups: groups, blocks: blocks{store: store}}
}

// Waiting is how many bodies wait for a commit.
func (s *Service) Waiting() int { return len(s.queue) }

// Run commits what Ingest hands over until ctx ends, then what is still in the queue.
func (s *Service) Run(ctx context.Context) error {
	done := make(chan struct{}, s.cfg.Commits)
	for range s.cfg.Commits {
		go func() {
			s.commitLoop(ctx)
			done <- struct{}{}
		}()
	}
	for range s.cfg.Commits {
		<-done
	}
	return nil
}
