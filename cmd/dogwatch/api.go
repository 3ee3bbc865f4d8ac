package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"dogwatch/incidents"
	"dogwatch/schedules"
)

//go:embed openapi.json
var openAPI []byte

// caller is who calls the API: a person through a token. The zero caller may do nothing.
type caller struct {
	person schedules.Person
	token  string // its name in the configuration
	write  bool
}

// endpoint answers a request of a known caller; what it returns is written as JSON with its status, an error as a problem.
type endpoint func(ctx context.Context, who caller, r *http.Request) (status int, answer any, err error)

// serveAPI puts the API's paths into the mux.
func (h *house) serveAPI(mux *http.ServeMux) {
	for pattern, e := range h.endpoints() {
		mux.Handle(pattern, h.guarded(e))
	}
	for pattern, handler := range h.streams() {
		mux.HandleFunc(pattern, handler)
	}
	mux.HandleFunc("/api/v1/", func(w http.ResponseWriter, r *http.Request) {
		refuse(http.StatusNotFound, "there is no "+r.Method+" "+r.URL.Path+"; see /api/v1/openapi.json").write(w)
	})
}

// streams are the paths that write their answers themselves. openapi.json describes these and the endpoints, and a test holds that.
func (h *house) streams() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /api/v1/openapi.json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(openAPI)
		},
		"GET /api/v1/requests/{id}/logs": h.requestLogs,
	}
}

// endpoints are the paths behind a token.
func (h *house) endpoints() map[string]endpoint {
	return map[string]endpoint{
		"GET /api/v1/incidents":                   h.listIncidents,
		"POST /api/v1/incidents":                  h.declareIncident,
		"GET /api/v1/incidents/{id}":              h.showIncident,
		"POST /api/v1/incidents/{id}/{verb}":      h.changeIncident,
		"GET /api/v1/schedules":                   h.listSchedules,
		"GET /api/v1/schedules/{name}/oncall":     h.scheduleOnCall,
		"GET /api/v1/schedules/{name}/shifts":     h.scheduleShifts,
		"GET /api/v1/schedules/{name}/gaps":       h.scheduleGaps,
		"GET /api/v1/oncall":                      h.allOnCall,
		"GET /api/v1/gaps":                        h.allGaps,
		"POST /api/v1/schedules/{name}/overrides": h.addOverride,
		"GET /api/v1/schedules/{name}/overrides":  h.listOverrides,
		"POST /api/v1/route":                      h.dryRoute,
		"GET /api/v1/actions":                     h.listActions,
		"POST /api/v1/actions/{name}/requests":    h.requestAction,
		"GET /api/v1/requests":                    h.listRequests,
		"GET /api/v1/requests/{id}":               h.showRequest,
		"POST /api/v1/requests/{id}/{verb}":       h.decideRequest,
		"GET /api/v1/dead-letters/{id}":           h.showDeadLetter,
		"POST /-/reload":                          h.reloadNow,
	}
}

// guarded lets an endpoint see only callers whose token and right were checked: reading needs any role, everything else a
// token of full scope. What exactly a person may change is checked in the rooms.
func (h *house) guarded(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, p := h.admit(r)
		if p != nil {
			p.write(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		status, answer, err := e(r.Context(), who, r)
		if err != nil {
			p := problemOf(err)
			if p.Status == http.StatusInternalServerError {
				h.log.Error("api", "method", r.Method, "path", r.URL.Path, "error", err.Error())
			}
			p.write(w)
			return
		}
		writeJSON(w, status, answer)
	})
}

func (h *house) admit(r *http.Request) (caller, *apiProblem) {
	who, ok := h.callerOf(r)
	switch {
	case !ok:
		return who, refuse(http.StatusUnauthorized, "no token, or one that is not known")
	case !h.config.Load().directory.Allows(who.person.ID, schedules.Viewer):
		return who, refuse(http.StatusForbidden, "this token's person has no role")
	case r.Method != http.MethodGet && !who.write:
		return who, refuse(http.StatusForbidden, "this token may only read (scope: read)")
	}
	return who, nil
}

// callerOf finds whose token a request carries. All tokens are compared, each in constant time.
func (h *house) callerOf(r *http.Request) (caller, bool) {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || given == "" {
		return caller{}, false
	}
	return h.callerByToken(given)
}

func (h *house) callerByToken(given string) (caller, bool) {
	cfg := h.config.Load()
	sum := sha256.Sum256([]byte(given))
	var who caller
	found := false
	for _, t := range cfg.Server.Tokens {
		want := sha256.Sum256([]byte(t.Token.Reveal()))
		if subtle.ConstantTimeCompare(sum[:], want[:]) == 1 && !t.Token.IsZero() && t.Token.Reveal() != "" {
			if p, ok := cfg.directory.Person(t.Person); ok {
				who, found = caller{person: p, token: t.Name, write: t.Scope == "full"}, true
			}
		}
	}
	return who, found
}

// tokenStands says whether a person still has a token of at least this right, so that a session ends with its token.
func (h *house) tokenStands(person string, write bool) bool {
	for _, t := range h.config.Load().Server.Tokens {
		if t.Person == person && (!write || t.Scope == "full") {
			return true
		}
	}
	return false
}

// by is the caller as an actor, with the request id that the Idempotency-Key stands for.
func (c caller) by(r *http.Request) incidents.By {
	by := incidents.By{Actor: incidents.Actor{Person: c.person.ID, Via: "api"}}
	if r.Header.Get("X-Dogwatch-Via") == "cli" {
		by.Via = "cli"
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		sum := sha256.Sum256([]byte(c.token + "\x00" + r.URL.Path + "\x00" + key))
		by.Request = "api/" + hex.EncodeToString(sum[:16])
	}
	return by
}

// read decodes a request's body strictly; an empty one leaves into as it is.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var size *http.MaxBytesError
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &size):
		return refuse(http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB")
	case err != nil:
		return refuse(http.StatusBadRequest, "the body cannot be read: "+err.Error())
	case d.Decode(new(json.RawMessage)) != io.EOF:
		return refuse(http.StatusBadRequest, "the body goes on behind its end")
	}
	return nil
}

// reloadNow is POST /-/reload.
func (h *house) reloadNow(_ context.Context, who caller, _ *http.Request) (int, any, error) {
	if !h.config.Load().directory.Allows(who.person.ID, schedules.Admin) {
		return 0, nil, refuse(http.StatusForbidden, "only an admin may reload the configuration")
	}
	err := h.reload()
	var faults Faults
	if errors.As(err, &faults) {
		p := refuse(http.StatusUnprocessableEntity, "the new configuration is broken, the old one stays in force")
		for _, f := range faults {
			p.Errors = append(p.Errors, problemAt{Message: f.String()})
		}
		return 0, nil, p
	}
	if err != nil {
		return 0, nil, refuse(http.StatusUnprocessableEntity, err.Error())
	}
	return http.StatusOK, map[string]bool{"reloaded": true}, nil
}
