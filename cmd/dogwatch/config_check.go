package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// checker finds what is wrong between the parts of a configuration and compiles what the rest of the program runs.
// Every check goes on after a fault, so that one run shows them all.
type checker struct {
	*Config
	faults Faults
}

func (c *checker) all() {
	c.server()
	c.store()
	c.limits()
	c.people()
	c.schedules()
	c.policies()
	c.platforms()
	c.sources()
	c.routes()
	c.runners()
	c.actions()
	c.rules()
}

// fault enters one; a place that has a fault from decoding already is not reported twice.
func (c *checker) fault(path, hint, format string, args ...any) {
	c.add(c.doc.fault(path, hint, fmt.Sprintf(format, args...)))
}

func (c *checker) add(f Fault) {
	for _, old := range c.faults {
		if old.Path == f.Path && old.Line == f.Line && old.Column == f.Column && f.Path != "" {
			return
		}
	}
	c.faults = append(c.faults, f)
}

// under enters faults of the schedules package, with the path that leads there before theirs.
func (c *checker) under(path string, deeper []schedules.Fault) {
	for _, f := range deeper {
		switch {
		case path == "" || f.Path == "":
			f.Path = path + f.Path
		case strings.HasPrefix(f.Path, "["):
			f.Path = path + f.Path
		default:
			f.Path = path + "." + f.Path
		}
		c.fault(f.Path, f.Hint, "%s", f.Message)
	}
}

// mentioned says whether the file has something at a path, right or wrong.
func (c *checker) mentioned(path string) bool {
	_, ok := c.doc.places[path]
	return ok
}

func (c *checker) need(path, value string) bool {
	if value == "" {
		c.fault(path, "", "%s is missing", label(path))
	}
	return value != ""
}

func (c *checker) oneOf(path, value string, allowed ...string) bool {
	if slices.Contains(allowed, value) {
		return true
	}
	c.fault(path, "one of "+strings.Join(allowed, ", "), "%s cannot be %q", label(path), value)
	return false
}

func (c *checker) atLeastSecond(path string, d text.Duration) {
	if d.Std() < time.Second {
		c.fault(path, "", "%s must be at least 1s", label(path))
	}
}

var nameShape = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,63}$`)

// name holds that a name can stand in a path, a key and a chat command.
func (c *checker) name(path, name string) {
	if !nameShape.MatchString(name) {
		c.fault(path, "letters, digits, _ . -, at most 64", "%q cannot be a name", name)
	}
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (c *checker) person(path, id string) {
	if _, ok := c.People[id]; !ok {
		c.fault(path, nearestOr(id, keys(c.People)), "nobody is called %q under people", id)
	}
}

// target checks who or what is to hear: schedule:NAME, person:ID, team:NAME, channel:PLATFORM:NAME where kinds allows it.
// It says whether people stand behind it.
func (c *checker) target(path, target string, kinds ...string) (people bool) {
	kind, name, ok := strings.Cut(target, ":")
	if !ok || name == "" || !slices.Contains(kinds, kind) {
		c.fault(path, "write "+strings.Join(kinds, ":…, ")+":…", "%q is not one of those who can be named here", target)
		return false
	}
	switch kind {
	case "schedule":
		if _, ok := c.Schedules[name]; !ok {
			c.fault(path, nearestOr(name, keys(c.Schedules)), "there is no schedule %q", name)
		}
	case "team":
		if _, ok := c.Teams[name]; !ok {
			c.fault(path, nearestOr(name, keys(c.Teams)), "there is no team %q", name)
		}
	case "person":
		c.person(path, name)
	case "channel":
		c.channel(path, name)
		return false
	}
	return true
}

// channel checks an address such as slack:C0OPS, web:ops, wecom:ops or wecom:@alice.
func (c *checker) channel(path, address string) {
	platform, name, ok := strings.Cut(address, ":")
	if !ok || name == "" {
		c.fault(path, "write PLATFORM:NAME, as web:ops", "%q is not a channel", address)
		return
	}
	plugin, known := platformPlugins[platform]
	if !known {
		c.fault(path, nearestOr(platform, keys(platformPlugins)), "there is no platform %q", platform)
		return
	}
	if _, ok := c.Platforms[platform]; !ok {
		c.fault(path, "add it under platforms", "the platform %q is not configured", platform)
		return
	}
	if id, private := strings.CutPrefix(name, "@"); private {
		p, known := c.People[id]
		switch {
		case !known:
			c.fault(path, nearestOr(id, keys(c.People)), "nobody is called %q under people", id)
		case p.account(platform, id) == "":
			c.fault(path, fmt.Sprintf("add people.%s.%s", id, platform), "%s has no account on %s", id, platform)
		}
		return
	}
	if message, hint := plugin.channel(c.Config, name); message != "" {
		c.fault(path, hint, "%s", message)
	}
}
