package incidents

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"dogwatch/internal/expression"
)

// NewRouter compiles routes against the names of the policies there are, and lists every fault. With faults there is no
// router.
func NewRouter(configs []RouteConfig, policies []string) (*Router, []RouteFault) {
	r := &Router{policies: map[string]bool{}}
	for _, p := range policies {
		r.policies[p] = true
	}
	var faults []RouteFault
	names := map[string]bool{}
	for _, c := range configs {
		names[c.Name] = true
	}
	seen := map[string]bool{}
	for i, c := range configs {
		at := fmt.Sprintf("routes[%d]", i)
		if c.Name != "" && seen[c.Name] {
			faults = append(faults, RouteFault{Path: at + ".name", Message: fmt.Sprintf("the name %q stands twice", c.Name)})
		}
		seen[c.Name] = true
		compiled, wrong := r.compile(at, c)
		if c.Name == "" {
			compiled.Name = freeName(compiled, names)
		}
		r.routes = append(r.routes, compiled)
		faults = append(faults, wrong...)
	}
	faults = append(faults, r.checkLast()...)
	if len(faults) > 0 {
		return nil, faults
	}
	r.fallback = r.routes[len(r.routes)-1].Policy
	return r, nil
}

// freeName is a name for a route that has none written out.
func freeName(r *route, taken map[string]bool) string {
	stem := "route"
	if r.policy == nil {
		stem = r.Policy
	}
	name := stem
	for n := 2; taken[name]; n++ {
		name = stem + "-" + strconv.Itoa(n)
	}
	taken[name] = true
	return name
}

// checkLast holds that no alert falls through and that there is a policy to fall back on.
func (r *Router) checkLast() []RouteFault {
	if len(r.routes) == 0 {
		return []RouteFault{{Path: "routes", Message: "there are no routes", Hint: "at least one with match: 'true' is needed, or alerts go nowhere"}}
	}
	var faults []RouteFault
	i := len(r.routes) - 1
	last, at := r.routes[i], fmt.Sprintf("routes[%d]", i)
	if last.match != nil {
		if all, constant := last.match.ConstantBool(); !constant || !all {
			faults = append(faults, RouteFault{Path: at + ".match", Message: "the last route must match everything", Hint: "write match: 'true', or add such a route after it"})
		}
	}
	if last.policy != nil {
		faults = append(faults, RouteFault{Path: at + ".policy", Message: "the last route's policy must be a name, not an expression", Hint: "it is what every other route falls back on"})
	}
	return faults
}

func (r *Router) compile(at string, c RouteConfig) (*route, []RouteFault) {
	var faults []RouteFault
	compile := func(key, source string, kind expression.Kind, names any) *expression.Program {
		p, err := expression.Compile(source, kind, names)
		if err != nil {
			faults = append(faults, inExpression(at+"."+key, err))
			return nil
		}
		return p
	}
	out := &route{RouteConfig: c}
	out.GroupBy = slices.Sorted(slices.Values(c.GroupBy)) // the order in which they are written means nothing
	out.match = compile("match", c.Match, expression.Bool, &alertNames{})
	out.severity = compile("severity", c.Severity, expression.String, &alertNames{})
	if out.severity != nil {
		texts, _ := out.severity.Outcomes()
		for _, s := range texts {
			if !slices.Contains(Severities, s) {
				faults = append(faults, RouteFault{Path: at + ".severity", Message: fmt.Sprintf("%q is not a severity", s), Hint: "P0 (loudest) to P5"})
			}
		}
	}
	if !r.policies[c.Policy] {
		faults = append(faults, r.compilePolicy(at+".policy", c.Policy, out)...)
	}
	for i, label := range c.GroupBy {
		where := fmt.Sprintf("%s.group_by[%d]", at, i)
		if label == AllLabels && len(c.GroupBy) > 1 {
			faults = append(faults, RouteFault{Path: where, Message: "'...' groups by all labels and stands alone"})
		} else if slices.Index(c.GroupBy, label) < i {
			faults = append(faults, RouteFault{Path: where, Message: fmt.Sprintf("%q stands twice", label)})
		}
	}
	return out, faults
}

// compilePolicy reads what is not the name of a policy as an expression that results in one. A single word that is no
// policy is a name spelt wrong.
func (r *Router) compilePolicy(at, source string, out *route) []RouteFault {
	p, err := expression.Compile(source, expression.String, &routedNames{})
	if isWord(source) {
		return []RouteFault{{Path: at, Message: fmt.Sprintf("there is no policy %q", source)}}
	}
	if err != nil {
		return []RouteFault{inExpression(at, err)}
	}
	out.policy = p
	var faults []RouteFault
	texts, _ := p.Outcomes()
	for _, name := range texts {
		if !r.policies[name] {
			faults = append(faults, RouteFault{Path: at, Message: fmt.Sprintf("there is no policy %q", name)})
		}
	}
	return faults
}

func isWord(s string) bool {
	for _, r := range s {
		switch {
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127:
		default:
			return false
		}
	}
	return true
}

func inExpression(path string, err error) RouteFault {
	var at *expression.Error
	if errors.As(err, &at) {
		return RouteFault{Path: path, Message: at.Message, Line: at.Line, Column: at.Column}
	}
	return RouteFault{Path: path, Message: err.Error()}
}
