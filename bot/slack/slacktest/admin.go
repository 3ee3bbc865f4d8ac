package slacktest

import (
	"encoding/json"
	"net/http"
	"time"
)

// admin serves /_admin/: what tests of another process steer and read. Bodies and answers are JSON.
func (s *Server) admin(m *http.ServeMux) {
	m.HandleFunc("GET /_admin/journal", func(w http.ResponseWriter, r *http.Request) {
		reply(w, s.Journal(r.FormValue("method")), nil)
	})
	m.HandleFunc("GET /_admin/messages", func(w http.ResponseWriter, r *http.Request) {
		reply(w, s.Messages(r.FormValue("channel")), nil)
	})
	m.HandleFunc("GET /_admin/ephemerals", func(w http.ResponseWriter, r *http.Request) {
		reply(w, s.Ephemerals(r.FormValue("user")), nil)
	})
	m.HandleFunc("GET /_admin/views", func(w http.ResponseWriter, r *http.Request) {
		reply(w, s.Views(r.FormValue("user")), nil)
	})
	m.HandleFunc("POST /_admin/click", act(func(r *http.Request, in Click) (any, error) { return s.Click(r.Context(), in) }))
	m.HandleFunc("POST /_admin/submit", act(func(r *http.Request, in Submit) (any, error) { return s.Submit(r.Context(), in) }))
	m.HandleFunc("POST /_admin/command", act(func(r *http.Request, in typed) (any, error) {
		return s.Command(r.Context(), in.User, in.Channel, in.Text)
	}))
	m.HandleFunc("POST /_admin/mention", act(func(r *http.Request, in typed) (any, error) {
		return s.Mention(r.Context(), in.User, in.Channel, in.Text), nil
	}))
	m.HandleFunc("POST /_admin/direct", act(func(r *http.Request, in typed) (any, error) {
		return s.Direct(r.Context(), in.User, in.Text), nil
	}))
	m.HandleFunc("POST /_admin/repeat", act(func(r *http.Request, in Delivery) (any, error) { return s.Repeat(r.Context(), in), nil }))
	m.HandleFunc("POST /_admin/send", act(func(r *http.Request, in Delivery) (any, error) { return s.Send(r.Context(), in), nil }))
	m.HandleFunc("POST /_admin/plan", act(func(_ *http.Request, in []Fault) (any, error) { s.Plan(in...); return in, nil }))
	m.HandleFunc("DELETE /_admin/plan", func(w http.ResponseWriter, _ *http.Request) { s.Heal(); reply(w, nil, nil) })
	m.HandleFunc("POST /_admin/clock", act(func(_ *http.Request, in advance) (any, error) { return s.advance(in) }))
	m.HandleFunc("GET /_admin/clock", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Clock.Now(), nil) })
	m.HandleFunc("POST /_admin/user", act(func(_ *http.Request, in User) (any, error) { s.AddUser(in); return in, nil }))
	m.HandleFunc("POST /_admin/channel", act(func(_ *http.Request, in Channel) (any, error) { s.AddChannel(in); return in, nil }))
	m.HandleFunc("POST /_admin/group", act(func(_ *http.Request, in Group) (any, error) { s.AddGroup(in); return in, nil }))
	m.HandleFunc("POST /_admin/target", act(func(_ *http.Request, in target) (any, error) { s.SetTarget(in.URL); return in, nil }))
}

// typed is something a person writes.
type typed struct {
	User    string `json:"user"`
	Channel string `json:"channel"` // "": in private
	Text    string `json:"text"`
}

type advance struct {
	By string `json:"advance"` // a Go duration: "31m"
}

type target struct {
	URL string `json:"url"`
}

func (s *Server) advance(in advance) (any, error) {
	d, err := time.ParseDuration(in.By)
	if err != nil {
		return nil, err
	}
	s.Clock.Advance(d)
	return s.Clock.Now(), nil
}

// act reads a body and answers what came of it: 409 with an error for what no person could do.
func act[T any](do func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20)).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out, err := do(r, in)
		reply(w, out, err)
	}
}

func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusConflict)
		v = map[string]string{"error": err.Error()}
	}
	_, _ = w.Write(append(mustJSON(v), '\n'))
}
