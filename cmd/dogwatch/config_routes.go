package main

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/expression"
	"dogwatch/internal/text"
)

type policyConfig struct {
	Steps       []stepConfig   `yaml:"steps" jsonschema_description:"The ladder: who hears when."`
	Repeat      int            `yaml:"repeat" jsonschema_description:"The ladder is walked again so many times while nobody acknowledges."`
	RepeatAfter *text.Duration `yaml:"repeat_after" jsonschema_description:"Time between rounds; default the last step's after, at least 1m."`
}

type stepConfig struct {
	After  text.Duration `yaml:"after" jsonschema_description:"Counts from the step before; for the first from the incident's start."`
	Notify []string      `yaml:"notify" jsonschema_description:"schedule:NAME, team:NAME, person:ID or channel:PLATFORM:NAME."`
	If     string        `yaml:"if" jsonschema_description:"Expression over severity, source, route, round; the step is left out if it is false."`
}

func (c *checker) policies() {
	seen := map[string]bool{}
	c.ladders = map[string]*escalation.Policy{}
	for _, name := range keys(c.Policies) {
		p, path := c.Policies[name], "policies."+name
		c.name(path, name)
		if len(p.Steps) == 0 {
			c.fault(path, "add steps: [{notify: ['person:…']}]", "the policy %q has no steps", name)
			continue
		}
		people := false
		ladder := &escalation.Policy{Name: name, Repeat: p.Repeat}
		for i, s := range p.Steps {
			at := fmt.Sprintf("%s.steps[%d]", path, i)
			people = c.step(at, i, s, seen) || people
			ladder.Steps = append(ladder.Steps, c.rung(at, s))
		}
		c.ladders[name] = ladder
		if !people {
			c.fault(path, "notify a person, a team or a schedule in one of its steps", "the policy %q reaches no person", name)
		}
		if p.Repeat < 0 || p.Repeat > 100 {
			c.fault(path+".repeat", "", "repeat must be between 0 and 100")
		}
		if p.RepeatAfter != nil {
			c.atLeastSecond(path+".repeat_after", *p.RepeatAfter)
			ladder.RepeatAfter = p.RepeatAfter.Std()
		}
	}
}

// step checks one step and says whether it reaches people.
func (c *checker) step(at string, i int, s stepConfig, seen map[string]bool) (people bool) {
	switch {
	case i > 0 && !c.mentioned(at+".after"):
		c.fault(at, "write after: 5m", "how long after the step before it comes is missing")
	case i > 0 || c.mentioned(at+".after") && s.After != 0:
		c.atLeastSecond(at+".after", s.After)
	}
	if len(s.Notify) == 0 {
		c.fault(at+".notify", "", "the step notifies nobody")
	}
	for j, target := range s.Notify {
		where := fmt.Sprintf("%s.notify[%d]", at, j)
		if c.target(where, target, "schedule", "team", "person", "channel") {
			people = true
			kind, name, _ := strings.Cut(target, ":")
			c.unreachable(kind, name, seen)
		}
	}
	return people
}

// rung compiles a step as the engine walks it.
func (c *checker) rung(at string, s stepConfig) escalation.Step {
	step := escalation.Step{After: s.After.Std()}
	for _, target := range s.Notify {
		kind, name, _ := strings.Cut(target, ":")
		step.Notify = append(step.Notify, escalation.Target{Kind: kind, Name: name})
	}
	if s.If == "" && !c.mentioned(at+".if") {
		return step
	}
	condition, err := expression.Compile(s.If, expression.Bool, &escalation.Situation{})
	if err != nil {
		c.expression(at+".if", err)
	}
	step.If = condition
	return step
}

// expression enters a fault inside the expression or template that stands at path.
func (c *checker) expression(path string, err error) {
	message := err.Error()
	var at *expression.Error
	line, column := 0, 0
	if errors.As(err, &at) {
		message, line, column = at.Message, at.Line, at.Column
	}
	c.add(c.doc.inScalar(c.doc.fault(path, "", label(path)+": "+message), c.doc.scalars[path], line, column))
}

type sourceConfig struct {
	Type  string      `yaml:"type" jsonschema_description:"The format it speaks."`
	Token text.Secret `yaml:"token" jsonschema_description:"What the source must present, env:NAME or file:PATH."`
	// section are the keys of the source's own kind.
	section section
}

func (s *sourceConfig) decodeNode(d *decoder, n *yaml.Node, path string) {
	s.section = section{doc: d.doc, node: n, path: path, skip: []string{"type", "token"}}
	if n.Kind != yaml.MappingNode {
		d.refuse(n, path, "%s must be a mapping of keys to values", label(path)).Hint = "write {type: alertmanager, token: env:NAME}"
		return
	}
	for key, into := range map[string]any{"type": &s.Type, "token": &s.Token} {
		if v := child(n, key); v != nil {
			d.pointer(v, into, join(path, key))
		}
	}
}

func (c *checker) sources() {
	for _, name := range keys(c.Sources) {
		s, path := c.Sources[name], "sources."+name
		c.name(path, name)
		if s == nil || s.section.node == nil || s.section.node.Kind != yaml.MappingNode {
			continue
		}
		if s.Token.IsZero() && !c.mentioned(path+".token") {
			c.fault(path, "token: env:NAME; without one anybody could raise alerts", "the token of the source %q is missing", name)
		}
		plugin, known := sourcePlugins[s.Type]
		switch {
		case s.Type == "":
			c.fault(path, nearestOr("", keys(sourcePlugins)), "the type of the source %q is missing", name)
		case !known:
			c.fault(path+".type", nearestOr(s.Type, keys(sourcePlugins)), "there is no source type %q", s.Type)
		default:
			c.plugin(&s.section, plugin.config)
		}
	}
}

type routeConfig struct {
	Name     string   `yaml:"name" jsonschema_description:"How people and group keys call the route; default the policy's name."`
	Match    string   `yaml:"match" jsonschema_description:"Expression over labels, annotations, source, status, starts_at."`
	GroupBy  []string `yaml:"group_by" jsonschema_description:"Labels that tell two incidents apart; ['...'] are all."`
	Severity string   `yaml:"severity" jsonschema_description:"Expression that results in P0 to P5."`
	Policy   string   `yaml:"policy" jsonschema_description:"A policy's name, or an expression over the same and severity that results in one."`
	Channels []string `yaml:"channels" jsonschema_description:"Where the card is posted, as slack:C0OPS, web:ops."`
	Show     []string `yaml:"show" jsonschema_description:"Annotations put on the card."`
}

func (c *checker) routes() {
	var routes []incidents.RouteConfig
	for i, r := range c.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		if r.Name != "" {
			c.name(at+".name", r.Name)
		}
		c.need(at+".policy", r.Policy)
		for j, address := range r.Channels {
			c.channel(fmt.Sprintf("%s.channels[%d]", at, j), address)
		}
		routes = append(routes, incidents.RouteConfig(r))
	}
	router, faults := incidents.NewRouter(routes, keys(c.Policies))
	for _, f := range faults {
		hint := f.Hint
		if name, missing := strings.CutPrefix(f.Message, "there is no policy "); missing && hint == "" {
			hint = nearestOr(strings.Trim(name, `"`), keys(c.Policies))
		}
		at := c.doc.fault(f.Path, hint, label(f.Path)+": "+f.Message)
		c.add(c.doc.inScalar(at, c.doc.scalars[f.Path], f.Line, f.Column))
	}
	c.router = router
}
