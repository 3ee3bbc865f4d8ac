package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// surroundings are what a platform is opened with.
type surroundings struct {
	decode func(any) error
	seen   func(ctx context.Context, key string, ttl time.Duration) (bool, error)
	log    *slog.Logger
	house  *house
}

// opened is a platform in use: how cards get there, what signs its buttons, the paths it is called at, and what of it runs.
type opened struct {
	platform bot.Platform
	key      []byte // at least 16 bytes; the same on every replica
	team     string // whose accounts count; "" when the adapter has only one
	routes   func(bot.Inbox) map[string]http.Handler
	run      func(context.Context, bot.Inbox) error // nil: nothing runs
	drain    func()                                 // nil, or ends what a shutdown must not wait for
}

// openPlatforms opens every configured platform.
func (h *house) openPlatforms(cfg *Config) (map[string]*opened, error) {
	out := map[string]*opened{}
	for _, name := range keys(cfg.Platforms) {
		s := cfg.Platforms[name]
		o, err := platformPlugins[name].open(surroundings{decode: s.Decode, log: h.log, house: h,
			seen: func(ctx context.Context, key string, ttl time.Duration) (bool, error) {
				return h.store.First(ctx, name+"/"+hashed(key), ttl)
			}})
		if err != nil {
			return nil, fmt.Errorf("open platform %s: %w", name, err)
		}
		out[name] = o
	}
	return out, nil
}

// hashed keeps what platforms send out of the names of keys.
func hashed(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// signedWith is the key for a platform's buttons, from secrets that every replica has.
func signedWith(secrets ...text.Secret) []byte {
	h := sha256.New()
	for _, s := range secrets {
		v := s.Reveal()
		fmt.Fprintf(h, "%d:%s", len(v), v)
	}
	return h.Sum(nil)
}

// makeBot opens the platforms and makes the bot that speaks through them.
func (h *house) makeBot(cfg *Config) error {
	platforms, err := h.openPlatforms(cfg)
	if err != nil {
		return err
	}
	h.platforms = platforms
	last := cfg.Routes[len(cfg.Routes)-1]
	c := bot.Config{
		Store: h.store, Incidents: h.incidents, Escalation: h.engine, Actions: h.actions, Directory: h.directory, Override: h.overrideByWord,
		Platforms: map[string]bot.Platform{}, Keys: map[string][]byte{}, Teams: map[string]string{}, Console: cfg.Server.ExternalURL,
		DeclarePolicy: last.Policy, DeclareChannels: last.Channels, Log: h.log, Fallback: addressOf(cfg.fallback(nil)),
	}
	h.measured = map[string]*measured{}
	for name, o := range platforms {
		h.measured[name] = measure(name, o.platform)
		c.Platforms[name], c.Keys[name] = h.measured[name], o.key
		if o.team != "" {
			c.Teams[name] = o.team
		}
	}
	if h.bot, err = bot.New(c); err != nil {
		return err
	}
	h.console = bot.NewConsole(h.bot)
	return nil
}
