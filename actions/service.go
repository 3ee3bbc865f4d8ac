package actions

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/state"
	"dogwatch/schedules"
)

// Errors that callers tell apart, besides *LateError, *DeniedError and *ParamsError.
var (
	// ErrUnknown: there is no such request.
	ErrUnknown = errors.New("no such request")
	// ErrNoAction: there is no such action.
	ErrNoAction = errors.New("no such action")
	// ErrDigest: what would run is not what the person saw.
	ErrDigest = errors.New("the request is not what was shown: the digest differs")
	// ErrIncidentClosed: the incident is resolved, so nothing is asked for it any more.
	ErrIncidentClosed = errors.New("the incident is resolved")
)

// Setup is what the configuration says. It never changes; a reload makes another and hands it to Use.
type Setup struct {
	Catalog   *Catalog
	Directory *schedules.Directory
	// OnCall gives the people on call at an instant, by id; nil: nobody ever is.
	OnCall func(schedule string, at time.Time) []string
	// Seal is a key that is not in Redis, the same for all processes. With it every approval carries a MAC, which is checked before
	// the start, so that whoever can write Redis still cannot approve. nil: approvals are not sealed.
	Seal []byte
}

// By is who asks for a change, through what, and the request id under which a repeat returns the first result.
type By = incidents.By

// Service keeps the requests of one Redis. All methods are safe for concurrent use. Until Use was called nobody may do anything.
type Service struct {
	store *state.Store
	keys  keys
	setup atomic.Pointer[Setup]
	wake  chan struct{} // a request became ready in this process
}

// New makes the service.
func New(store *state.Store) *Service {
	s := &Service{store: store, keys: keys{store}, wake: make(chan struct{}, 1)}
	s.setup.Store(&Setup{})
	return s
}

// Use takes a new configuration. Requests that were made under another definition of their action become void.
func (s *Service) Use(setup Setup) { s.setup.Store(&setup) }

// Wake says that a request may have become ready: for wiring that follows the log of other processes' changes.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run lets requests expire on time until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		next, err := s.lapseDue(ctx)
		if err != nil {
			next = time.Second // Redis is away; whatever is due is still due afterwards
		}
		if !pause(ctx, next) {
			return nil
		}
	}
	return nil
}

// seal binds one person's approval to one request and its digest; "" without a key.
func (u *Setup) seal(r *Request, person string) string {
	if len(u.Seal) == 0 {
		return ""
	}
	m := hmac.New(sha256.New, u.Seal)
	m.Write([]byte("dogwatch approval v1\x00" + string(r.ID) + "\x00" + r.Digest + "\x00" + person))
	return hex.EncodeToString(m.Sum(nil))
}

// question is about one person and one request, at an instant.
func (u *Setup) question(a Approval, requester, person string, at time.Time) question {
	return question{directory: u.Directory, approval: a, requester: requester, person: person, onCall: func(schedule string) []string {
		if u.OnCall == nil {
			return nil
		}
		return u.OnCall(schedule, at)
	}}
}

// May says whether a person could approve a request now; for deciding which buttons to show. Approve judges again.
func (s *Service) May(r Request, person string, now time.Time) Verdict {
	setup := s.setup.Load()
	a, ok := setup.Catalog.Get(r.Action)
	if !ok || a.Version != r.Version {
		return Verdict{}
	}
	return setup.question(a.Approval, r.Requester, person, now).mayApprove()
}

// Actions are the actions there are, by name.
func (s *Service) Actions() []*Action { return s.setup.Load().Catalog.Actions() }

// entry is the canonical JSON of a decision, and its SHA-256.
func entry(do string, by By, more map[string]any) ([]byte, string) {
	all := map[string]any{"do": "request." + do, "by": by.Person, "via": by.Via}
	for k, v := range more {
		all[k] = v
	}
	out := canonical(all)
	sum := sha256.Sum256(out)
	return out, hex.EncodeToString(sum[:])
}

// data is a line's data: the pairs whose value is not empty, as JSON.
func data(pairs ...string) string {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[pairs[i]] = pairs[i+1]
		}
	}
	return string(canonical(m))
}

// repeat is the id under which a repeat of this call returns the first result. It names verb and subject, so that one
// press can do two things.
func repeat(by By, verb string, subject string) string {
	if by.Request == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(verb + "\x00" + subject + "\x00" + by.Request))
	return "rq-" + hex.EncodeToString(sum[:16])
}

// words makes a person's text fit for a line: valid, without control characters, bounded.
func words(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimSpace(s[:runeCut(s, most)])
}

// pause waits, and says false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// result turns a script's code into an error.
func result(verb string, id RequestID, f []string) error {
	switch f[0] {
	case "ok", "same", "asked":
		return nil
	case "missing":
		return fmt.Errorf("%s request %s: %w", verb, id, ErrUnknown)
	case "digest":
		return fmt.Errorf("%s request %s: %w", verb, id, ErrDigest)
	case "own":
		return &DeniedError{verb, OwnRequest}
	}
	e := &LateError{Verb: verb, State: State(f[1]), By: f[2]}
	if f[3] != "" {
		e.At = ms(f[3])
	}
	return e
}
