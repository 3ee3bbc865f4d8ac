package web

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"dogwatch/bot"
	"dogwatch/internal/state"
)

// Name is the platform's name in addresses and references.
const Name = "web"

// Config is the section platforms.web of the configuration. There is nothing to set.
type Config struct{}

// Deps is what the console needs from the house. Store is required, and SignIn outside a demo.
type Deps struct {
	Store *state.Store
	// SignIn finds whose a token is (server.tokens), in constant time; write=false: a token that may only read.
	SignIn func(token string) (person string, write, ok bool)
	// Valid says at every request whether a session of this person and right may still stand, so that a token taken out of the
	// configuration ends its sessions; nil: it may as long as the person has a role.
	Valid func(person string, write bool) bool
	// ExternalURL is how browsers reach the console. With https the cookie is Secure and named __Host-.
	ExternalURL string
	// Demo are the persons among whom a demo switches with one click; not empty: this is a demo, which answers loopback
	// names only.
	Demo []string
	// Session and Idle are how long a session lasts in all and unused; 0: 12h and 1h.
	Session, Idle time.Duration
	Log           *slog.Logger // nil: slog.Default()
}

// Web is the console: a bot.Platform whose messages stand in feeds and inboxes, and the pages on which they are read.
// All methods are safe for concurrent use.
type Web struct {
	deps    Deps
	log     *slog.Logger
	store   *store
	secure  bool
	pages   map[string]*template.Template
	tries   *tries
	streams chan struct{} // one for each live page
	drain   chan struct{}
	once    sync.Once

	mu     sync.Mutex
	listed map[string]time.Time // feeds, and when this process last entered them in the list
}

var _ bot.Platform = (*Web)(nil)

// mostStreams is how many pages may be live at once in one process.
const mostStreams = 1000

// Open makes the console. decode reads platforms.web.
func Open(decode func(any) error, deps Deps) (*Web, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	if deps.Store == nil || deps.SignIn == nil && len(deps.Demo) == 0 {
		return nil, errors.New("open console: a store and a way to sign in are needed")
	}
	if deps.Session <= 0 {
		deps.Session = 12 * time.Hour
	}
	if deps.Idle <= 0 {
		deps.Idle = time.Hour
	}
	if deps.SignIn == nil {
		deps.SignIn = func(string) (string, bool, bool) { return "", false, false }
	}
	if deps.Log == nil {
		deps.Log = slog.Default()
	}
	u, err := url.Parse(deps.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("open console: read external_url: %w", err)
	}
	pages, err := parsePages()
	if err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	return &Web{deps: deps, log: deps.Log, secure: u.Scheme == "https", pages: pages, tries: newTries(),
		store:   &store{s: deps.Store, keys: keys{deps.Store}, whole: deps.Session, idle: deps.Idle},
		streams: make(chan struct{}, mostStreams), drain: make(chan struct{}), listed: map[string]time.Time{}}, nil
}

// Drain ends all live pages, so that a server that shuts down need not wait for them; browsers come back by themselves.
func (w *Web) Drain() { w.once.Do(func() { close(w.drain) }) }

// Routes are the console's paths: "/" and everything below that is nobody else's.
func (w *Web) Routes(inbox bot.Inbox, console *bot.Console) map[string]http.Handler {
	s := &rooms{Web: w, inbox: inbox, console: console}
	s.paths = w.mux(s)
	return map[string]http.Handler{"/": w.guard(s.paths)}
}

// demo says whether people are switched with one click.
func (w *Web) demo() bool { return len(w.deps.Demo) > 0 }
