package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"dogwatch/internal/state"
	"dogwatch/internal/text"
)

func newServeCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "serve", Short: a.tell("serve"), Args: cobra.NoArgs}
	file := c.Flags().String("config.file", "dogwatch.yaml", a.tell("flag_config"))
	roles := c.Flags().String("role", "intake,core,runner", a.tell("flag_role"))
	listen := c.Flags().String("web.listen-address", "", a.tell("flag_listen"))
	level := c.Flags().String("log.level", "info", a.tell("flag_log_level"))
	shape := c.Flags().String("log.format", "json", a.tell("flag_log_format"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		log, err := newLog(a.err, *level, *shape)
		if err != nil {
			return err
		}
		h := &house{file: *file, log: log, env: a.env, roles: map[string]bool{}}
		for r := range strings.SplitSeq(*roles, ",") {
			if r != "intake" && r != "core" && r != "runner" {
				return usage("--role is some of intake, core, runner, by comma; %q is none", r)
			}
			h.roles[r] = true
		}
		return a.serve(c.Context(), h, *listen)
	}
	return c
}

// serve runs a house from its file until a signal ends it.
func (a *app) serve(ctx context.Context, h *house, listen string) error {
	cfg, err := h.read()
	var faults Faults
	if errors.As(err, &faults) {
		for _, f := range faults {
			fmt.Fprintln(a.err, f)
		}
		return &notGood{}
	}
	if err != nil {
		return failed("%v", err)
	}
	store, stop, err := openStore(ctx, cfg)
	if err != nil {
		return failed("%v", err)
	}
	defer stop()
	if err := store.RefuseTestClock(ctx); err != nil {
		return failed("%v", err)
	}
	h.ready.durable = cfg.Store.Require == "durable"
	for _, f := range h.ready.look(ctx, store).findings {
		h.log.Warn("the store would not keep what it acknowledges", "why", f.String())
		if f.Fatal && h.ready.durable {
			return failed("%s", f)
		}
	}
	if err := build(cfg, store, h); err != nil {
		return failed("%v", err)
	}
	defer h.close()
	if listen == "" {
		listen = cfg.Server.Listen
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return failed("listen: %v", err)
	}
	fmt.Fprintln(a.out, a.tell("listening", "address", l.Addr()))
	return h.live(ctx, l, h.routes())
}

// openStore connects to the Redis that the configuration names, or starts our own.
func openStore(ctx context.Context, cfg *Config) (*state.Store, func(), error) {
	c := state.Config{URL: cfg.Store.Redis.URL(), Prefix: cfg.Store.Prefix, Wait: cfg.Store.Replicas()}
	stop := func() {}
	if cfg.Store.Redis.Embedded() {
		if err := os.MkdirAll(cfg.Server.Data, 0o700); err != nil {
			return nil, nil, fmt.Errorf("make data folder: %w", err)
		}
		e, err := startEmbedded(ctx, cfg.Server.Data)
		if errors.Is(err, errNoServer) {
			return nil, nil, fmt.Errorf("store.redis is embedded, but %w; install one, or name a Redis (only demo runs without)", err)
		}
		if err != nil {
			return nil, nil, err
		}
		c.URL, stop = e.url, e.stop
	}
	store, err := state.Open(ctx, c)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return store, func() { store.Close(); stop() }, nil
}

// routes are all paths of the process.
func (h *house) routes() http.Handler {
	mux := http.NewServeMux()
	if h.roles["intake"] {
		mux.Handle("POST /alerts/{source}", h.doors.Handler())
		mux.Handle("/alerts/", h.doors.Handler())
	}
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /-/ready", h.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry(), promhttp.HandlerOpts{}))
	if h.roles["core"] {
		h.serveAPI(mux)
		for _, name := range keys(h.platforms) {
			for path, handler := range h.platforms[name].routes(h.bot) {
				mux.Handle(path, handler)
			}
		}
	}
	return mux
}

