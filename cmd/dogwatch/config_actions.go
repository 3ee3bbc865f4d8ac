package main

import (
	"fmt"
	"path"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"dogwatch/internal/expression"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

type actionConfig struct {
	Title    string                  `yaml:"title" jsonschema_description:"What people read on the button."`
	Runner   string                  `yaml:"runner" jsonschema_description:"What carries it out."`
	Run      section                 `yaml:"run" jsonschema_description:"What is carried out, in the runner's own keys. {{ .params.NAME }} puts parameters in."`
	Params   map[string]*paramConfig `yaml:"params" jsonschema_description:"What a person fills in."`
	Approval approvalConfig          `yaml:"approval" jsonschema_description:"Whose consent it needs; none must be written out."`
}

type paramConfig struct {
	Title       string   `yaml:"title"`
	Type        string   `yaml:"type" jsonschema:"enum=string,enum=integer,enum=boolean"`
	Pattern     string   `yaml:"pattern" jsonschema_description:"RE2 over the whole value, from ^ to $."`
	Enum        []string `yaml:"enum" jsonschema_description:"The values there are."`
	MaxLength   int      `yaml:"max_length" jsonschema_description:"In bytes, default 256."`
	Min         *int     `yaml:"min"`
	Max         *int     `yaml:"max"`
	Default     *string  `yaml:"default"`
	Required    bool     `yaml:"required"`
	LeadingDash bool     `yaml:"leading_dash" jsonschema_description:"Allows values that begin with -, which many commands take for options."`
}

func (p *paramConfig) setDefaults() { p.Type, p.MaxLength = "string", 256 }

// approvalConfig is the word none, or who may approve.
type approvalConfig struct {
	// Written says that the key is there; without it the action must not run at all.
	Written bool `yaml:"-"`
	// None says that nobody's consent is needed, as written out.
	None      bool          `yaml:"-"`
	Approvers []string      `yaml:"approvers" jsonschema_description:"person:ID, team:NAME or schedule:NAME (whoever is on call then)."`
	Quorum    int           `yaml:"quorum" jsonschema_description:"Different people who must approve, default 1."`
	Expires   text.Duration `yaml:"expires" jsonschema_description:"A request waits so long, default 10m."`
	FourEyes  bool          `yaml:"four_eyes" jsonschema_description:"Nobody approves their own request, default true."`
}

func (a *approvalConfig) setDefaults() {
	a.Quorum, a.Expires, a.FourEyes = 1, duration("10m"), true
}

func (a *approvalConfig) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.ShortTag() == "!!null" {
		return // a key without a value says nothing, least of all that no consent is needed
	}
	a.Written = true
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "none":
		a.None = true
	case n.Kind != yaml.MappingNode:
		d.refuse(n, path, "approval must be the word none or say who approves").Hint = "write none, or {approvers: ['team:…']}"
	default:
		d.structure(n, reflect.ValueOf(a).Elem(), path, nil)
	}
}

// commandRun is what a runner of commands carries out: arguments, never a shell line.
type commandRun struct {
	Argv    []string      `yaml:"argv" jsonschema_description:"Program and arguments, each one argument whatever is put in. No shell."`
	Timeout text.Duration `yaml:"timeout" jsonschema_description:"Then the whole process tree is killed. Default 60s."`
	Dir     string        `yaml:"dir" jsonschema_description:"Working folder, default a private empty one."`
}

func (r *commandRun) setDefaults() { r.Timeout = duration("60s") }

