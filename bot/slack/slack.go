package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	api "github.com/slack-go/slack"
)

// Name is the platform's name in addresses and accounts.
const Name = "slack"

// Deps are what the adapter needs from its surroundings.
type Deps struct {
	// Now is the clock that signatures are judged by; nil: time.Now.
	Now func() time.Time
	// Timeout bounds one call of Slack's Web API; zero: ten seconds.
	Timeout time.Duration
	// Patience is how long an answer may take before the request is acknowledged empty; zero: two seconds. Slack gives three.
	Patience time.Duration
	// Seen says whether a key is new, and remembers it for ttl, in one step for all replicas. Required: without it a
	// request could be played again.
	Seen func(ctx context.Context, key string, ttl time.Duration) (first bool, err error)
	// Log takes refusals and failures, never secrets; nil: slog.Default.
	Log *slog.Logger
}

// Slack is the platform. It implements bot.Platform; Routes and Run are its ways in.
type Slack struct {
	cfg    Config
	env    Deps
	budget Budget
	api    *api.Client
	http   *http.Client
	// hosts are "scheme://host" of the places response_urls may point to.
	hosts map[string]bool

	mu      sync.Mutex
	members map[string]member
	self    *identity
}

// Open reads the configuration and makes the platform. It calls nobody. Errors name every faulty key, never a value of a
// secret.
func Open(decode func(any) error, env Deps) (*Slack, error) {
	var cfg Config
	if err := decode(&cfg); err != nil {
		return nil, fmt.Errorf("read platform slack: %w", err)
	}
	if err := errors.Join(cfg.Validate(), cfg.secrets()); err != nil {
		return nil, fmt.Errorf("open platform slack: %w", err)
	}
	if env.Seen == nil {
		return nil, errors.New("open platform slack: no replay store given")
	}
	base, err := apiBase(cfg.APIURL)
	if err != nil {
		return nil, fmt.Errorf("open platform slack: %w", err)
	}
	budget, err := parseBudget(cfg.Budget)
	if err != nil {
		return nil, fmt.Errorf("open platform slack: %w", err)
	}
	s := &Slack{
		cfg: cfg, env: env.withDefaults(), budget: budget,
		hosts:   map[string]bool{"https://hooks.slack.com": true, "https://hooks.slack-gov.com": true},
		members: map[string]member{},
	}
	if !strings.HasSuffix("."+base.Hostname(), ".slack.com") {
		s.hosts[base.Scheme+"://"+base.Host] = true
	}
	s.http = newHTTPClient(s.env.Timeout)
	s.api = api.New(cfg.Token.Reveal(), api.OptionAPIURL(base.String()), api.OptionHTTPClient(s.http),
		api.OptionAppLevelToken(cfg.AppToken.Reveal()))
	return s, nil
}

// Budget is what the configuration allows to send to one channel; the caller keeps it.
func (s *Slack) Budget() Budget { return s.budget }

func (d Deps) withDefaults() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Timeout <= 0 {
		d.Timeout = 10 * time.Second
	}
	if d.Patience <= 0 {
		d.Patience = 2 * time.Second
	}
	if d.Log == nil {
		d.Log = slog.Default()
	}
	return d
}

// newHTTPClient keeps connections open, so that a post costs one round trip, and follows no redirect: a token or an answer
// must not travel to a host that somebody else named.
func newHTTPClient(timeout time.Duration) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 128
	t.DisableCompression = true
	return &http.Client{
		Transport:     t,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
