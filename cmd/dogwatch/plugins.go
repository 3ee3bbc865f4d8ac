package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"dogwatch/actions"
	"dogwatch/actions/command"
	"dogwatch/bot"
	"dogwatch/bot/slack"
	"dogwatch/bot/web"
	"dogwatch/bot/wecom"
	"dogwatch/incidents/intake"
	"dogwatch/incidents/intake/alertmanager"
	"dogwatch/internal/text"
)

// The plugins there are. This is the only file that names concrete sources, platforms and runners: a new one is a folder
// and a line here. config makes a fresh value of the plugin's own settings, which check decodes and validates and from
// which the schema is made.
type (
	sourcePlugin struct {
		config func() any
		// decoder reads bodies in the source's format.
		decoder func(intake.Limits) intake.Decoder
	}
	platformPlugin struct {
		config func() any
		// private goes before an account to make the address of a person's private conversation.
		private string
		open    func(surroundings) (*opened, error)
		// channel says why a name cannot be a channel there, and how to mend it; "" if it can.
		channel func(c *Config, name string) (message, hint string)
	}
	runnerPlugin struct {
		config func() any
		// run makes a fresh value of what an action with this runner carries out.
		run func() any
		// open makes the runner.
		open func(decode func(any) error, tools string) (actions.Runner, error)
	}
)

// noSettings is the configuration of a plugin that has none.
type noSettings struct{}

var sourcePlugins = map[string]sourcePlugin{
	"alertmanager": {config: func() any { return &noSettings{} }, decoder: alertmanager.With},
}

var platformPlugins = map[string]platformPlugin{
	"web":   {config: func() any { return &web.Config{} }, private: "@", open: openWeb, channel: feed},
	"slack": {config: func() any { return &slack.Config{} }, open: openSlack, channel: slackChannel},
	"wecom": {config: func() any { return &wecom.Config{} }, private: "@", open: openWeCom, channel: wecomRobot},
}

var runnerPlugins = map[string]runnerPlugin{
	"command": {config: func() any { return &commandSettings{} }, run: func() any { return &commandRun{} }, open: openCommand},
}

// commandSettings are those of actions/command, which has a part for each operating system.
type commandSettings struct {
	Path          string   `yaml:"path" jsonschema_description:"Where argv[0] is looked up, and the command's PATH; absolute folders."`
	Env           []string `yaml:"env" jsonschema_description:"Names of variables of dogwatch's own environment that commands may see. None by default."`
	Grace         string   `yaml:"grace" jsonschema_description:"Time between SIGTERM and SIGKILL, default 5s."`
	User          string   `yaml:"user" jsonschema_description:"Runs commands as another user; dogwatch must be root for that."`
	NewPrivileges bool     `yaml:"new_privileges" jsonschema_description:"Lets setuid programs such as sudo work."`
	OpenFiles     uint64   `yaml:"open_files" jsonschema_description:"Per process, default 1024."`
	FileSize      uint64   `yaml:"file_size" jsonschema_description:"Bytes, default 1 GiB."`
}

// openCommand makes the runner of commands. tools is a folder in which it looks first; "" for none.
func openCommand(decode func(any) error, tools string) (actions.Runner, error) {
	return command.Open(func(into any) error {
		if err := decode(into); err != nil {
			return err
		}
		if c, ok := into.(*command.Config); ok && tools != "" {
			c.Path = tools + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		}
		return nil
	})
}

func openWeb(s surroundings) (*opened, error) {
	h := s.house
	cfg := h.config.Load()
	deps := web.Deps{Store: h.store, ExternalURL: cfg.Server.ExternalURL, Session: cfg.Limits.Session.Std(), Idle: cfg.Limits.SessionIdle.Std(), Log: s.log,
		SignIn: func(token string) (string, bool, bool) {
			who, ok := h.callerByToken(token)
			return who.person.ID, who.write, ok
		},
		Valid: h.tokenStands}
	if h.demo != nil {
		for _, p := range cfg.directory.People() {
			deps.Demo = append(deps.Demo, p.ID)
		}
		deps.Valid = nil
	}
	p, err := web.Open(s.decode, deps)
	if err != nil {
		return nil, err
	}
	var secrets []text.Secret
	for _, t := range cfg.Server.Tokens {
		secrets = append(secrets, t.Token)
	}
	return &opened{platform: p, key: signedWith(secrets...), drain: p.Drain,
		routes: func(inbox bot.Inbox) map[string]http.Handler { return p.Routes(inbox, h.console) }}, nil
}

