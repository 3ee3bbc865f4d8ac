package main

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/text"
)

// incidentPage is a page of incidents.
type incidentPage struct {
	Incidents  []incidents.Incident `json:"incidents"`
	NextCursor string               `json:"next_cursor"`
}

// incidentWhole is an incident with its alerts and its history.
type incidentWhole struct {
	incidents.Incident
	AlertList []incidents.AlertView `json:"alert_list"`
	Timeline  []incidents.Line      `json:"timeline"`
}

func (h *house) listIncidents(ctx context.Context, _ caller, r *http.Request) (int, any, error) {
	q := r.URL.Query()
	f := incidents.Filter{Query: q.Get("q"), Cursor: q.Get("cursor")}
	for _, s := range listed(q["state"]) {
		if !slices.Contains([]string{"triggered", "acknowledged", "resolved", "open"}, s) {
			return 0, nil, invalid("state", "triggered, acknowledged, resolved or open; "+strconv.Quote(s)+" is none")
		}
		if s == "open" {
			f.States = append(f.States, incidents.Triggered, incidents.Acknowledged)
			continue
		}
		f.States = append(f.States, incidents.State(s))
	}
	for _, s := range listed(q["severity"]) {
		if !slices.Contains(incidents.Severities, s) {
			return 0, nil, invalid("severity", "P0 to P5; "+strconv.Quote(s)+" is none")
		}
		f.Severities = append(f.Severities, s)
	}
	var err error
	if f.Limit, err = limitOf(r); err != nil {
		return 0, nil, err
	}
	list, next, err := h.incidents.List(ctx, f)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, incidentPage{append([]incidents.Incident{}, list...), next}, nil
}

// limitOf is how many entries a page shall have at most; 0: that is not said.
func limitOf(r *http.Request) (int, error) {
	l := r.URL.Query().Get("limit")
	if l == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(l)
	if err != nil || n < 1 || n > 500 {
		return 0, invalid("limit", "1 to 500")
	}
	return n, nil
}

// listed reads a parameter that may be repeated or hold several values by comma.
func listed(values []string) []string {
	var out []string
	for _, v := range values {
		for s := range strings.SplitSeq(v, ",") {
			if s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}

func (h *house) whole(ctx context.Context, id incidents.ID) (*incidentWhole, error) {
	i, err := h.incidents.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	w := &incidentWhole{Incident: i}
	if w.AlertList, err = h.incidents.Alerts(ctx, id, 0); err != nil {
		return nil, err
	}
	if w.Timeline, err = h.incidents.History(ctx, id, 1); err != nil {
		return nil, err
	}
	return w, nil
}

func (h *house) showIncident(ctx context.Context, _ caller, r *http.Request) (int, any, error) {
	id, err := h.incidents.Find(ctx, r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	w, err := h.whole(ctx, id)
	return http.StatusOK, w, err
}

// declareIncident is POST /api/v1/incidents.
func (h *house) declareIncident(ctx context.Context, who caller, r *http.Request) (int, any, error) {
	var in struct {
		Title    string            `json:"title"`
		Severity string            `json:"severity"`
		Policy   string            `json:"policy"`
		Labels   map[string]string `json:"labels"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	cfg := h.config.Load()
	switch {
	case strings.TrimSpace(in.Title) == "":
		return 0, nil, invalid("title", "say in a line what is wrong")
	case !slices.Contains(incidents.Severities, in.Severity):
		return 0, nil, invalid("severity", "P0 to P5")
	case in.Policy != "" && cfg.ladders[in.Policy] == nil:
		return 0, nil, invalid("policy", "there is no policy of this name")
	case len(in.Labels) > cfg.Limits.Labels:
		return 0, nil, invalid("labels", "too many labels")
	}
	id, err := h.incidents.Declare(ctx, who.by(r), incidents.Declaration{Title: in.Title, Severity: in.Severity, Policy: in.Policy, Labels: in.Labels,
		Channels: cfg.Routes[len(cfg.Routes)-1].Channels})
	if err != nil {
		return 0, nil, err
	}
	w, err := h.whole(ctx, id)
	return http.StatusCreated, w, err
}

// wish is the body of a change: each verb reads what it needs.
type wish struct {
	Reason string     `json:"reason"`
	For    string     `json:"for"`
	Until  *time.Time `json:"until"`
	Person string     `json:"person"`
	Text   string     `json:"text"`
}

// changeIncident is POST /api/v1/incidents/{id}/VERB.
func (h *house) changeIncident(ctx context.Context, who caller, r *http.Request) (int, any, error) {
	var in wish
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	id, err := h.incidents.Find(ctx, r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	by := who.by(r)
	switch r.PathValue("verb") {
	case "acknowledge":
		err = h.incidents.Acknowledge(ctx, id, by, in.Reason)
	case "resolve":
		err = h.incidents.Resolve(ctx, id, by, in.Reason)
	case "reopen":
		err = h.incidents.Reopen(ctx, id, by, in.Reason)
	case "snooze":
		var until time.Time
		if until, err = in.end(time.Now()); err == nil {
			err = h.incidents.Snooze(ctx, id, by, until)
		}
	case "assign":
		if _, ok := h.config.Load().directory.Person(in.Person); !ok {
			return 0, nil, invalid("person", "there is nobody of this id")
		}
		err = h.incidents.Assign(ctx, id, by, in.Person)
	case "escalate":
		err = h.incidents.Escalate(ctx, id, by)
	case "notes":
		err = h.incidents.Note(ctx, id, by, in.Text)
	default:
		return 0, nil, refuse(http.StatusNotFound, "an incident has acknowledge, resolve, reopen, snooze, assign, escalate, notes")
	}
	if err != nil {
		return 0, nil, err
	}
	w, err := h.whole(ctx, id)
	return http.StatusOK, w, err
}

// end is when a snooze ends: {"for":"30m"} or {"until":T}.
func (w wish) end(now time.Time) (time.Time, error) {
	if w.Until != nil {
		return *w.Until, nil
	}
	d, err := text.ParseDuration(w.For)
	if err != nil || d <= 0 {
		return time.Time{}, invalid("for", "how long, as 30m or 2h; or until, as a time")
	}
	return now.Add(d), nil
}

func (h *house) showDeadLetter(ctx context.Context, _ caller, r *http.Request) (int, any, error) {
	d, err := h.incidents.Exhume(ctx, r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"id": d.ID, "at": d.At, "source": d.Source, "reason": d.Reason, "body": string(d.Body)}, nil
}
