package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dogwatch/actions"
)

// approvalView is what an action needs before it may run, in the configuration's words.
type approvalView struct {
	None      bool     `json:"none"`
	Approvers []string `json:"approvers"`
	Quorum    int      `json:"quorum"`
	Expires   string   `json:"expires"`
	FourEyes  bool     `json:"four_eyes"`
}

func approvalOf(a actions.Approval) approvalView {
	return approvalView{a.None, a.Approvers, a.Quorum, a.Expires.String(), !a.Own}
}

func (h *house) listActions(_ context.Context, _ caller, _ *http.Request) (int, any, error) {
	type shown struct {
		Name     string                   `json:"name"`
		Title    string                   `json:"title"`
		Runner   string                   `json:"runner"`
		Argv     []string                 `json:"argv"`
		Timeout  string                   `json:"timeout"`
		Params   map[string]actions.Param `json:"params"`
		Approval approvalView             `json:"approval"`
	}
	out := []shown{}
	for _, a := range h.actions.Actions() {
		out = append(out, shown{a.Name, a.Title, a.Runner, a.Argv, a.Timeout.String(), a.Params, approvalOf(a.Approval)})
	}
	return http.StatusOK, map[string]any{"actions": out}, nil
}

// requestAction is POST /api/v1/actions/{name}/requests.
func (h *house) requestAction(ctx context.Context, who caller, r *http.Request) (int, any, error) {
	var in struct {
		Params   map[string]any  `json:"params"`
		Incident json.RawMessage `json:"incident"`
		Reason   string          `json:"reason"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	ask := actions.Ask{Action: r.PathValue("name"), Params: in.Params, Reason: in.Reason}
	// An incident is named by its id, or by its number as text or number.
	if ref := strings.Trim(string(in.Incident), `"`); ref != "" && ref != "null" {
		id, err := h.incidents.Find(ctx, ref)
		if err != nil {
			return 0, nil, invalid("incident", "there is no such incident")
		}
		ask.Incident = id
	}
	made, err := h.actions.Request(ctx, who.by(r), ask)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, made, nil
}

var requestStates = []actions.State{actions.Pending, actions.Approved, actions.Running, actions.Succeeded, actions.Failed, actions.Rejected,
	actions.Expired, actions.Cancelled, actions.Unknown}

func (h *house) listRequests(ctx context.Context, _ caller, r *http.Request) (int, any, error) {
	q := r.URL.Query()
	f := actions.Filter{Action: q.Get("action"), Cursor: q.Get("cursor")}
	for _, s := range listed(q["state"]) {
		if !slices.Contains(requestStates, actions.State(s)) {
			return 0, nil, invalid("state", strconv.Quote(s)+" is none of a request's states")
		}
		f.States = append(f.States, actions.State(s))
	}
	var err error
	if f.Limit, err = limitOf(r); err != nil {
		return 0, nil, err
	}
	list, next, err := h.actions.List(ctx, f)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"requests": append([]actions.Request{}, list...), "next_cursor": next}, nil
}

func (h *house) showRequest(ctx context.Context, _ caller, r *http.Request) (int, any, error) {
	id, err := requestID(r)
	if err != nil {
		return 0, nil, err
	}
	got, err := h.actions.Get(ctx, id)
	return http.StatusOK, got, err
}

func requestID(r *http.Request) (actions.RequestID, error) {
	id, ok := actions.ParseRequestID(r.PathValue("id"))
	if !ok {
		return "", refuse(http.StatusNotFound, "there is no such request")
	}
	return id, nil
}

// decideRequest is POST /api/v1/requests/{id}/VERB.
func (h *house) decideRequest(ctx context.Context, who caller, r *http.Request) (int, any, error) {
	var in struct {
		Digest string `json:"digest"`
		Reason string `json:"reason"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	id, err := requestID(r)
	if err != nil {
		return 0, nil, err
	}
	by := who.by(r)
	var got actions.Request
	switch r.PathValue("verb") {
	case "approve":
		got, err = h.actions.Approve(ctx, id, by, in.Digest)
	case "reject":
		got, err = h.actions.Reject(ctx, id, by, in.Reason)
	case "cancel":
		got, err = h.actions.Cancel(ctx, id, by, in.Reason)
	case "retry":
		got, err = h.actions.Retry(ctx, id, by)
		if err == nil {
			return http.StatusCreated, got, nil
		}
	case "pause", "resume":
		if got, err = h.actions.Get(ctx, id); err == nil {
			// A single command has no steps between which it could be held.
			return 0, nil, conflict("a single command cannot be paused or resumed", string(got.State), "", got.CreatedAt)
		}
	default:
		return 0, nil, refuse(http.StatusNotFound, "a request has approve, reject, cancel, pause, resume, retry")
	}
	return http.StatusOK, got, err
}

// requestLogs is GET /api/v1/requests/{id}/logs: what was printed so far, or, asked for text/event-stream, as it comes.
func (h *house) requestLogs(w http.ResponseWriter, r *http.Request) {
	if _, p := h.admit(r); p != nil {
		p.write(w)
		return
	}
	id, err := requestID(r)
	if err == nil {
		_, err = h.actions.Get(r.Context(), id)
	}
	if err != nil {
		problemOf(err).write(w)
		return
	}
	if slices.Contains(strings.Split(r.Header.Get("Accept"), ","), "text/event-stream") {
		h.followLogs(w, r, id)
		return
	}
	page, err := h.actions.Output(r.Context(), id, r.URL.Query().Get("cursor"))
	if err != nil {
		problemOf(err).write(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"output": joined(page), "chunks": append([]actions.Chunk{}, page.Chunks...), "cursor": page.Cursor, "ended": page.Ended, "state": page.State})
}

// joined is a page's text; where something was left out it says so.
func joined(p actions.OutputPage) string {
	var b strings.Builder
	for i, c := range p.Chunks {
		if i > 0 && c.Offset > p.Chunks[i-1].End() {
			fmt.Fprintf(&b, "\n[… %d bytes …]\n", c.Offset-p.Chunks[i-1].End())
		}
		b.WriteString(c.Text)
	}
	return b.String()
}

// followLogs sends output as server-sent events until the request is over, the caller goes or we do.
func (h *house) followLogs(w http.ResponseWriter, r *http.Request, id actions.RequestID) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	_ = rc.Flush()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-h.leaving:
			cancel()
		case <-ctx.Done():
		}
	}()
	// An error here is a caller who went away, or a store that did: the caller's next try begins where this one ended.
	_ = h.actions.Follow(ctx, id, r.Header.Get("Last-Event-ID"), func(p actions.OutputPage) error {
		out, err := json.Marshal(map[string]any{"output": joined(p), "state": p.State, "ended": p.Ended})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "id: %s\nevent: output\ndata: %s\n\n", p.Cursor, out); err != nil {
			return err
		}
		return rc.Flush()
	})
}