// room is one part of the house that runs.
type room struct {
	name string
	run  func(context.Context) error
}

// rooms in the order in which they start; they stop in reverse.
func (h *house) rooms() []room {
	var rooms []room
	if h.audit != nil {
		// First, so that it stops last and what the others decided while stopping is linked and exported.
		rooms = append(rooms, room{"audit", h.audit.Run})
	}
	rooms = append(rooms, room{"store watch", h.watchStore}, room{"incidents", h.incidents.Run})
	if h.worker != nil {
		rooms = append(rooms, room{"runner", h.worker.Run})
	}
	if h.roles["core"] {
		rooms = append(rooms, room{"bot", h.bot.Run}, room{"console", h.console.Run}, room{"escalation", h.engine.Run}, room{"actions", h.actions.Run}, room{"overrides", h.followOverrides}, room{"errands", h.errands}, room{"counting", h.count})
		for _, name := range keys(h.platforms) {
			if run := h.platforms[name].run; run != nil {
				rooms = append(rooms, room{"platform " + name, func(ctx context.Context) error { return run(ctx, h.bot) }})
			}
		}
	}
	return rooms
}

// drainFor is how long requests under way may take to end after a signal.
const drainFor = 25 * time.Second

// live starts every room and the server, and stops them in reverse order when ctx ends, a signal comes or one fails.
func (h *house) live(ctx context.Context, l net.Listener, handler http.Handler) error {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	failure := make(chan error, 1)
	fail := func(err error) {
		select {
		case failure <- err:
		default:
		}
	}
	var stops []func()
	for _, r := range h.rooms() {
		stops = append(stops, start(ctx, r, fail))
	}
	limit := int(h.config.Load().Limits.Header)
	if os.Getenv("GOGC") == "" {
		// Half as many collections for some MiB: the heap of a busy dogwatch is small.
		debug.SetGCPercent(200)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: limit,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelWarn)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fail(fmt.Errorf("serve: %w", err))
		}
	}()
	stopHups := h.reloadOnHup()
	var err error
	select {
	case <-ctx.Done():
		h.log.Info("stopping")
	case err = <-failure:
		h.log.Error("stopping", "error", err.Error())
	}
	stopHups()
	h.ready.draining.Store(true)
	close(h.leaving)
	h.doors.Close()
	for _, o := range h.platforms {
		if o.drain != nil {
			o.drain()
		}
	}
	drain, done := context.WithTimeout(context.Background(), drainFor)
	defer done()
	if e := srv.Shutdown(drain); e != nil {
		srv.Close()
	}
	<-served
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
	}
	if err != nil {
		return failed("%v", err)
	}
	return nil
}

// start runs a room beside us; the returned function ends it and waits until it has ended.
func start(ctx context.Context, r room, fail func(error)) func() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.run(ctx); err != nil && ctx.Err() == nil {
			fail(fmt.Errorf("%s: %w", r.name, err))
		}
	})
	return func() { cancel(); wg.Wait() }
}

// reloadOnHup loads the configuration again at every SIGHUP.
func (h *house) reloadOnHup() (stop func()) {
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-hups:
				_ = h.reload() // reported in the log and in the metric
			case <-done:
				return
			}
		}
	})
	return func() { signal.Stop(hups); close(done); wg.Wait() }
}

// count keeps for the metrics what must be asked of the store: open incidents and pages that wait.
func (h *house) count(ctx context.Context) error {
	t := time.NewTicker(5 * time.Second)
	defer t.Stop()
	for {
		if n, err := h.incidents.OpenCount(ctx); err == nil {
			h.open.Store(n)
		}
		if oldest, err := h.engine.Oldest(ctx); err == nil {
			h.oldest.Store(&oldest)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// tell is a sentence about a running dogwatch in the user's language.
func (a *app) tell(key string, pairs ...any) string { return text.Say(a.lang, "serve."+key, pairs...) }
