package slacktest

import (
	"context"
	"encoding/json"
	"maps"
	"time"
)

// Entry is one thing that happened. Tokens are left out.
type Entry struct {
	At time.Time `json:"at"`
	// Kind is "api", "response_url", "delivery" or "socket".
	Kind string `json:"kind"`
	// Method is the Web API method, or what was delivered ("command", "click", "submit", "event").
	Method string            `json:"method"`
	Args   map[string]string `json:"args,omitempty"`
	Status int               `json:"status"` // HTTP; 0: there was no answer
	Error  string            `json:"error,omitempty"`
	Body   string            `json:"body,omitempty"` // a delivery's answer
	Fault  string            `json:"fault,omitempty"`
}

// note appends to the journal and wakes who waits. The caller holds the mutex.
func (s *Server) note(e Entry) {
	e.At = s.Clock.Now()
	e.Args = maps.Clone(e.Args)
	delete(e.Args, "token")
	s.journal = append(s.journal, e)
	close(s.changed)
	s.changed = make(chan struct{})
}

// Journal is everything so far, of one method or ("") of all.
func (s *Server) Journal(method string) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Entry
	for _, e := range s.journal {
		if method == "" || e.Method == method {
			out = append(out, e)
		}
	}
	return out
}

// Messages are a channel's, oldest first, replies included; a user's id names their direct messages.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.world.direct[channel]; ok {
		channel = d
	}
	var out []Message
	for _, m := range s.world.messages[channel] {
		out = append(out, *m)
	}
	return out
}

// Ephemerals are what a person alone was shown, oldest first.
func (s *Server) Ephemerals(user string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.world.ephemerals {
		if m.For == user {
			out = append(out, *m)
		}
	}
	return out
}

// Views are a person's open modals, the one in front last.
func (s *Server) Views(user string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []View
	for _, v := range s.world.views {
		if v.User == user {
			out = append(out, *v)
		}
	}
	return out
}

// GroupUsers are the members of a user group.
func (s *Server) GroupUsers(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.world.groups[id]; g != nil {
		return append([]string(nil), g.Users...)
	}
	return nil
}

// Await returns nil once cond holds, looked at after everything that happens here.
func (s *Server) Await(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mustJSON writes what cannot fail to be written.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("slacktest: " + err.Error())
	}
	return b
}
