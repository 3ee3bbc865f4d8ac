package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"dogwatch/actions"
	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// apiProblem is an RFC 9457 problem.
type apiProblem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// State, By and At say where a subject stands, who brought it there and when, in answers 409.
	State string     `json:"state,omitempty"`
	By    string     `json:"by,omitempty"`
	At    *time.Time `json:"at,omitempty"`
	// Errors are faults of parameters, each with its path, in answers 422.
	Errors []problemAt `json:"errors,omitempty"`
}

type problemAt struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

func (p *apiProblem) Error() string { return p.Title + ": " + p.Detail }

func refuse(status int, detail string) *apiProblem {
	return &apiProblem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// invalid is a 422 about one parameter.
func invalid(path, message string) *apiProblem {
	p := refuse(http.StatusUnprocessableEntity, "")
	p.Errors = []problemAt{{path, message}}
	return p
}

// problemOf turns what a room answered into what a caller of the API reads. The one table for errors of the API.
func problemOf(err error) *apiProblem {
	var p *apiProblem
	var late *incidents.LateError
	var lateRequest *actions.LateError
	var params *actions.ParamsError
	var denied *actions.DeniedError
	var noRight *incidents.DeniedError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &late):
		return conflict("the incident is "+string(late.State)+" already", string(late.State), late.By, late.At)
	case errors.As(err, &lateRequest):
		return conflict("the request is "+string(lateRequest.State)+" already", string(lateRequest.State), lateRequest.By, lateRequest.At)
	case errors.As(err, &denied):
		return refuse(http.StatusForbidden, denied.Error())
	case errors.As(err, &noRight):
		return refuse(http.StatusForbidden, noRight.Error())
	case errors.As(err, &params):
		p = refuse(http.StatusUnprocessableEntity, "parameters are not as the action needs them")
		for _, f := range params.Faults {
			p.Errors = append(p.Errors, problemAt{f.Path(), f.Say("en")})
		}
		return p
	case errors.Is(err, incidents.ErrUnknown), errors.Is(err, actions.ErrUnknown), errors.Is(err, actions.ErrNoAction):
		return refuse(http.StatusNotFound, err.Error())
	case errors.Is(err, actions.ErrDigest), errors.Is(err, actions.ErrIncidentClosed), errors.Is(err, incidents.ErrNoPolicy):
		return refuse(http.StatusConflict, err.Error())
	case errors.Is(err, incidents.ErrPast):
		return invalid("until", err.Error())
	case errors.Is(err, incidents.ErrEmpty):
		return invalid("text", err.Error())
	case errors.Is(err, incidents.ErrCursor), errors.Is(err, actions.ErrCursor):
		return invalid("cursor", err.Error())
	case errors.Is(err, escalation.ErrUnreachable):
		return invalid("person", err.Error())
	case state.Unavailable(err):
		return refuse(http.StatusServiceUnavailable, "the store cannot be reached now; try again")
	}
	return refuse(http.StatusInternalServerError, "something went wrong here; it is in the log")
}

func conflict(detail, st, by string, at time.Time) *apiProblem {
	p := refuse(http.StatusConflict, detail)
	p.State, p.By = st, by
	if !at.IsZero() {
		p.At = &at
	}
	return p
}

func (p *apiProblem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="dogwatch"`)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}
