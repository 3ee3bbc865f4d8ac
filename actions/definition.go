package actions

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"dogwatch/internal/expression"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// Definition is an action as the configuration describes it. Nothing else can make one.
type Definition struct {
	Name   string // small letters, digits, '.', '-' and '_'
	Title  string
	Runner string
	// Target says in the request where it happens; "" is "local".
	Target string
	// Argv are templates over {{ .params.NAME }}, each of which becomes exactly one argument, whatever it holds. The first is a
	// plain text: no value chooses the program.
	Argv []string
	Dir  string // plain text; "" for an empty private directory
	// Env are added to the runner's own; names are part of what is approved, values never leave this process.
	Env      map[string]text.Secret
	Timeout  time.Duration // > 0
	Params   map[string]Param
	Approval Approval
}

// Param is one parameter that a person or a rule fills in.
type Param struct {
	Title     string   `json:"title,omitempty"`
	Type      string   `json:"type"` // "string" (also ""), "integer", "boolean"
	Pattern   string   `json:"pattern,omitempty"`
	Enum      []string `json:"enum,omitempty"`
	MaxLength int      `json:"max_length,omitempty"` // bytes; 0 is 256
	Min       *int     `json:"min,omitempty"`
	Max       *int     `json:"max,omitempty"`
	Default   *string  `json:"default,omitempty"`
	Required  bool     `json:"required,omitempty"`
	// LeadingDash allows values that begin with "-", which most programs read as an option.
	LeadingDash bool `json:"leading_dash,omitempty"`
}

// Approval says whose consent an action needs. The zero value names nobody, so nobody can give it.
type Approval struct {
	// None: it may run without consent. It must be written out.
	None      bool          `json:"none"`
	Approvers []string      `json:"approvers"` // "person:ID", "team:NAME", "schedule:NAME" (whoever is on call then), "role:NAME"
	Quorum    int           `json:"quorum"`    // different people; below 1 is 1
	Expires   time.Duration `json:"expires"`   // 0 is 10m
	// Own lets people approve what they asked for themselves (four_eyes: false).
	Own bool `json:"own"`
}

// Action is a definition that has been checked and compiled. It never changes.
type Action struct {
	Definition
	// Version changes with anything in the definition; a request holds the one it was made with.
	Version  string
	argv     []*expression.Template
	patterns map[string]*regexp.Regexp
}

// Catalog is all actions. A nil Catalog has none.
type Catalog struct{ actions map[string]*Action }

const (
	defaultExpiry    = 10 * time.Minute
	defaultMaxLength = 256
)

var actionName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// NewCatalog compiles definitions and lists every fault with its path from the root of the configuration. With faults the
// sound actions are still there, for further checks; it must not be used to serve.
func NewCatalog(definitions []Definition) (*Catalog, []schedules.Fault) {
	c := &Catalog{actions: map[string]*Action{}}
	var faults []schedules.Fault
	for _, d := range definitions {
		a, wrong := compile(d)
		for _, w := range wrong {
			w.Path = "actions." + d.Name + "." + w.Path
			faults = append(faults, w)
		}
		if len(wrong) == 0 {
			c.actions[d.Name] = a
		}
	}
	return c, faults
}

// compile checks one definition. The configuration's own check has more to say; what is held here must hold whoever calls.
func compile(d Definition) (*Action, []schedules.Fault) {
	a := &Action{Definition: d, patterns: map[string]*regexp.Regexp{}}
	var faults []schedules.Fault
	add := func(path, format string, args ...any) {
		faults = append(faults, schedules.Fault{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if !actionName.MatchString(d.Name) {
		add("", "%q cannot be an action's name", d.Name)
	}
	if len(d.Argv) == 0 || d.Argv[0] == "" || strings.Contains(d.Argv[0], "{{") {
		add("run.argv", "the program must be written out")
	}
	if strings.Contains(d.Dir, "{{") {
		add("run.dir", "the folder must be written out")
	}
	if d.Timeout <= 0 {
		add("run.timeout", "must be above 0")
	}
	for i, source := range d.Argv {
		t, err := expression.CompileTemplate(source)
		if err != nil {
			add(fmt.Sprintf("run.argv[%d]", i), "%v", err)
			continue
		}
		for _, f := range t.Fields() {
			if len(f) != 2 || f[0] != "params" || !hasParam(d.Params, f[1]) {
				add(fmt.Sprintf("run.argv[%d]", i), ".%s is not a parameter of this action", strings.Join(f, "."))
			}
		}
		a.argv = append(a.argv, t)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Params)) {
		if err := a.compileParam(name, d.Params[name]); err != nil {
			add("params."+name, "%v", err)
		}
	}
	a.defaults()
	a.Version = a.version()
	return a, faults
}

func hasParam(params map[string]Param, name string) bool { _, ok := params[name]; return ok }

func (a *Action) compileParam(name string, p Param) error {
	switch p.Type {
	case "", "string", "integer", "boolean":
	default:
		return fmt.Errorf("there is no type %q", p.Type)
	}
	if p.Pattern != "" {
		re, err := regexp.Compile(`\A(?:` + p.Pattern + `)\z`)
		if err != nil {
			return err
		}
		a.patterns[name] = re
	}
	if p.Default != nil {
		if _, problem := a.value(name, p, *p.Default); problem != nil {
			return fmt.Errorf("the default is not a value it takes: %s", problem.Problem)
		}
	}
	return nil
}

func (a *Action) defaults() {
	if a.Target == "" {
		a.Target = "local"
	}
	if a.Approval.Quorum < 1 {
		a.Approval.Quorum = 1
	}
	if a.Approval.Expires <= 0 {
		a.Approval.Expires = defaultExpiry
	}
}

// version is the SHA-256 of the whole definition, with secrets by where they come from.
func (a *Action) version() string {
	env := map[string]string{}
	for name, s := range a.Env {
		env[name] = s.Ref()
	}
	sum := sha256.Sum256(canonical(map[string]any{
		"name": a.Name, "title": a.Title, "runner": a.Runner, "target": a.Target, "argv": a.Argv, "dir": a.Dir, "env": env,
		"timeout_ms": a.Timeout.Milliseconds(), "params": a.Params, "approval": a.Approval,
	}))
	return hex.EncodeToString(sum[:8])
}

// Get is the action with this name.
func (c *Catalog) Get(name string) (*Action, bool) {
	if c == nil {
		return nil, false
	}
	a, ok := c.actions[name]
	return a, ok
}

// Actions are all actions, by name.
func (c *Catalog) Actions() []*Action {
	if c == nil {
		return nil
	}
	var all []*Action
	for _, name := range slices.Sorted(maps.Keys(c.actions)) {
		all = append(all, c.actions[name])
	}
	return all
}
