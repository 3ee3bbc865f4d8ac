package incidents

import (
	"slices"
	"sync/atomic"
	"time"

	"dogwatch/internal/expression"
)

// Severities from the loudest to the quietest. They compare as texts: severity <= "P2" is P0, P1 or P2.
var Severities = []string{"P0", "P1", "P2", "P3", "P4", "P5"}

// SafeSeverity is what an alert gets when its route's severity cannot be computed or is none of Severities: loud enough
// that somebody is woken, since a mistake in an expression must not let an alert sleep, but not P0, which overtakes
// everything else in a storm.
const SafeSeverity = "P1"

// AllLabels as the only member of GroupBy makes every set of labels an incident of its own, as in Alertmanager.
const AllLabels = "..."

// RouteConfig is one route as it is configured.
type RouteConfig struct {
	// Name is how people and group keys call the route. "" takes the policy's name, with -2, -3 … if that is taken. Renaming
	// a route makes new incidents of alerts that come afterwards, so a name that is written out outlives edits around it.
	Name string
	// Match is an expression over labels, annotations, source, status, starts_at that says whether the route is taken.
	Match string
	// GroupBy are the labels that tell two incidents apart. Empty: the whole route is one incident.
	GroupBy []string
	// Severity is an expression over the same that results in one of Severities.
	Severity string
	// Policy is a policy's name, or an expression over the same and severity that results in one.
	Policy string
	// Channels are the places where the incident's card is posted, as "slack:C0OPS".
	Channels []string
	// Show are names of annotations that go on the card.
	Show []string
}

// Decision is what routing makes of one report. Its slices belong to the router and must not be changed.
type Decision struct {
	Route int    // index of the route; -1 from a nil Router
	Name  string // the route's name
	// GroupID decides which incident the alert belongs to: SHA-256 in hex over source, route and the grouping labels, each
	// with its length before it, so that no choice of label values can collide with another group.
	GroupID string
	// GroupKey is the same for people: prom/web{alertname="DiskFull",cluster="eu"}, cut to 512 bytes. It decides nothing.
	GroupKey string
	Severity string
	Policy   string
	Channels []string
	Show     []string
}

// RouteFault is one thing wrong with the routes.
type RouteFault struct {
	Path    string // "routes[1].severity"
	Message string
	Hint    string
	// Line and Column, from 1, lead into the expression at Path; 0 where the fault is not inside one.
	Line, Column int
}

func (f RouteFault) Error() string { return f.Path + ": " + f.Message }

// RouteErrors are how often a route's expressions failed while they ran: a match that fails does not match, a severity that
// fails is SafeSeverity, a policy that fails is the last route's.
type RouteErrors struct {
	Name                    string
	Match, Severity, Policy int64
}

// alertNames is what match and severity see; routedNames is what a policy's expression sees.
type alertNames struct {
	Labels      map[string]string `expr:"labels"`
	Annotations map[string]string `expr:"annotations"`
	Source      string            `expr:"source"`
	Status      string            `expr:"status"`
	StartsAt    time.Time         `expr:"starts_at"`
	Now         time.Time         `expr:"now"`
}

type routedNames struct {
	Labels      map[string]string `expr:"labels"`
	Annotations map[string]string `expr:"annotations"`
	Source      string            `expr:"source"`
	Status      string            `expr:"status"`
	StartsAt    time.Time         `expr:"starts_at"`
	Now         time.Time         `expr:"now"`
	Severity    string            `expr:"severity"`
}

type route struct {
	RouteConfig
	match, severity *expression.Program
	policy          *expression.Program // nil: Policy is a name

	failedMatch, failedSeverity, failedPolicy atomic.Int64
}

// Router decides which route an alert takes. It never fails and changes nothing but its own counters of failures; one may
// be used by any number of goroutines.
type Router struct {
	routes   []*route
	policies map[string]bool
	fallback string
}

// Route decides what becomes of a report that came from source. now is the time of its acceptance.
func (r *Router) Route(source string, report *Report, now time.Time) Decision {
	if r == nil {
		return Decision{Route: -1, Severity: SafeSeverity}
	}
	names := &alertNames{report.Labels, report.Annotations, source, string(report.Status), report.StartsAt, now}
	if names.StartsAt.IsZero() {
		names.StartsAt = now
	}
	for i, t := range r.routes {
		ok, err := t.match.Bool(names)
		if err != nil {
			t.failedMatch.Add(1)
		}
		if !ok {
			continue
		}
		d := Decision{Route: i, Name: t.Name, Channels: t.Channels, Show: t.Show}
		d.Severity = t.rate(names)
		d.Policy = r.choose(t, names, d.Severity)
		d.GroupID, d.GroupKey = groupKey(source, t.Name, t.GroupBy, report.Labels)
		return d
	}
	return Decision{Route: -1, Severity: SafeSeverity} // not reached: the last route matches everything
}

func (t *route) rate(names *alertNames) string {
	s, err := t.severity.Text(names)
	if err != nil || !slices.Contains(Severities, s) {
		t.failedSeverity.Add(1)
		return SafeSeverity
	}
	return s
}

func (r *Router) choose(t *route, n *alertNames, severity string) string {
	if t.policy == nil {
		return t.Policy
	}
	name, err := t.policy.Text(&routedNames{n.Labels, n.Annotations, n.Source, n.Status, n.StartsAt, n.Now, severity})
	if err != nil || !r.policies[name] {
		t.failedPolicy.Add(1)
		return r.fallback
	}
	return name
}

// Errors are the failures of every route since the router was made.
func (r *Router) Errors() []RouteErrors {
	var all []RouteErrors
	for _, t := range r.routes {
		all = append(all, RouteErrors{t.Name, t.failedMatch.Load(), t.failedSeverity.Load(), t.failedPolicy.Load()})
	}
	return all
}
