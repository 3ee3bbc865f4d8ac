package incidents

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var routeNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func webRoutes() []RouteConfig {
	return []RouteConfig{
		{
			Match: `labels.team == "web"`, GroupBy: []string{"cluster", "alertname"},
			Severity: `labels.severity == "critical" ? "P1" : "P3"`, Policy: `severity <= "P1" ? "loud" : "web"`,
			Channels: []string{"web:ops", "slack:C0OPS"}, Show: []string{"summary"},
		},
		{Name: "own", Match: `labels.team == "own"`, GroupBy: []string{AllLabels}, Severity: `labels.severity`, Policy: `labels.policy`},
		{Match: `true`, Severity: `"P4"`, Policy: "web", Channels: []string{"web:ops"}},
	}
}

func newRouter(t testing.TB) *Router {
	t.Helper()
	r, faults := NewRouter(webRoutes(), []string{"web", "loud"})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return r
}

func labelled(pairs ...string) *Report {
	r := &Report{Status: Firing, Labels: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		r.Labels[pairs[i]] = pairs[i+1]
	}
	return r
}

func TestRoute(t *testing.T) {
	r := newRouter(t)
	for _, c := range []struct {
		name   string
		report *Report
		want   Decision
	}{
		{"the first that matches", labelled("team", "web", "severity", "critical", "alertname", "DiskFull", "cluster", `e"u`),
			Decision{Route: 0, Name: "route", GroupKey: `prom/route{alertname="DiskFull",cluster="e\"u"}`, Severity: "P1", Policy: "loud", Channels: []string{"web:ops", "slack:C0OPS"}, Show: []string{"summary"}}},
		{"labels that are not there", labelled("team", "web", "cluster", ""),
			Decision{Route: 0, Name: "route", GroupKey: `prom/route{}`, Severity: "P3", Policy: "web", Channels: []string{"web:ops", "slack:C0OPS"}, Show: []string{"summary"}}},
		{"all labels", labelled("team", "own", "severity", "P0", "policy", "loud"),
			Decision{Route: 1, Name: "own", GroupKey: `prom/own{policy="loud",severity="P0",team="own"}`, Severity: "P0", Policy: "loud"}},
		{"results that mean nothing", labelled("team", "own", "severity", "critical", "policy", "none"),
			Decision{Route: 1, Name: "own", GroupKey: `prom/own{policy="none",severity="critical",team="own"}`, Severity: SafeSeverity, Policy: "web"}},
		{"no labels", &Report{},
			Decision{Route: 2, Name: "web", GroupKey: `prom/web{}`, Severity: "P4", Policy: "web", Channels: []string{"web:ops"}}},
	} {
		got := r.Route("prom", c.report, routeNow)
		if len(got.GroupID) != 64 {
			t.Errorf("%s: group id %q", c.name, got.GroupID)
		}
		got.GroupID = ""
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	want := []RouteErrors{{Name: "route"}, {Name: "own", Severity: 1, Policy: 1}, {Name: "web"}}
	if diff := cmp.Diff(want, r.Errors()); diff != "" {
		t.Errorf("counted failures (-want +got):\n%s", diff)
	}
}

// A match that cannot be computed is no match, and it is counted.
func TestRouteMatchFails(t *testing.T) {
	configs := webRoutes()
	configs[0].Match = `labels.n in ["1"] and 1 % len(labels.zero) == 0`
	r, faults := NewRouter(configs, []string{"web", "loud"})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if d := r.Route("prom", labelled("n", "1"), routeNow); d.Route != 2 || r.Errors()[0].Match != 1 {
		t.Errorf("route %d, failures %v", d.Route, r.Errors())
	}
}

// Whatever is in the labels, two different groups never share an id, and the same group always does.
func TestGroupIDs(t *testing.T) {
	type group struct {
		source, route string
		labels        []string
	}
	ids := map[string]group{}
	for _, g := range []group{
		{"prom", "web", []string{"a", "x", "b", "y"}},
		{"prom", "web", []string{"a", `x",b="y`}},
		{"prom", "web", []string{"a", "x"}},
		{"prom", "web", []string{"b", "x"}},
		{"prom", "web", []string{"a", "xb", "b", ""}},
		{"prom", "web", []string{"a", "x\x01b\x01y"}},
		{"prom", "web", nil},
		{"promweb", "", nil},
		{"", "promweb", nil},
		{"other", "web", []string{"a", "x"}},
		{"prom", "db", []string{"a", "x"}},
		{"prom", "web", []string{"a", strings.Repeat("x", 2000)}},
		{"prom", "web", []string{"a", strings.Repeat("x", 2001)}},
	} {
		id, display := groupKey(g.source, g.route, []string{"a", "b"}, labelled(g.labels...).Labels)
		if other, taken := ids[id]; taken {
			t.Errorf("%v and %v have the same id", g, other)
		}
		ids[id] = g
		if len(display) > maxGroupKey {
			t.Errorf("%v is shown in %d bytes", g, len(display))
		}
		again, _ := groupKey(g.source, g.route, []string{"a", "b"}, labelled(append(g.labels, "other", "z")...).Labels)
		if again != id {
			t.Errorf("%v: a label that does not group changes the id", g)
		}
	}
}

func TestGroupKeyIsCutAtACharacter(t *testing.T) {
	_, display := groupKey("prom", "web", []string{"a"}, map[string]string{"a": strings.Repeat("海", 400)})
	if len(display) > maxGroupKey || !strings.HasSuffix(display, "海…") {
		t.Errorf("%d bytes, ending in %q", len(display), display[len(display)-9:])
	}
}

func TestNewRouterFaults(t *testing.T) {
	routes := []RouteConfig{
		{Name: "x", Match: `labels.team = "web"`, GroupBy: []string{"a", "a"}, Severity: `true ? "P1" : "P9"`, Policy: "webb"},
		{Name: "x", Match: `severity == "P1"`, GroupBy: []string{"...", "a"}, Severity: `"critical"`, Policy: `severity == "P1" ? "web" : "wob"`},
		{Match: `labels.team == "x"`, Severity: "", Policy: `"we" + "b"`},
	}
	r, faults := NewRouter(routes, []string{"web"})
	if r != nil {
		t.Error("there is a router in spite of faults")
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.Path+": "+f.Message)
	}
	want := []string{
		`routes[0].match: unexpected token Operator("=")`,
		`routes[0].severity: "P9" is not a severity`,
		`routes[0].policy: there is no policy "webb"`,
		`routes[0].group_by[1]: "a" stands twice`,
		`routes[1].name: the name "x" stands twice`,
		`routes[1].match: unknown name severity`,
		`routes[1].severity: "critical" is not a severity`,
		`routes[1].policy: there is no policy "wob"`,
		`routes[1].group_by[0]: '...' groups by all labels and stands alone`,
		`routes[2].severity: an expression is missing`,
		`routes[2].match: the last route must match everything`,
		`routes[2].policy: the last route's policy must be a name, not an expression`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, faults := NewRouter(nil, nil); len(faults) != 1 || faults[0].Path != "routes" {
		t.Errorf("no routes: %v", faults)
	}
}

func TestNilRouter(t *testing.T) {
	var r *Router
	if d := r.Route("prom", &Report{}, routeNow); d.Route != -1 || d.Severity != SafeSeverity || d.Policy != "" {
		t.Errorf("a nil router decided %+v", d)
	}
}

func BenchmarkRoute(b *testing.B) {
	r := newRouter(b)
	report := labelled("team", "web", "severity", "critical", "alertname", "DiskFull", "cluster", "eu-1", "instance", "db-3:9100")
	b.ReportAllocs()
	for b.Loop() {
		r.Route("prom", report, routeNow)
	}
}
