package slacktest

import (
	"net/http"
)

// before misbehaves ahead of the effect; true means that the call is over.
func (s *Server) before(w http.ResponseWriter, r *http.Request, c *call, f *Fault) bool {
	status := 0
	switch f.Kind {
	case RateLimit:
		status = http.StatusTooManyRequests
	case ServerError:
		status = http.StatusInternalServerError
	case HTMLError:
		status = http.StatusServiceUnavailable
	case Refuse:
		status = http.StatusOK
	case Hang, Cut:
	case DelayedReply:
		s.mu.Lock()
		s.note(Entry{Kind: "api", Method: c.method, Args: c.args, Fault: f.Kind}) // noted again with its answer
		s.mu.Unlock()
		_ = s.Clock.Wait(r.Context(), f.Delay) // a client that went away meanwhile: the call takes effect all the same
		return false
	default:
		return false
	}
	s.mu.Lock()
	s.note(Entry{Kind: "api", Method: c.method, Args: c.args, Status: status, Error: f.Error, Fault: f.Kind})
	s.mu.Unlock()
	switch f.Kind {
	case RateLimit:
		tooMany(w, f.Retry)
	case ServerError, HTMLError:
		broken(w, status)
	case Refuse:
		writeAnswer(w, c, deny(f.Error))
	case Hang:
		s.hang(r)
		panic(http.ErrAbortHandler)
	case Cut:
		panic(http.ErrAbortHandler)
	}
	return true
}

// after misbehaves once the call has had its effect.
func (s *Server) after(w http.ResponseWriter, r *http.Request, f *Fault, a answer) bool {
	switch f.Kind {
	case HangAfter:
		s.hang(r)
		panic(http.ErrAbortHandler)
	case CutAfter:
		panic(http.ErrAbortHandler)
	case ErrorAfter:
		broken(w, http.StatusInternalServerError)
	case Truncate:
		body := mustJSON(a)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(body[:len(body)/2])
	case Empty:
		w.WriteHeader(http.StatusOK)
	default:
		return false
	}
	return true
}

// hang holds a call until its client goes or all faults are healed.
func (s *Server) hang(r *http.Request) {
	s.mu.Lock()
	healed := s.healed
	s.mu.Unlock()
	select {
	case <-r.Context().Done():
	case <-healed:
	}
}

func broken(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!DOCTYPE html><title>Server Error</title>"))
}
