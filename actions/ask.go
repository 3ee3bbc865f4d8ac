package actions

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// Ask is what a person wants done.
type Ask struct {
	Action   string
	Params   map[string]any // texts (from chat) or JSON values
	Incident incidents.ID   // "" for none
	Reason   string
}

// Request keeps a request for an action. The parameters are checked and rendered now; what is kept is what will run, letter by
// letter. Errors: ErrNoAction, *DeniedError, *ParamsError, incidents.ErrUnknown, ErrIncidentClosed.
func (s *Service) Request(ctx context.Context, by By, ask Ask) (Request, error) {
	return s.request(ctx, by, ask, "")
}

// Retry asks again for what a request that has ended asked for, under the present definition; it needs its own approval.
func (s *Service) Retry(ctx context.Context, id RequestID, by By) (Request, error) {
	old, err := s.Get(ctx, id)
	if err != nil {
		return Request{}, fmt.Errorf("retry: %w", err)
	}
	if !old.State.Final() {
		return Request{}, &LateError{Verb: "retry", State: old.State, By: old.DecidedBy}
	}
	return s.request(ctx, by, Ask{Action: old.Action, Params: old.Params, Incident: old.Incident, Reason: old.Reason}, id)
}

func (s *Service) request(ctx context.Context, by By, ask Ask, retryOf RequestID) (Request, error) {
	setup := s.setup.Load()
	a, ok := setup.Catalog.Get(ask.Action)
	if !ok {
		return Request{}, fmt.Errorf("request action %q: %w", ask.Action, ErrNoAction)
	}
	if v := (question{directory: setup.Directory, person: by.Person}).mayRequest(); !v.Allowed {
		return Request{}, &DeniedError{"request " + a.Name, v.Why}
	}
	b, err := a.bind(ask.Params)
	if err != nil {
		return Request{}, err
	}
	r := Request{
		ID: s.place(by, ask), Action: a.Name, Title: a.Title, Params: b.params, Runner: a.Runner, Target: a.Target, Argv: b.argv, Dir: a.Dir,
		Env: slices.Sorted(maps.Keys(a.Env)), TimeoutMS: a.Timeout.Milliseconds(), Version: a.Version, Incident: ask.Incident,
		Requester: by.Person, Reason: words(ask.Reason, 500), RetryOf: retryOf, Quorum: a.Approval.Quorum, FourEyes: !a.Approval.Own,
	}
	if a.Approval.None {
		r.Quorum = 0
	}
	now, err := s.store.Now(ctx, r.ID.Shard())
	if err != nil {
		return Request{}, fmt.Errorf("request action %s: %w", a.Name, err)
	}
	r.ExpiresAt = now.Add(a.Approval.Expires).UTC()
	r.Digest = r.digest()
	return s.keep(ctx, by, &r, a.Approval.None)
}

// place gives a new request its id: in its incident's shard, or where repeats of the same call find it.
func (s *Service) place(by By, ask Ask) RequestID {
	if ask.Incident != "" {
		return RequestID(incidents.NewID(ask.Incident.Shard()))
	}
	id := newID()
	if by.Request != "" {
		id = by.Request
	}
	return RequestID(incidents.NewID(s.store.ShardOf("request/" + id)))
}

func (s *Service) keep(ctx context.Context, by By, r *Request, free bool) (Request, error) {
	n := r.ID.Shard()
	entry, _ := entry("create", by, map[string]any{"request": r.ID, "action": r.Action, "digest": r.Digest, "incident": r.Incident})
	needs := ""
	if free {
		needs = "1"
	}
	f, err := s.store.Do(ctx, state.Call{
		Script: requestScript, Shard: n, Request: repeat(by, "create", r.Action), Audit: entry,
		Keys: append(s.keys.told(r.ID, r.Incident), s.keys.shard(n, "all"), s.keys.of(n, r.Incident)),
		Args: append([]any{string(r.ID), string(r.Incident), strconv.FormatInt(r.ExpiresAt.UnixMilli(), 10), by.Person, by.Via,
			data("reason", r.Reason, "digest", r.Digest, "retry_of", string(r.RetryOf)), needs}, r.fields()...),
	})
	if err != nil {
		return Request{}, fmt.Errorf("request action %s: %w", r.Action, err)
	}
	switch f[0] {
	case "missing":
		return Request{}, fmt.Errorf("request action %s: incident %s: %w", r.Action, r.Incident, incidents.ErrUnknown)
	case "closed":
		return Request{}, fmt.Errorf("request action %s: %w", r.Action, ErrIncidentClosed)
	}
	if free {
		s.Wake()
	}
	return s.Get(ctx, RequestID(f[1]))
}
