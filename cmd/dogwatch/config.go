package main

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// Config is the configuration file. Its types are also what `dogwatch schema` publishes.
type Config struct {
	Server        serverConfig                `yaml:"server" jsonschema_description:"Where dogwatch listens and who may call its API."`
	Store         storeConfig                 `yaml:"store" jsonschema_description:"The Redis that holds all state."`
	People        map[string]personConfig     `yaml:"people" jsonschema_description:"Everybody who may be on call, approve or look, by a short id."`
	Teams         map[string]teamConfig       `yaml:"teams" jsonschema_description:"People who are paged or asked together."`
	TimeIntervals map[string][]intervalConfig `yaml:"time_intervals" jsonschema_description:"Named time intervals in Alertmanager's syntax, for the layers of schedules."`
	Schedules     map[string]scheduleConfig   `yaml:"schedules" jsonschema_description:"Who is on call when."`
	Policies      map[string]policyConfig     `yaml:"policies" jsonschema_description:"Who is paged in which order until somebody acknowledges."`
	Sources       map[string]*sourceConfig    `yaml:"sources" jsonschema_description:"Where alerts come from. The name is the last part of the door's path: /alerts/NAME."`
	Routes        []routeConfig               `yaml:"routes" jsonschema_description:"What becomes of an alert. The first match wins; the last one must match everything."`
	Platforms     map[string]section          `yaml:"platforms" jsonschema_description:"Where people see incidents and answer: web, slack, wecom."`
	Runners       map[string]section          `yaml:"runners" jsonschema_description:"Settings of what carries actions out, by runner. A runner without an entry has its defaults."`
	Actions       map[string]*actionConfig    `yaml:"actions" jsonschema_description:"What may be done, with whose consent."`
	Rules         []ruleConfig                `yaml:"rules" jsonschema_description:"From events to actions."`
	Limits        limitsConfig                `yaml:"limits" jsonschema_description:"Bounds of what is taken in and sent."`

	doc *document
	// typed are the secrets outside plugin sections, to be resolved in place.
	typed []typedSecret
	// lookup resolves secrets of sections that are decoded after Resolve; nil before.
	lookup func(text.Secret) (text.Secret, error)
	// known are the values of all secrets that were looked up, to be blotted out of outputs.
	known revealed

	// What the checks have compiled, for those who run it. All are nil in a configuration with faults.
	directory *schedules.Directory
	compiled  map[string]*schedules.Compiled
	router    *incidents.Router
	ladders   map[string]*escalation.Policy
}

type typedSecret struct {
	path  string
	value *text.Secret
}

// section is a part of the file that a plugin decodes itself, with the same strictness as everything else.
type section struct {
	config *Config
	doc    *document
	node   *yaml.Node
	path   string
	skip   []string // keys that are not the plugin's
}

func (s *section) decodeNode(d *decoder, n *yaml.Node, path string) {
	*s = section{doc: d.doc, node: n, path: path}
	if n.Kind != yaml.MappingNode && n.ShortTag() != "!!null" {
		d.refuse(n, path, "%s must be a mapping of keys to values", label(path))
	}
}

// Decode reads the section into a struct with yaml tags. The error, if any, is Faults. After Config.Resolve secrets hold
// their values, before they are references only.
func (s *section) Decode(into any) error {
	if s.node == nil {
		setDefaults(reflect.ValueOf(into).Elem())
		return nil
	}
	d := &decoder{doc: s.doc}
	if s.config != nil {
		d.secrets = s.config.lookup
	}
	v := reflect.ValueOf(into).Elem()
	setDefaults(v)
	if s.node.ShortTag() != "!!null" {
		d.structure(s.node, v, s.path, s.skip)
	}
	if len(d.faults) > 0 {
		return d.faults.sorted()
	}
	return nil
}

// faultsOf are a plugin's own complaints about its section ("token: is missing", joined), each at its key.
func (s *section) faultsOf(err error) Faults {
	var faults Faults
	for _, line := range strings.Split(err.Error(), "\n") {
		path := s.path
		if key, _, ok := strings.Cut(line, ":"); ok && !strings.ContainsAny(key, " \"") {
			path = join(path, key)
		}
		faults = append(faults, s.doc.fault(path, "", label(s.path)+": "+line))
	}
	return faults
}