func openSlack(s surroundings) (*opened, error) {
	var c slack.Config
	if err := s.decode(&c); err != nil {
		return nil, err
	}
	p, err := slack.Open(s.decode, slack.Deps{Seen: s.seen, Log: s.log})
	if err != nil {
		return nil, err
	}
	return &opened{platform: p, key: signedWith(c.Token, c.SigningSecret, c.AppToken), team: c.TeamID, routes: p.Routes, run: p.Run}, nil
}

func openWeCom(s surroundings) (*opened, error) {
	var c wecom.Config
	if err := s.decode(&c); err != nil {
		return nil, err
	}
	p, err := wecom.Open(s.decode, wecom.Deps{Seen: s.seen, Log: s.log})
	if err != nil {
		return nil, err
	}
	return &opened{platform: p, key: signedWith(c.Secret, c.Token, c.EncodingAESKey), team: c.CorpID, routes: p.Routes,
		run: func(ctx context.Context, _ bot.Inbox) error { return p.Run(ctx) }}, nil
}

func feed(_ *Config, name string) (message, hint string) {
	if !nameShape.MatchString(name) {
		return fmt.Sprintf("%q cannot be the name of a feed", name), "letters, digits, _ . -"
	}
	return "", ""
}

var slackID = regexp.MustCompile(`^[CG][A-Z0-9]{2,30}$`)

func slackChannel(_ *Config, name string) (message, hint string) {
	if !slackID.MatchString(name) {
		return fmt.Sprintf("%q is not a Slack channel id", name), "as C0123ABCD, from the channel's details in Slack; a name such as #ops can change"
	}
	return "", ""
}

func wecomRobot(c *Config, name string) (message, hint string) {
	s := c.Platforms["wecom"]
	robots := child(s.node, "robots")
	if child(robots, name) != nil {
		return "", ""
	}
	var known []string
	if robots != nil {
		for i := 0; i+1 < len(robots.Content); i += 2 {
			known = append(known, robots.Content[i].Value)
		}
	}
	return fmt.Sprintf("there is no robot %q under platforms.wecom.robots", name), nearestOr(name, known)
}

// validator is a plugin's settings that check themselves, reporting all faults at once, each line beginning with its key.
type validator interface{ Validate() error }

// plugin decodes a section into a fresh value and lets that validate itself.
func (c *checker) plugin(s *section, fresh func() any) {
	into := fresh()
	if err := s.Decode(into); err != nil {
		faults := err.(Faults) // Decode returns nothing else
		c.faults = append(c.faults, faults...)
		if slices.ContainsFunc(faults, func(f Fault) bool { return !f.unknownKey }) {
			return // what could not be read would be called missing
		}
	}
	if v, ok := into.(validator); ok {
		if err := v.Validate(); err != nil {
			for _, f := range s.faultsOf(err) {
				c.add(f)
			}
		}
	}
}

func (c *checker) platforms() {
	for _, name := range keys(c.Platforms) {
		s := c.Platforms[name]
		plugin, known := platformPlugins[name]
		if !known {
			c.fault("platforms."+name, nearestOr(name, keys(platformPlugins)), "there is no platform %q", name)
			continue
		}
		if s.node != nil {
			c.plugin(&s, plugin.config)
		}
	}
}

func (c *checker) runners() {
	for _, name := range keys(c.Runners) {
		s := c.Runners[name]
		plugin, known := runnerPlugins[name]
		if !known {
			c.fault("runners."+name, nearestOr(name, keys(runnerPlugins)), "there is no runner %q", name)
			continue
		}
		if s.node != nil {
			c.plugin(&s, plugin.config)
		}
	}
}

// superviseCommand ends the process here if it was started to supervise a command.
func superviseCommand() { command.Main() }
