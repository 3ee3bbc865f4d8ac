package main

import (
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v4"

	"dogwatch/escalation"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

type personConfig struct {
	Name     string   `yaml:"name"`
	Timezone string   `yaml:"timezone" jsonschema_description:"IANA name, for times shown to this person."`
	Language string   `yaml:"language" jsonschema:"enum=en,enum=zh"`
	Roles    []string `yaml:"roles" jsonschema_description:"viewer, responder, approver, admin. No role: nothing."`
	Slack    string   `yaml:"slack" jsonschema_description:"Member id, as U0ALICE."`
	WeCom    string   `yaml:"wecom" jsonschema_description:"User id."`
	Email    string   `yaml:"email"`
	Phone    string   `yaml:"phone" jsonschema_description:"With country code, as +8613800000000."`
}

// account is the person's account on a platform; "" if there is none.
func (p personConfig) account(platform, id string) string { return p.person(id).Account(platform) }

func (p personConfig) person(id string) schedules.Person {
	person := schedules.Person{
		ID: id, Name: p.Name, Timezone: p.Timezone, Language: text.Lang(p.Language),
		Slack: p.Slack, WeCom: p.WeCom, Email: p.Email, Phone: p.Phone,
	}
	for _, r := range p.Roles {
		person.Roles = append(person.Roles, schedules.Role(r))
	}
	return person
}

type teamConfig struct {
	Members []string `yaml:"members"`
	Lead    string   `yaml:"lead"`
}

func (c *checker) people() {
	var people []schedules.Person
	var teams []schedules.Team
	for _, id := range keys(c.People) {
		people = append(people, c.People[id].person(id))
	}
	for _, name := range keys(c.Teams) {
		c.name("teams."+name, name)
		teams = append(teams, schedules.Team{Name: name, Members: c.Teams[name].Members, Lead: c.Teams[name].Lead})
	}
	if len(people) == 0 {
		c.fault("people", "add at least one person", "there are no people")
	}
	directory, faults := schedules.NewDirectory(people, teams)
	c.under("", faults)
	c.directory = directory
}

type intervalConfig struct {
	Times       []timesConfig `yaml:"times"`
	Weekdays    []string      `yaml:"weekdays" jsonschema_description:"As 'monday:friday'."`
	DaysOfMonth []string      `yaml:"days_of_month" jsonschema_description:"As '1:5' or '-3:-1'."`
	Months      []string      `yaml:"months" jsonschema_description:"As 'january:march' or '1:3'."`
	Years       []string      `yaml:"years" jsonschema_description:"As '2026:2028'."`
	Location    string        `yaml:"location" jsonschema_description:"IANA name; default the schedule's zone."`
}

type timesConfig struct {
	StartTime string `yaml:"start_time" jsonschema_description:"HH:MM."`
	EndTime   string `yaml:"end_time" jsonschema_description:"HH:MM, exclusive, up to 24:00."`
}

type scheduleConfig struct {
	Timezone  string           `yaml:"timezone" jsonschema_description:"IANA name; all wall times of the schedule are this zone's."`
	Layers    []layerConfig    `yaml:"layers" jsonschema_description:"Later layers win where they are active."`
	Overrides []overrideConfig `yaml:"overrides" jsonschema_description:"They win over all layers and must not overlap."`
}

type layerConfig struct {
	Name   string   `yaml:"name"`
	People []turn   `yaml:"people" jsonschema_description:"The turns in order; a list inside the list is a turn of several."`
	Start  string   `yaml:"start" jsonschema_description:"Local wall time of the first turn, as 2026-01-05T09:00:00."`
	End    string   `yaml:"end" jsonschema_description:"Local wall time at which the layer ends."`
	Shift  string   `yaml:"shift" jsonschema_description:"Length of a turn: Nh, Nd, Nw or Nmo."`
	During []string `yaml:"during" jsonschema_description:"Time intervals outside which the layer is inactive."`
}

type overrideConfig struct {
	Start  string `yaml:"start"`
	End    string `yaml:"end"`
	Person string `yaml:"person"`
}

// turn is one person, or several who are on call together.
type turn []string

func (t *turn) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		*t = turn{n.Value}
		return
	}
	people := []string{}
	d.list(n, reflect.ValueOf(&people).Elem(), path)
	*t = people
}

