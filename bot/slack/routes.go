package slack

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"dogwatch/bot"
)

const (
	maxBody = 1 << 20
	// workLimit bounds everything a request causes, most of it after its 200.
	workLimit = 25 * time.Second
)

// errMalformed is a verified request that cannot be read.
var errMalformed = errors.New("request not understood")

// errForeignApp is a verified request for another app.
var errForeignApp = errors.New("request of another app")

// outcome is what a handled request leaves to do.
type outcome struct {
	// body goes into the platform's own acknowledgement as JSON; nil: it stays empty.
	body []byte
	// late says what body would have said when the acknowledgement has already gone out empty; nil: nothing.
	late func(context.Context)
	// after runs once the acknowledgement is out, late or not; nil: nothing.
	after func(context.Context)
}

// handler works on verified bytes. An error means that nothing was kept and the platform should deliver again.
type handler func(ctx context.Context, inbox bot.Inbox, body []byte) (outcome, error)

// Routes are the three doors by path. Without a signing secret there are none: everything then comes by Run.
// A server needs a write timeout of half a minute at least, since a door works on after its early 200.
func (s *Slack) Routes(inbox bot.Inbox) map[string]http.Handler {
	if s.cfg.SigningSecret.IsZero() {
		return nil
	}
	return map[string]http.Handler{
		"/chat/slack/commands":     s.door(inbox, s.commandForm),
		"/chat/slack/interactions": s.door(inbox, s.interactionForm),
		"/chat/slack/events":       s.door(inbox, s.event),
	}
}

func (s *Slack) door(inbox bot.Inbox, handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, status := s.admit(w, r)
		if status != http.StatusOK {
			http.Error(w, http.StatusText(status), status)
			return
		}
		// The platform may hang up after its 200; the work goes on.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), workLimit)
		defer cancel()
		a := &ack{w: w}
		timer := time.AfterFunc(s.env.Patience, func() { a.send(http.StatusOK, nil, true) })
		out, err := handle(ctx, inbox, body)
		timer.Stop()
		if err != nil {
			s.env.Log.WarnContext(ctx, "slack request failed", "path", r.URL.Path, "error", withoutAddress(err))
			a.send(failure(err), nil, false)
			return
		}
		s.finish(ctx, out, a.send(http.StatusOK, out.body, out.after != nil))
	})
}

// finish does what is left once the acknowledgement is out; inTime says that it carried the answer.
func (s *Slack) finish(ctx context.Context, out outcome, inTime bool) {
	if !inTime && out.late != nil {
		out.late(ctx)
	}
	if out.after != nil {
		out.after(ctx)
	}
}

func failure(err error) int {
	switch {
	case errors.Is(err, errMalformed):
		return http.StatusBadRequest
	case errors.Is(err, errForeignApp):
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

// admit reads, verifies and remembers; only http.StatusOK lets the body through.
func (s *Slack) admit(w http.ResponseWriter, r *http.Request) ([]byte, int) {
	if r.Method != http.MethodPost {
		return nil, http.StatusMethodNotAllowed
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return nil, http.StatusRequestEntityTooLarge
		}
		return nil, http.StatusBadRequest
	}
	signature, err := verify(r.Header, body, s.cfg.SigningSecret, s.env.Now())
	if err != nil {
		s.env.Log.WarnContext(r.Context(), "slack request refused: signature", "path", r.URL.Path)
		return nil, http.StatusUnauthorized
	}
	first, err := s.env.Seen(r.Context(), "slack:sig:"+digest(signature), replayWindow)
	if err != nil {
		s.env.Log.ErrorContext(r.Context(), "slack request refused: replay store", "error", err)
		return nil, http.StatusServiceUnavailable
	}
	if !first {
		s.env.Log.WarnContext(r.Context(), "slack request refused: replay", "path", r.URL.Path)
		return nil, http.StatusUnauthorized
	}
	return body, http.StatusOK
}

// ack answers a request once, in time or early.
type ack struct {
	mu   sync.Mutex
	w    http.ResponseWriter
	sent bool
}

// send writes the whole answer and pushes it out, so that work can go on behind it. It returns false if an answer has
// gone already. hangUp gives the connection up: the next request must not wait behind this one's work.
func (a *ack) send(status int, body []byte, hangUp bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent {
		return false
	}
	a.sent = true
	h := a.w.Header()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if len(body) > 0 {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	if hangUp {
		h.Set("Connection", "close")
	}
	a.w.WriteHeader(status)
	if _, err := a.w.Write(body); err == nil {
		// A writer that cannot flush sends when the handler returns, which is all that is lost.
		_ = http.NewResponseController(a.w).Flush()
	}
	return true
}