// Validate reports all faults, each at its key.
func (r *commandRun) Validate() error {
	var faults []string
	switch {
	case len(r.Argv) == 0:
		faults = append(faults, "argv: the command is missing")
	case strings.Contains(r.Argv[0], "{{") || r.Argv[0] == "":
		faults = append(faults, "argv[0]: the program must be written out, not put together from parameters")
	}
	for i, a := range r.Argv {
		if strings.ContainsRune(a, 0) {
			faults = append(faults, fmt.Sprintf("argv[%d]: NUL cannot be in an argument", i))
		}
	}
	if at := shellTemplate(r.Argv); at > 0 {
		faults = append(faults, fmt.Sprintf("argv[%d]: a parameter inside a shell's text would be run as code; pass it as an argument of its own: [sh, -c, 'systemctl restart \"$1\"', --, '{{ .params.unit }}']", at))
	}
	if r.Timeout < duration("1s") {
		faults = append(faults, "timeout: must be at least 1s")
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(faults, "\n"))
}

// shellTemplate is the place of a shell's -c text that parameters are put into; 0 if there is none.
func shellTemplate(argv []string) int {
	for i := 2; i < len(argv); i++ {
		shell := slices.ContainsFunc(argv[:i-1], func(a string) bool {
			return slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"}, path.Base(a))
		})
		option := argv[i-1]
		if shell && len(option) > 1 && option[0] == '-' && option[1] != '-' && strings.HasSuffix(option, "c") && strings.Contains(argv[i], "{{") {
			return i
		}
	}
	return 0
}

func (c *checker) actions() {
	for _, name := range keys(c.Actions) {
		a, at := c.Actions[name], "actions."+name
		if !actionShape.MatchString(name) {
			c.fault(at, "small letters, digits, . _ -, at most 64", "%q cannot be the name of an action", name)
		}
		if a == nil {
			c.fault(at, "", "the action %q is empty", name)
			continue
		}
		c.need(at+".title", a.Title)
		plugin, known := runnerPlugins[a.Runner]
		switch {
		case a.Runner == "":
			c.fault(at, nearestOr("", keys(runnerPlugins)), "the runner of the action %q is missing", name)
		case !known:
			c.fault(at+".runner", nearestOr(a.Runner, keys(runnerPlugins)), "there is no runner %q", a.Runner)
		case a.Run.node == nil:
			c.fault(at, "", "what the action %q runs is missing", name)
		default:
			c.plugin(&a.Run, plugin.run)
		}
		for _, param := range keys(a.Params) {
			c.param(at+".params."+param, param, a.Params[param])
		}
		c.templates(a.Run.node, at+".run", a.Params)
		c.approval(at+".approval", a.Approval)
	}
}

var actionShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

var paramShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func (c *checker) param(path, name string, p *paramConfig) {
	if !paramShape.MatchString(name) {
		c.fault(path, "a small letter, then small letters, digits and _", "%q cannot be a parameter's name", name)
	}
	if p == nil {
		c.fault(path, "write {type: string, pattern: '^…$'}", "the parameter %q is empty", name)
		return
	}
	if !c.oneOf(path+".type", p.Type, "string", "integer", "boolean") {
		return
	}
	isText := p.Type == "string"
	if isText && p.Pattern == "" && len(p.Enum) == 0 && !c.mentioned(path+".pattern") {
		c.fault(path, "add pattern: '^[a-z0-9-]+$' or enum: [a, b]", "the text parameter %q takes anything at all", name)
	}
	if !isText && (p.Pattern != "" || len(p.Enum) > 0) {
		c.fault(path, "", "pattern and enum are for type string")
	}
	if p.Pattern != "" {
		if err := anchored(p.Pattern); err != nil {
			c.fault(path+".pattern", "", "pattern: %v", err)
		}
	}
	if p.MaxLength < 1 || p.MaxLength > 4096 {
		c.fault(path+".max_length", "", "max_length must be between 1 and 4096")
	}
	if (p.Min != nil || p.Max != nil) && p.Type != "integer" {
		c.fault(path, "", "min and max are for type integer")
	}
	if p.Min != nil && p.Max != nil && *p.Min > *p.Max {
		c.fault(path+".min", "", "min is above max")
	}
	if p.Default != nil && p.Required {
		c.fault(path+".default", "", "a required parameter has no default")
	}
	if p.Default != nil && isText && !p.accepts(*p.Default) {
		c.fault(path+".default", "", "the default %q is not a value the parameter takes", *p.Default)
	}
}

