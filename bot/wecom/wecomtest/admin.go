package wecomtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// admin is the test's side door, for tests that run the server as a process:
//
//	GET  /_admin/journal?path=message/send    GET /_admin/messages?to=@alice    GET /_admin/cards?user=alice
//	POST /_admin/click   {"user","key","message","stale","copies"}              POST /_admin/text {"user","text","copies"}
//	POST /_admin/event   {"user","event","key"}                                 POST /_admin/verify
//	POST /_admin/attack  {"kind"}                                               POST /_admin/kill-token
//	POST /_admin/plan    [fault, …]; [] forgets what is left                    POST /_admin/clock {"advance":"1h"}
//	POST /_admin/target  {"url"}
func (s *Server) admin(rw http.ResponseWriter, r *http.Request) {
	what := strings.TrimPrefix(r.URL.Path, "/_admin/")
	var out any
	var err error
	if r.Method == http.MethodGet {
		out = s.look(what, r)
	} else {
		out, err = s.act(what, rw, r)
	}
	rw.Header().Set("Content-Type", "application/json")
	switch {
	case err != nil:
		rw.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"error": err.Error()}
	case out == nil:
		rw.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(rw).Encode(out)
}

func (s *Server) look(what string, r *http.Request) any {
	switch what {
	case "journal":
		return s.Journal(r.URL.Query().Get("path"))
	case "messages":
		return s.Messages(r.URL.Query().Get("to"))
	case "cards":
		return s.Cards(r.URL.Query().Get("user"))
	case "clock":
		return map[string]time.Time{"now": s.Now()}
	}
	return nil
}

// order is the body of every POST but plan.
type order struct {
	Press
	Text    string `json:"text"`
	Event   string `json:"event"`
	Kind    Attack `json:"kind"`
	Advance string `json:"advance"`
	URL     string `json:"url"`
}

func (s *Server) act(what string, rw http.ResponseWriter, r *http.Request) (any, error) {
	body, err := readAll(rw, r)
	if err != nil {
		return nil, err
	}
	done := map[string]bool{"ok": true}
	if what == "plan" {
		var faults []Fault
		if err := json.Unmarshal(body, &faults); err != nil {
			return nil, err
		}
		if len(faults) == 0 {
			s.ClearPlan()
		}
		s.Plan(faults...)
		return done, nil
	}
	var o order
	if len(body) > 0 {
		if err := json.Unmarshal(body, &o); err != nil {
			return nil, err
		}
	}
	switch what {
	case "click":
		return s.Click(r.Context(), o.Press)
	case "text":
		return s.SayCopies(r.Context(), o.User, o.Text, o.Copies)
	case "event":
		return s.Event(r.Context(), o.User, o.Event, o.Key)
	case "attack":
		return s.Attack(r.Context(), o.Kind)
	case "verify":
		return done, s.Verify(r.Context())
	case "kill-token":
		s.KillToken()
		return done, nil
	case "target":
		s.SetTarget(o.URL)
		return done, nil
	case "clock":
		d, err := time.ParseDuration(o.Advance)
		if err != nil {
			return nil, err
		}
		s.Advance(d)
		return map[string]time.Time{"now": s.Now()}, nil
	}
	return nil, nil
}
