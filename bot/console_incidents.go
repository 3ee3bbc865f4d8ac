package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dogwatch/actions"
	"dogwatch/incidents"
)

// IncidentFilter says which incidents to list. Empty fields mean all.
type IncidentFilter struct {
	States     []string // "triggered", "acknowledged", "resolved"
	Severities []string // "P0" to "P5"
	Query      string
	Cursor     string // from the page before
	Limit      int    // 0 is 50
}

// IncidentRow is an incident in a list.
type IncidentRow struct {
	ID            string
	Number        int64
	Severity      string
	State         string
	Snoozed       bool
	Title         string
	Status        string // a sentence: where it stands, and through whom
	Source        string
	Assignees     string // names
	Firing, Total int64
	Received      int64
	Since         time.Time
}

func (c *Console) row(who Visitor, i *incidents.Incident) IncidentRow {
	s := scene{incident: i, people: c.bot.people(), reader: who.reader()}
	return IncidentRow{ID: string(i.ID), Number: i.Number, Severity: i.Severity, State: string(i.State), Snoozed: i.SnoozedUntil != nil,
		Title: cut(oneLine(i.Title), shownTitle), Status: s.status(), Source: i.Source, Assignees: names(c.bot.people(), i.Assignees),
		Firing: i.Alerts.Firing, Total: i.Alerts.Total, Received: i.Alerts.Received, Since: i.CreatedAt.In(who.Zone)}
}

// Incidents is a page of incidents, newest first, and the cursor of the next one ("" at the end).
func (c *Console) Incidents(ctx context.Context, who Visitor, f IncidentFilter) ([]IncidentRow, string, error) {
	filter := incidents.Filter{Severities: f.Severities, Query: f.Query, Cursor: f.Cursor, Limit: f.Limit}
	for _, s := range f.States {
		filter.States = append(filter.States, incidents.State(s))
	}
	list, next, err := c.bot.cfg.Incidents.List(ctx, filter)
	if err != nil {
		return nil, "", fmt.Errorf("list incidents: %w", err)
	}
	out := make([]IncidentRow, len(list))
	for i := range list {
		out[i] = c.row(who, &list[i])
	}
	return out, next, nil
}

// OpenCount is the number of open incidents.
func (c *Console) OpenCount(ctx context.Context) (int64, error) {
	return c.bot.cfg.Incidents.OpenCount(ctx)
}

// IncidentPage is everything about one incident.
type IncidentPage struct {
	IncidentRow
	// Card is the incident's card as chat shows it, with the visitor's buttons.
	Card *Card
	// Labels are those of the first alert, by name.
	Alerts []AlertRow
	// MoreAlerts is the number of alerts beyond those in Alerts.
	MoreAlerts int64
	Timeline   []Event // newest first
	// Earlier says that the history is longer than Timeline.
	Earlier  bool
	Requests []RequestPage // open ones first, then the newest
	// Open says that somebody must still do something; Closed incidents can be reopened.
	Open bool
}

// AlertRow is one alert of an incident.
type AlertRow struct {
	Name        string
	Firing      bool
	Since       time.Time
	Until       time.Time // zero while it fires
	Labels      []Fact    // by name
	Annotations []Fact
	Source      string // a link to where it comes from; "" if it gave none that can be shown
	Received    int64
	Dropped     bool // its texts were not kept
}

// What a page shows at most.
const (
	shownAlerts  = 50
	shownEvents  = 200
	pageRequests = 20
)

// Incident is everything about an incident, named by its number or id.
func (c *Console) Incident(ctx context.Context, who Visitor, ref string) (IncidentPage, error) {
	id, err := c.bot.cfg.Incidents.Find(ctx, ref)
	if err != nil {
		return IncidentPage{}, err
	}
	i, lines, err := c.bot.cfg.Incidents.Look(ctx, id, shownEvents)
	if err != nil {
		return IncidentPage{}, err
	}
	p := IncidentPage{IncidentRow: c.row(who, &i), Open: i.Open(), Earlier: len(lines) > 0 && lines[0].Seq > 1}
	alerts, err := c.bot.cfg.Incidents.Alerts(ctx, id, shownAlerts)
	if err != nil {
		return IncidentPage{}, err
	}
	for n := range alerts {
		p.Alerts = append(p.Alerts, alertRow(who, &alerts[n]))
	}
	p.MoreAlerts = max(0, i.Alerts.Total-int64(len(alerts)))
	for n := len(lines) - 1; n >= 0; n-- {
		p.Timeline = append(p.Timeline, c.event(who, &lines[n]))
	}
	s := scene{incident: &i, lines: lines, people: c.bot.people(), reader: who.reader(), sign: c.bot.signers["web"].sign, actions: c.bot.hasActions()}
	p.Card = c.Offered(who, s.render())
	p.Status = p.Card.Status
	p.Requests, err = c.requestsOf(ctx, who, id)
	return p, err
}

// Card is an incident's card as it stands now, in the visitor's language and with their buttons.
func (c *Console) Card(ctx context.Context, who Visitor, incident string) (*Card, error) {
	id, ok := incidents.ParseID(incident)
	if !ok {
		return nil, incidents.ErrUnknown
	}
	i, lines, err := c.bot.cfg.Incidents.Look(ctx, id, tail)
	if err != nil {
		return nil, err
	}
	s := scene{incident: &i, lines: lines, people: c.bot.people(), reader: who.reader(), sign: c.bot.signers["web"].sign, actions: c.bot.hasActions()}
	if s.requests, err = c.bot.requestsOf(ctx, id); err != nil {
		return nil, err
	}
	return c.Offered(who, s.render()), nil
}

func alertRow(who Visitor, a *incidents.AlertView) AlertRow {
	r := AlertRow{Name: a.Labels["alertname"], Firing: a.Status == incidents.Firing, Since: a.StartsAt.In(who.Zone), Received: a.Received,
		Labels: facts(a.Labels), Annotations: facts(a.Annotations), Dropped: a.TextDropped}
	if a.EndsAt != nil && !r.Firing {
		r.Until = a.EndsAt.In(who.Zone)
	}
	if webURL(a.Generator) {
		r.Source = a.Generator
	}
	if r.Name == "" {
		r.Name = a.Fingerprint
	}
	return r
}

func facts(m map[string]string) []Fact {
	var out []Fact
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Fact{k, m[k]})
	}
	return out
}

func (c *Console) requestsOf(ctx context.Context, who Visitor, id incidents.ID) ([]RequestPage, error) {
	if !c.bot.hasActions() {
		return nil, nil
	}
	list, err := c.bot.cfg.Actions.ListForIncident(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("list requests of %s: %w", id, err)
	}
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b actions.Request) int { return finality(a.State) - finality(b.State) })
	var out []RequestPage
	for n := range list[:min(len(list), pageRequests)] {
		q, err := c.requestPage(ctx, who, list[n])
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, nil
}

func finality(s actions.State) int {
	if s.Final() {
		return 1
	}
	return 0
}
