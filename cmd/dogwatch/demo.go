package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dogwatch"
	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// demo is what only a demo has.
type demo struct {
	// tools is a folder in which the sample actions find this program under its usual name.
	tools string
}

func newDemoCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "demo", Short: a.tell("demo"), Args: cobra.NoArgs}
	empty := c.Flags().Bool("empty", false, a.tell("flag_empty"))
	data := c.Flags().String("data", "", a.tell("flag_data"))
	listen := c.Flags().String("web.listen-address", "127.0.0.1:8080", a.tell("flag_listen"))
	c.RunE = func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), *listen, *data, *empty) }
	return c
}

// demo runs the whole product from the example configuration, on loopback, with a store of its own.
func (a *app) demo(ctx context.Context, listen, data string, empty bool) error {
	l, err := listenLoopback(listen)
	if errors.Is(err, errReachable) {
		return failed("%s", a.tell("demo_loopback"))
	}
	if err != nil {
		return failed("%v", err)
	}
	defer l.Close()
	if data == "" {
		if data, err = os.MkdirTemp("", "dogwatch-demo-"); err != nil {
			return failed("make data folder: %v", err)
		}
		defer os.RemoveAll(data)
	} else if err := os.MkdirAll(data, 0o700); err != nil {
		return failed("make data folder: %v", err)
	}
	tools, err := ourselves(data)
	if err != nil {
		return failed("find this program: %v", err)
	}
	url := "http://" + l.Addr().String()
	h := &house{log: slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn})), file: "config.example.yaml",
		roles: map[string]bool{"intake": true, "core": true, "runner": true}, demo: &demo{tools: tools}}
	cfg, err := demoConfig(a.env, url, data)
	if err != nil {
		return failed("%v", err)
	}
	store, stop, err := a.demoStore(ctx, data)
	if err != nil {
		return failed("%v", err)
	}
	defer stop()
	if err := seed(ctx, store, cfg, empty); err != nil {
		return failed("set up the demo: %v", err)
	}
	h.ready.look(ctx, store.Store)
	if err := build(cfg, store.Store, h); err != nil {
		return failed("%v", err)
	}
	defer h.close()
	if !empty {
		if err := h.seedRequest(ctx); err != nil {
			return failed("set up the demo: %v", err)
		}
	}
	a.sayDemo(cfg, url)
	return h.live(ctx, l, loopbackOnly(h.routes()))
}

// ourselves makes a folder in which this program is called dogwatch, whatever file it was started from.
func ourselves(data string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	tools, err := filepath.Abs(filepath.Join(data, "tools"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(tools, 0o700); err != nil {
		return "", err
	}
	link := filepath.Join(tools, "dogwatch")
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return tools, os.Symlink(exe, link)
}

// errReachable: other machines could reach the address.
var errReachable = errors.New("the address is not on loopback")

// listenLoopback opens the address and refuses any that other machines could reach.
func listenLoopback(listen string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errReachable
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// loopbackOnly answers requests for this machine's own names only: a page elsewhere that points its name at 127.0.0.1 must
// not act in the demo.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "the demo answers 127.0.0.1 and localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// demoConfig is the example with what a demo changes: a folder of its own, tokens made at each start, the sample actions only.
func demoConfig(env func(string) (string, bool), url, data string) (*Config, error) {
	cfg, faults := parseConfig("config.example.yaml", dogwatch.Example)
	if len(faults) > 0 {
		return nil, faults
	}
	made := map[string]string{}
	for _, t := range cfg.typed {
		if name, ok := strings.CutPrefix(t.value.Ref(), "env:"); ok {
			made[name] = rand.Text()
		}
	}
	look := func(name string) (string, bool) {
		if v, ok := made[name]; ok {
			return v, true
		}
		return env(name)
	}
	if faults := cfg.Resolve(look, os.ReadFile); len(faults) > 0 {
		return nil, faults
	}
	cfg.Server.ExternalURL, cfg.Server.Data, cfg.Store.Require = url, data, "any"
	for _, name := range keys(cfg.Platforms) {
		s := cfg.Platforms[name]
		var faults Faults
		if err := s.Decode(platformPlugins[name].config()); errors.As(err, &faults) && faults.onlyUnset() {
			delete(cfg.Platforms, name) // its secrets are not set
		}
	}
	for name := range cfg.Actions {
		if !strings.HasPrefix(name, "sample-") {
			delete(cfg.Actions, name)
		}
	}
	return cfg, nil
}

// route is the configured routing without the channels of platforms that were left out.
func (c *Config) route(source string, r *incidents.Report, at time.Time) incidents.Decision {
	d := c.router.Route(source, r, at)
	here := func(channel string) bool {
		platform, _, _ := strings.Cut(channel, ":")
		_, ok := c.Platforms[platform]
		return ok
	}
	if slices.ContainsFunc(d.Channels, func(ch string) bool { return !here(ch) }) {
		d.Channels = slices.DeleteFunc(slices.Clone(d.Channels), func(ch string) bool { return !here(ch) })
	}
	return d
}

// demoStore is a child redis-server in the data folder if this machine has one, else one in memory, which is said.
func (a *app) demoStore(ctx context.Context, data string) (*seedable, func(), error) {
	e, err := startEmbedded(ctx, data)
	if errors.Is(err, errNoServer) {
		fmt.Fprintln(a.out, a.tell("demo_memory"))
		e, err = startInMemory()
	}
	if err != nil {
		return nil, nil, err
	}
	s := &seedable{config: state.Config{URL: e.url, Plain: e.inMemory}}
	if s.Store, err = state.Open(ctx, s.config); err != nil {
		e.stop()
		return nil, nil, err
	}
	return s, func() { s.Close(); e.stop() }, nil
}

// sayDemo prints what a person needs, one a line.
func (a *app) sayDemo(cfg *Config, url string) {
	token := ""
	for _, t := range cfg.Server.Tokens {
		if t.Scope == "full" {
			token = t.Token.Reveal()
			break
		}
	}
	body := `{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"DiskFull","team":"web","severity":"critical","cluster":"eu-1","instance":"web-7:9100"},` +
		`"annotations":{"summary":"Disk of web-7 is 96 % full","description":"It will be full in about 20 minutes."}}]}`
	fmt.Fprintln(a.out, "console: "+url)
	fmt.Fprintln(a.out, "token: "+token)
	fmt.Fprintf(a.out, "raise: curl -sS -H 'Authorization: Bearer %s' %s/alerts/prom -d '%s'\n", cfg.Sources["prom"].Token.Reveal(), url, body)
}
