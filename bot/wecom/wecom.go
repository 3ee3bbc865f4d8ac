package wecom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"dogwatch/bot"

	"github.com/go-resty/resty/v2"
)

// Name is the platform's name in addresses and references.
const Name = "wecom"

// Deps is what an adapter needs from the house. Seen is required when there is an application; the rest has defaults.
type Deps struct {
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
	// Timeout bounds one call to WeCom; 0 is ten seconds.
	Timeout time.Duration
	// Seen remembers key for ttl in the store that all replicas share, and says whether it was new: an atomic claim.
	Seen func(ctx context.Context, key string, ttl time.Duration) (first bool, err error)
	// Tokens keeps access tokens; nil is InMemory().
	Tokens TokenStore
	// Log gets what an operator should know; nil is slog.Default(). No secret and no text of a person is ever written.
	Log *slog.Logger
}

// WeCom is the platform: bot.Platform to send, Routes for what comes in, Run for the work that outlives a callback.
// All methods are safe for concurrent use.
type WeCom struct {
	cfg     Config
	now     func() time.Time
	log     *slog.Logger
	http    *resty.Client
	tokens  *tokenSource
	sealed  *envelope // nil without an application
	seen    func(ctx context.Context, key string, ttl time.Duration) (bool, error)
	robot   []Limit
	member  []Limit
	wait    time.Duration // how long a callback waits for the Inbox
	jobs    chan func(context.Context)
	mu      sync.Mutex
	flights map[string]*flight
	warned  time.Time // when a refused callback was last logged
}

var _ bot.Platform = (*WeCom)(nil)

// Open reads the platform's configuration with decode, which fills a *Config with its secrets resolved, and makes the
// adapter. It calls nobody. All faults are reported at once; an empty secret is one.
func Open(decode func(any) error, deps Deps) (*WeCom, error) {
	var cfg Config
	if err := decode(&cfg); err != nil {
		return nil, fmt.Errorf("read platform wecom: %w", err)
	}
	if err := errors.Join(cfg.Validate(), cfg.values()); err != nil {
		return nil, fmt.Errorf("open platform wecom: %w", err)
	}
	w := &WeCom{
		cfg: cfg, now: deps.Now, log: deps.Log, seen: deps.Seen,
		wait: patience, jobs: make(chan func(context.Context)), flights: map[string]*flight{},
	}
	if w.now == nil {
		w.now = time.Now
	}
	if w.log == nil {
		w.log = slog.Default()
	}
	if deps.Timeout <= 0 {
		deps.Timeout = 10 * time.Second
	}
	w.robot, w.member, _ = cfg.budget() // Validate has read it
	w.http = newClient(cfg.apiURL(), deps.Timeout)
	if !cfg.hasApp() {
		return w, nil
	}
	if deps.Seen == nil {
		return nil, errors.New("open platform wecom: an application needs a memory of seen callbacks")
	}
	var err error
	if w.sealed, err = newEnvelope(cfg.Token.Reveal(), cfg.EncodingAESKey.Reveal(), cfg.CorpID); err != nil {
		return nil, fmt.Errorf("open platform wecom: %w", err)
	}
	if deps.Tokens == nil {
		deps.Tokens = InMemory()
	}
	w.tokens = &tokenSource{
		app: fmt.Sprintf("%s/%d", cfg.CorpID, cfg.AgentID), store: deps.Tokens, now: w.now,
		fetch: w.fetchToken, gate: make(chan struct{}, 1),
	}
	return w, nil
}

// Budget is how many messages WeCom takes at an address ("ops" for a robot, "@alice" for a person): every limit holds. nil:
// no limit. The caller counts; this package does not.
func (w *WeCom) Budget(to string) []Limit {
	if strings.HasPrefix(to, "@") {
		return w.member
	}
	return w.robot
}

// Editable says whether messages at an address can be changed: those to persons can, once for each code; a robot's cannot.
func (w *WeCom) Editable(to string) bool { return person(to) != "" }

// person is the account in "@alice"; "" if to is not of that form or WeCom has no such ids ("@all" is everybody).
func person(to string) string {
	id, ok := strings.CutPrefix(to, "@")
	if !ok || !userID.MatchString(id) || strings.EqualFold(id, "all") {
		return ""
	}
	return id
}

var notInTask = regexp.MustCompile(`[^0-9A-Za-z_@-]+`)