func (c *checker) schedules() {
	intervals := map[string][]schedules.Interval{}
	for name, entries := range c.TimeIntervals {
		intervals[name] = nil
		for _, e := range entries {
			intervals[name] = append(intervals[name], e.interval())
		}
	}
	named, faults := schedules.CompileIntervals(intervals)
	c.under("time_intervals", faults)
	c.compiled = map[string]*schedules.Compiled{}
	for _, name := range keys(c.Schedules) {
		path := "schedules." + name
		c.name(path, name)
		compiled, faults := schedules.Compile(c.Schedules[name].schedule(name), c.directory, named)
		c.under(path, faults)
		if len(faults) == 0 {
			c.compiled[name] = compiled
		}
	}
}

func (e intervalConfig) interval() schedules.Interval {
	out := schedules.Interval{
		Weekdays: e.Weekdays, DaysOfMonth: e.DaysOfMonth, Months: e.Months, Years: e.Years, Location: e.Location,
	}
	for _, t := range e.Times {
		out.Times = append(out.Times, schedules.TimeRange{Start: t.StartTime, End: t.EndTime})
	}
	return out
}

func (s scheduleConfig) schedule(name string) schedules.Schedule {
	out := schedules.Schedule{Name: name, Timezone: s.Timezone}
	for _, l := range s.Layers {
		layer := schedules.Layer{Name: l.Name, Start: l.Start, End: l.End, Shift: l.Shift, During: l.During}
		for _, t := range l.People {
			layer.People = append(layer.People, t)
		}
		out.Layers = append(out.Layers, layer)
	}
	for _, o := range s.Overrides {
		out.Overrides = append(out.Overrides, schedules.WrittenOverride{Start: o.Start, End: o.End, Person: o.Person})
	}
	return out
}

// roster is who is on call and where they hear, by the file alone.
func (c *Config) roster() *escalation.Roster {
	return &escalation.Roster{Directory: c.directory, Schedules: c.compiled, Reach: c.reach}
}

// reach are the addresses at which a person can be paged on the configured platforms.
func (c *Config) reach(p schedules.Person) []string {
	var all []string
	for _, platform := range keys(c.Platforms) {
		plugin, known := platformPlugins[platform]
		if account := p.Account(platform); known && account != "" {
			all = append(all, platform+":"+plugin.private+account)
		}
	}
	return all
}

// reachable says whether somebody has an account on a configured platform.
func (c *checker) reachable(id string) bool { return len(c.reach(c.People[id].person(id))) > 0 }

// behind are the people that a target can stand for; "schedule" counts everybody who is ever on call there.
func (c *checker) behind(kind, name string) []string {
	switch kind {
	case "person":
		return []string{name}
	case "team":
		return c.Teams[name].Members
	case "schedule":
		var all []string
		for _, l := range c.Schedules[name].Layers {
			for _, t := range l.People {
				all = append(all, t...)
			}
		}
		for _, o := range c.Schedules[name].Overrides {
			all = append(all, o.Person)
		}
		return all
	}
	return nil
}

// unreachable enters everybody behind a target who could not be paged, once a person.
func (c *checker) unreachable(kind, name string, seen map[string]bool) {
	for _, id := range c.behind(kind, name) {
		if _, known := c.People[id]; !known || seen[id] || len(c.Platforms) == 0 {
			continue
		}
		seen[id] = true
		if !c.reachable(id) {
			c.fault("people."+id, fmt.Sprintf("add an account on one of the platforms, as people.%s.slack", id), "%s is to be paged but has no account on a configured platform", id)
		}
	}
}
