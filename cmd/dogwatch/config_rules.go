package main

import (
	"fmt"
	"time"

	"dogwatch/internal/expression"
)

type ruleConfig struct {
	Name   string            `yaml:"name"`
	On     string            `yaml:"on" jsonschema_description:"Expression over event, labels, annotations, values, source, severity."`
	Action string            `yaml:"action"`
	Params map[string]string `yaml:"params" jsonschema_description:"Templates over labels, annotations, values."`
	Limit  ruleLimit         `yaml:"limit"`
}

type ruleLimit struct {
	Key   string `yaml:"key" jsonschema_description:"Template: one limit for each value."`
	Rate  rate   `yaml:"rate" jsonschema_description:"As 1/10m."`
	Burst int    `yaml:"burst"`
}

// ruleNames is what a rule's `on` sees.
type ruleNames struct {
	Event struct {
		Type string    `expr:"type"`
		At   time.Time `expr:"at"`
	} `expr:"event"`
	Labels      map[string]string `expr:"labels"`
	Annotations map[string]string `expr:"annotations"`
	Values      map[string]any    `expr:"values"`
	Source      string            `expr:"source"`
	Severity    string            `expr:"severity"`
	Now         time.Time         `expr:"now"`
}

// rulesRun says whether this version carries rules out. While it does not, a file with rules is refused: somebody would
// rely on them. Everything about rules is checked all the same.
const rulesRun = false

func (c *checker) rules() {
	if len(c.Rules) > 0 && !rulesRun {
		c.fault("rules", "take the rules out; actions are asked for by people", "this version does not run rules yet")
	}
	names := map[string]bool{}
	for i, r := range c.Rules {
		at := fmt.Sprintf("rules[%d]", i)
		if c.need(at+".name", r.Name) && names[r.Name] {
			c.fault(at+".name", "", "two rules are named %q", r.Name)
		}
		names[r.Name] = true
		if _, err := expression.Compile(r.On, expression.Bool, &ruleNames{}); err != nil {
			c.expression(at+".on", err)
		}
		action, known := c.Actions[r.Action]
		if !known {
			c.fault(at+".action", nearestOr(r.Action, keys(c.Actions)), "there is no action %q", r.Action)
		}
		for _, param := range keys(r.Params) {
			where := at + ".params." + param
			if known && action != nil && action.Params[param] == nil {
				c.fault(where, nearestOr(param, keys(action.Params)), "the action %q has no parameter %q", r.Action, param)
			}
			c.template(where, r.Params[param])
		}
		if known && action != nil {
			for _, name := range keys(action.Params) {
				if p := action.Params[name]; p != nil && p.Required && r.Params[name] == "" {
					c.fault(at, "", "the parameter %q of the action %q is missing", name, r.Action)
				}
			}
		}
		c.template(at+".limit.key", r.Limit.Key)
		if r.Limit.Burst < 0 {
			c.fault(at+".limit.burst", "", "burst must not be negative")
		}
	}
}

// template checks one text of a rule.
func (c *checker) template(path, source string) {
	t, err := expression.CompileTemplate(source)
	if err != nil {
		c.expression(path, err)
		return
	}
	for _, field := range t.Fields() {
		switch field[0] {
		case "labels", "annotations", "values", "event", "source", "severity":
		default:
			c.fault(path, nearestOr(field[0], []string{"labels", "annotations", "values", "event", "source", "severity"}), ".%s is not known here", field[0])
		}
	}
}
