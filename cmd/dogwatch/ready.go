package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"dogwatch/internal/state"
)

// readiness is whether what is taken in would be kept, looked at every few seconds.
type readiness struct {
	current  atomic.Pointer[condition]
	draining atomic.Bool
	// durable says whether the configuration asks for it (store.require).
	durable bool
}

// condition is one look at the store.
type condition struct {
	at       time.Time
	findings []state.Finding
	err      error // the store cannot be reached or asked
}

// refusal is why nothing may be taken in now; nil: it may.
func (r *readiness) refusal() error {
	c := r.current.Load()
	if r.draining.Load() || c == nil || r.durable && len(c.findings) > 0 {
		return errNotReady
	}
	return nil
}

// lookEvery is how often the store's settings are looked at: a CONFIG SET by hand is seen this soon.
const lookEvery = 3 * time.Second

// look asks the store once.
func (r *readiness) look(ctx context.Context, s *state.Store) *condition {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c := &condition{at: time.Now()}
	c.findings, c.err = s.Check(ctx)
	r.current.Store(c)
	return c
}

// watchStore looks until ctx ends, and says in the log what changed.
func (h *house) watchStore(ctx context.Context) error {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		c := h.ready.look(ctx, h.store)
		if now := strings.Join(c.lines(), "; "); now != said && h.demo == nil {
			if said = now; now == "" {
				h.log.Info("the store keeps what it acknowledges again")
			} else {
				h.log.Warn("the store would not keep what it acknowledges", "why", now)
			}
		}
	}
}

// lines are what is wrong with the store, a sentence each.
func (c *condition) lines() []string {
	if c == nil {
		return []string{"the store was not looked at yet"}
	}
	var out []string
	if c.err != nil {
		out = append(out, c.err.Error())
	}
	for _, f := range c.findings {
		out = append(out, f.String())
	}
	return out
}

// serveReady answers 200 only if everything promised can be kept, else 503 with every reason and its mend.
func (h *house) serveReady(w http.ResponseWriter, _ *http.Request) {
	c := h.ready.current.Load()
	var why []string
	if h.ready.draining.Load() {
		why = append(why, "shutting down")
	}
	if c == nil || c.err != nil || h.ready.durable {
		why = append(why, c.lines()...)
	}
	if c != nil && time.Since(c.at) > 4*lookEvery {
		why = append(why, "the store was last looked at too long ago")
	}
	status := http.StatusOK
	if len(why) > 0 {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	answer := map[string]any{"ready": len(why) == 0}
	if len(why) > 0 {
		answer["why"] = why
	} else if c != nil && len(c.findings) > 0 {
		answer["warnings"] = c.lines()
	}
	_ = json.NewEncoder(w).Encode(answer)
}
