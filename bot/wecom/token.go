package wecom

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// TokenStore keeps access tokens until they expire. A token is a secret: a store must not put it into Redis, a file or a
// log. WeCom gives every process the same token while it is valid, so replicas need not share one.
type TokenStore interface {
	// Get is the token of an application and when it expires; the zero Secret if there is none.
	Get(ctx context.Context, app string) (token text.Secret, expires time.Time, err error)
	// Put keeps a token in the place of the one before.
	Put(ctx context.Context, app string, token text.Secret, expires time.Time) error
}

// memory is the TokenStore of one process.
type memory struct {
	mu   sync.Mutex
	kept map[string]keptToken
}

type keptToken struct {
	token   text.Secret
	expires time.Time
}

// InMemory is a TokenStore that lives as long as the process: the default.
func InMemory() TokenStore { return &memory{kept: map[string]keptToken{}} }

func (m *memory) Get(_ context.Context, app string) (text.Secret, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.kept[app]
	return k.token, k.expires, nil
}

func (m *memory) Put(_ context.Context, app string, token text.Secret, expires time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[app] = keptToken{token, expires}
	return nil
}

const (
	shortLife  = 30 * time.Second // WeCom hands out the same token until its last second
	firstPause = time.Minute      // after the first refusal of our secret
	longPause  = 30 * time.Minute // WeCom bans an address for an hour when it keeps asking
)

// tokenSource hands out the application's access token and fetches a new one when it must. One caller fetches, the others
// wait for what it got.
type tokenSource struct {
	app   string
	store TokenStore
	now   func() time.Time
	fetch func(ctx context.Context) (token text.Secret, life time.Duration, err error)

	gate     chan struct{} // holds one element while somebody fetches
	refusal  error         // what WeCom said when it refused our secret
	refusals int
	until    time.Time // before this nothing is asked again
}

// get is a token other than dead, which may be the zero Secret.
func (s *tokenSource) get(ctx context.Context, dead text.Secret) (text.Secret, error) {
	select {
	case s.gate <- struct{}{}:
		defer func() { <-s.gate }()
	case <-ctx.Done():
		return text.Secret{}, sendError(bot.Retry, codeTransport, "wait for access token: %w", ctx.Err())
	}
	token, expires, err := s.store.Get(ctx, s.app)
	if err != nil {
		return text.Secret{}, sendError(bot.Retry, codeTransport, "read access token: %w", err)
	}
	if token.Reveal() != "" && token.Reveal() != dead.Reveal() && s.now().Before(expires) {
		return token, nil
	}
	if s.refusal != nil && s.now().Before(s.until) {
		return text.Secret{}, s.refusal
	}
	return s.renew(ctx)
}

func (s *tokenSource) renew(ctx context.Context) (text.Secret, error) {
	token, life, err := s.fetch(ctx)
	if err != nil {
		e, ok := verdict(err)
		if !ok || e.Kind != bot.Misconfigured {
			return text.Secret{}, neverSent(err)
		}
		pause := min(firstPause<<min(s.refusals, 10), longPause)
		s.refusal, s.refusals, s.until = err, s.refusals+1, s.now().Add(pause)
		return text.Secret{}, err
	}
	s.refusal, s.refusals = nil, 0
	// A tenth earlier than WeCom says, at most five minutes: a call made with the token must still find it alive. But never
	// at once, or every call would fetch one; a token that dies earlier is renewed when WeCom says so.
	expires := s.now().Add(max(life-min(life/10, 5*time.Minute), shortLife))
	if err := s.store.Put(ctx, s.app, token, expires); err != nil {
		return text.Secret{}, sendError(bot.Retry, codeTransport, "keep access token: %w", err)
	}
	return token, nil
}

// neverSent softens a failure of fetching a token: whatever became of that call, the message itself was not sent.
func neverSent(err error) error {
	e, ok := verdict(err)
	if !ok {
		return &bot.SendError{Kind: bot.Retry, Code: codeTransport, Err: fmt.Errorf("fetch access token: %w", err)}
	}
	if e.Kind == bot.RateLimited {
		return e
	}
	return &bot.SendError{Kind: bot.Retry, Code: e.Code, Err: e.Err}
}
