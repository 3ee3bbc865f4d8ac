package wecomtest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
)

const (
	tokenLife    = 7200 * time.Second
	tokenCalls   = 30 // a minute; WeCom does not publish the number
	wrongSecrets = 5  // then the address is banned
	banFor       = time.Hour
)

// getToken gives the same token as long as it is valid.
func (s *Server) getToken(c call) reply {
	now := s.now()
	if now.Before(s.banned[c.ip]) {
		return fail(45009, "api freq out of limit: too many wrong secrets from this address")
	}
	if s.asked = within(s.asked, now, time.Minute); len(s.asked) >= tokenCalls {
		return fail(45009, "api freq out of limit")
	}
	s.asked = append(s.asked, now)
	switch {
	case c.arg("corpid") == "":
		return fail(41002, "corpid missing")
	case c.arg("corpsecret") == "":
		return fail(41004, "corpsecret missing")
	case c.arg("corpid") != s.opts.CorpID:
		return fail(40013, "invalid corpid")
	case c.arg("corpsecret") != s.opts.Secret:
		if s.wrong[c.ip]++; s.wrong[c.ip] >= wrongSecrets {
			s.banned[c.ip], s.wrong[c.ip] = now.Add(banFor), 0
		}
		return fail(40001, "invalid credential")
	}
	if s.access.value == "" || s.access.dead || !now.Before(s.access.expires) {
		s.access = token{value: "tok-" + rand.Text() + rand.Text(), expires: now.Add(tokenLife)}
	}
	return ok(map[string]any{"access_token": s.access.value, "expires_in": int(s.access.expires.Sub(now) / time.Second)})
}

// escaped finds \uXXXX, which WeCom refuses wherever it stands.
var escaped = regexp.MustCompile(`\\u[0-9A-Fa-f]{4}`)

// withToken checks the access token and the form of the body, then lets then answer.
func (s *Server) withToken(c call, then func(call) reply) reply {
	t := c.arg("access_token")
	switch {
	case t == "":
		return fail(41001, "access_token missing")
	case t != s.access.value || s.access.dead:
		return fail(40014, "invalid access_token")
	case !s.now().Before(s.access.expires):
		return fail(42001, "access_token expired")
	case escaped.Match(c.body):
		return fail(40033, "invalid charset: the request contains \\uXXXX")
	case !json.Valid(c.body):
		return fail(40058, "the body is not JSON")
	}
	return then(c)
}

// within keeps the times not older than d, d ago itself excluded.
func within(times []time.Time, now time.Time, d time.Duration) []time.Time {
	var kept []time.Time
	for _, t := range times {
		if now.Sub(t) < d {
			kept = append(kept, t)
		}
	}
	return kept
}

func contains(list []string, one string) bool {
	for _, x := range list {
		if strings.EqualFold(x, one) {
			return true
		}
	}
	return false
}

// Fault is something that goes wrong with the next Times calls of Path.
type Fault struct {
	// Path is the call without /cgi-bin ("message/send"); "" is any.
	Path string `json:"path"`
	// Times is how often; 0 is once.
	Times int `json:"times"`
	// Errcode is answered in the place of the call.
	Errcode int `json:"errcode"`
	// Status is answered in the place of the call, with a page of HTML.
	Status int `json:"status"`
	// Hang gives no answer until the client hangs up.
	Hang bool `json:"hang"`
	// Cut does what was asked and then drops the connection without an answer.
	Cut bool `json:"cut"`
	// Page answers 200 with HTML, as a captive portal does; Blank answers 200 with {}.
	Page  bool `json:"page"`
	Blank bool `json:"blank"`
	// Answer is given with status 200 in the place of the call, as it is.
	Answer json.RawMessage `json:"answer"`
	// KillToken makes the access token invalid just before the call is looked at.
	KillToken bool `json:"kill_token"`
}

// Plan adds faults; each call takes the first that is for it.
func (s *Server) Plan(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		f.Times = max(f.Times, 1)
		s.faults = append(s.faults, &f)
	}
}

// ClearPlan forgets the faults that are left.
func (s *Server) ClearPlan() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Server) takeFault(path string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times > 0 && (f.Path == "" || f.Path == path) {
			f.Times--
			return f
		}
	}
	return nil
}

// before answers in the place of the call, if the fault is of that kind.
func (f *Fault) before(rw http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.Hang:
		<-r.Context().Done()
	case f.Status != 0:
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(f.Status)
		_, _ = rw.Write([]byte("<html><body>bad gateway</body></html>"))
	case f.Page:
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte("<html><body>please sign in</body></html>"))
	case f.Blank:
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte("{}"))
	case len(f.Answer) > 0:
		rw.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_, _ = rw.Write(f.Answer)
	case f.Errcode != 0:
		rw.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_ = json.NewEncoder(rw).Encode(fail(f.Errcode, "as planned").body)
	default:
		return false
	}
	return true
}

func (f *Fault) name() string {
	switch {
	case f.Hang:
		return "hang"
	case f.Cut:
		return "cut"
	case f.Status != 0:
		return "status"
	case f.Page, f.Blank:
		return "not wecom"
	case len(f.Answer) > 0:
		return "answer"
	case f.KillToken:
		return "kill_token"
	}
	return "errcode"
}

// hangUp drops the connection without a byte.
func hangUp(rw http.ResponseWriter) {
	if h, ok := rw.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