// loadConfig reads, decodes and checks a file. It resolves no secret. With faults the configuration is nil.
func loadConfig(file string) (*Config, Faults) {
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, Faults{{File: file, Line: 1, Column: 1, Message: fmt.Sprintf("cannot be read: %v", err)}}
	}
	return parseConfig(file, body)
}

// parseConfig is loadConfig for a body that was read already; file is its name in faults.
func parseConfig(file string, body []byte) (*Config, Faults) {
	doc, faults := parseDocument(file, body)
	if len(faults) > 0 {
		return nil, faults.sorted()
	}
	c := &Config{doc: doc}
	d := &decoder{doc: doc}
	v := reflect.ValueOf(c).Elem()
	setDefaults(v)
	d.structure(doc.root, v, "", nil)
	c.adopt()
	check := &checker{Config: c, faults: d.faults}
	check.all()
	if len(check.faults) > 0 {
		return nil, check.faults.sorted()
	}
	return c, nil
}

// adopt ties sections and secrets to the configuration they belong to.
func (c *Config) adopt() {
	for _, sections := range []map[string]section{c.Platforms, c.Runners} {
		for name, s := range sections {
			s.config = c
			sections[name] = s
		}
	}
	for name, s := range c.Sources {
		if s == nil {
			continue
		}
		s.section.config = c
		c.typed = append(c.typed, typedSecret{"sources." + name + ".token", &s.Token})
	}
	c.typed = append(c.typed, typedSecret{"store.redis", &c.Store.Redis.secret})
	for _, a := range c.Actions {
		if a != nil {
			a.Run.config = c
		}
	}
	for i := range c.Server.Tokens {
		c.typed = append(c.typed, typedSecret{fmt.Sprintf("server.tokens[%d].token", i), &c.Server.Tokens[i].Token})
	}
}

// Resolve looks secrets up in the environment (os.LookupEnv) and in files (os.ReadFile): those of server.tokens and
// sources at once, those of plugin sections when they are decoded. One that is unset or empty is a fault with key and line,
// marked Unset; the others are resolved all the same.
func (c *Config) Resolve(env func(string) (string, bool), read func(string) ([]byte, error)) Faults {
	c.lookup = func(s text.Secret) (text.Secret, error) {
		resolved, err := resolveSecret(s, env, read)
		if err == nil {
			c.known.add(resolved.Reveal())
		}
		return resolved, err
	}
	var faults Faults
	for _, t := range c.typed {
		if t.value.IsZero() {
			continue
		}
		resolved, err := c.lookup(*t.value)
		if err != nil {
			f := c.doc.fault(t.path, "", fmt.Sprintf("%s: %v", t.path, err))
			f.Unset = true
			faults = append(faults, f)
			continue
		}
		*t.value = resolved
	}
	return faults.sorted()
}

// revealed gathers values of secrets.
type revealed struct {
	mu     sync.Mutex
	values []string
}

func (r *revealed) add(value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if value != "" && !slices.Contains(r.values, value) {
		r.values = append(r.values, value)
	}
}

func (r *revealed) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.values)
}

func resolveSecret(s text.Secret, env func(string) (string, bool), read func(string) ([]byte, error)) (text.Secret, error) {
	kind, name, _ := strings.Cut(s.Ref(), ":")
	var value string
	switch kind {
	case "env":
		v, set := env(name)
		if !set {
			return s, fmt.Errorf("the environment variable %s is not set", name)
		}
		value = strings.TrimSpace(v)
		if value == "" {
			return s, fmt.Errorf("the environment variable %s is empty", name)
		}
	default:
		body, err := read(name)
		if err != nil {
			return s, fmt.Errorf("the secret's file cannot be read: %w", err)
		}
		value = strings.TrimSpace(string(body))
		if value == "" {
			return s, fmt.Errorf("the secret's file %s is empty", name)
		}
	}
	return s.Resolved(value), nil
}