// accepts says whether a text is within pattern and enum, as far as those are well written.
func (p *paramConfig) accepts(value string) bool {
	if re, err := regexp.Compile(p.Pattern); err == nil && p.Pattern != "" && !re.MatchString(value) {
		return false
	}
	return len(p.Enum) == 0 || slices.Contains(p.Enum, value)
}

// anchored says why a pattern does not hold for the whole value: ^a|b$ does not, ^(a|b)$ does.
func anchored(pattern string) error {
	if len(pattern) > 1024 {
		return fmt.Errorf("longer than 1024 bytes")
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return fmt.Errorf("not a regular expression (RE2): %v", err.(*syntax.Error).Code)
	}
	if !bounded(re) {
		return fmt.Errorf("must hold for the whole value: begin with ^ and end with $, and put alternatives in brackets")
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return fmt.Errorf("not a regular expression (RE2)")
	}
	return nil
}

func bounded(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpConcat:
		return re.Sub[0].Op == syntax.OpBeginText && re.Sub[len(re.Sub)-1].Op == syntax.OpEndText
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !bounded(s) })
	case syntax.OpCapture:
		return bounded(re.Sub[0])
	}
	return false
}

// templates checks every text of a run: that it compiles, and that it uses declared parameters and nothing else.
func (c *checker) templates(n *yaml.Node, path string, params map[string]*paramConfig) {
	n = follow(n)
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			c.templates(n.Content[i+1], join(path, n.Content[i].Value), params)
		}
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			c.templates(item, fmt.Sprintf("%s[%d]", path, i), params)
		}
	case n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{"):
		t, err := expression.CompileTemplate(n.Value)
		if err != nil {
			c.expression(path, err)
			return
		}
		for _, field := range t.Fields() {
			if len(field) != 2 || field[0] != "params" {
				c.fault(path, "only parameters can be used: {{ .params.NAME }}", ".%s is not known here", strings.Join(field, "."))
			} else if _, declared := params[field[1]]; !declared {
				c.fault(path, nearestOr(field[1], keys(params)), "there is no parameter %q", field[1])
			}
		}
	}
}

func (c *checker) approval(path string, a approvalConfig) {
	switch {
	case !a.Written:
		c.fault(path, "write approval: {approvers: ['team:…']}, or approval: none if it may run without anybody's consent", "the action does not say who approves it")
		return
	case a.None:
		return
	}
	c.atLeastSecond(path+".expires", a.Expires)
	if len(a.Approvers) == 0 {
		if c.mentioned(path+".approvers") || !c.faulty(path) {
			c.fault(path+".approvers", "name at least one, as 'team:web'", "nobody can approve: approvers is empty")
		}
		return
	}
	can, allKnown := map[string]bool{}, true
	for i, who := range a.Approvers {
		before := len(c.faults)
		c.target(fmt.Sprintf("%s.approvers[%d]", path, i), who, "team", "person", "schedule")
		allKnown = allKnown && len(c.faults) == before
		kind, name, _ := strings.Cut(who, ":")
		for _, id := range c.behind(kind, name) {
			if c.directory.Allows(id, schedules.Approver) {
				can[id] = true
			}
		}
	}
	switch {
	case a.Quorum < 1:
		c.fault(path+".quorum", "", "quorum must be at least 1")
	case allKnown && len(can) < a.Quorum:
		c.fault(path, "give people the role approver, name more of them, or lower the quorum",
			"it needs %d who approve, but %d of those named have the role approver", a.Quorum, len(can))
	}
}

// faulty says whether something at or below a path has a fault already.
func (c *checker) faulty(path string) bool {
	return slices.ContainsFunc(c.faults, func(f Fault) bool { return strings.HasPrefix(f.Path, path) })
}
