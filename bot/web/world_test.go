package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/actions/command"
	"dogwatch/bot"
	"dogwatch/bot/web"
	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

func TestMain(m *testing.M) {
	command.Main()
	os.Exit(m.Run())
}

// world is a whole dogwatch but for the doors, with the console on a real port.
type world struct {
	t         *testing.T
	ctx       context.Context
	store     *state.Store
	incidents *incidents.Service
	engine    *escalation.Engine
	actions   *actions.Service
	web       *web.Web
	server    *httptest.Server
	signal    string // a file for which the sample action waits before it ends

	mu     sync.Mutex
	people []schedules.Person
	tokens map[string]string // token -> person; one that ends in "-read" may only read
}

// options change a world before it is made.
type options struct {
	demo        []string
	external    string
	whole, idle time.Duration
	clock       func() time.Time
}

var shanghai = "Asia/Shanghai"

func newWorld(t *testing.T, o options) *world {
	t.Helper()
	t.Parallel() // a world has a Redis and a browser of its own
	w := &world{t: t, ctx: t.Context(), signal: t.TempDir() + "/go on",
		tokens: map[string]string{"token-of-alice": "alice", "token-of-bob": "bob", "token-of-carol": "carol", "token-of-dave": "dave", "token-of-bob-read": "bob"},
		people: []schedules.Person{
			{ID: "alice", Name: "Alice Chen", Language: text.English, Timezone: shanghai, Roles: schedules.Roles{schedules.Responder, schedules.Approver}},
			{ID: "bob", Name: "Bob Miller", Language: text.English, Timezone: "Europe/Berlin", Roles: schedules.Roles{schedules.Responder, schedules.Approver}},
			{ID: "carol", Name: "王卡罗", Language: text.Chinese, Timezone: shanghai, Roles: schedules.Roles{schedules.Responder, schedules.Approver}},
			{ID: "vera", Name: "Vera", Language: text.English, Roles: schedules.Roles{schedules.Viewer}},
			{ID: "dave", Name: "Dave", Language: text.English},
		}}
	w.tokens["token-of-vera"] = "vera"
	w.store = redistest.Start(t).Open(o.clock)
	var err error
	w.web, err = web.Open(func(any) error { return nil }, web.Deps{Store: w.store, SignIn: w.signIn, Valid: w.valid, Demo: o.demo,
		ExternalURL: o.external, Session: o.whole, Idle: o.idle, Log: slog.New(slog.NewTextHandler(logTo{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	w.assemble()
	return w
}

func (w *world) directory() *schedules.Directory {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, faults := schedules.NewDirectory(w.people, []schedules.Team{{Name: "web", Members: []string{"alice", "bob", "carol"}}})
	if len(faults) > 0 {
		w.t.Error(faults)
	}
	return d
}

// signIn and valid stand for server.tokens.
func (w *world) signIn(token string) (string, bool, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	person, ok := w.tokens[token]
	return person, !strings.HasSuffix(token, "-read"), ok
}

func (w *world) valid(person string, write bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for token, p := range w.tokens {
		if p == person && write != strings.HasSuffix(token, "-read") {
			return true
		}
	}
	return false
}

// catalog has one action, which says a line and ends when w.signal is there.
func (w *world) catalog() *actions.Catalog {
	script := `echo "stopping $1"; while [ ! -e "$2" ]; do sleep 0.05; done; echo "started $1"`
	c, faults := actions.NewCatalog([]actions.Definition{{Name: "restart", Title: "Restart a service", Runner: "command", Timeout: time.Minute,
		Argv: []string{"sh", "-c", script, "restart", "{{ .params.unit }}", w.signal},
		Params: map[string]actions.Param{"unit": {Title: "Unit", Type: "string", Pattern: `[a-z]+\.service`, Required: true},
			"mode": {Title: "Mode", Type: "string", Enum: []string{"graceful", "hard"}}},
		Approval: actions.Approval{Approvers: []string{"team:web"}}}})
	if len(faults) > 0 {
		w.t.Fatal(faults)
	}
	return c
}

// ladder pages whoever is on call in one schedule, in the console.
func (w *world) ladder(d *schedules.Directory) *escalation.Setup {
	primary, faults := schedules.Compile(schedules.Schedule{Name: "web-primary", Timezone: shanghai, Layers: []schedules.Layer{
		{Name: "weekly", People: [][]string{{"alice"}, {"bob"}}, Start: "2026-01-05T09:00:00", Shift: "1w"}}}, d, nil)
	if len(faults) > 0 {
		w.t.Fatal(faults)
	}
	return &escalation.Setup{
		Policies: map[string]*escalation.Policy{"web": {Name: "web", Steps: []escalation.Step{{Notify: []escalation.Target{{Kind: "schedule", Name: "web-primary"}}}}}},
		Roster: &escalation.Roster{Directory: d, Schedules: map[string]*schedules.Compiled{"web-primary": primary},
			Reach: func(p schedules.Person) []string { return []string{"web:@" + p.ID} }},
	}
}

// worker runs what was approved, here.
func (w *world) worker() *actions.Worker {
	runner, err := command.Open(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	ledger, err := actions.OpenLedger(w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { ledger.Close() })
	return actions.NewWorker(w.actions, actions.WorkerConfig{Name: "host", Runners: map[string]actions.Runner{"command": runner}, Ledger: ledger, Drain: time.Millisecond})
}

// assemble makes and starts everything.
func (w *world) assemble() {
	t, d := w.t, w.directory()
	w.incidents = incidents.New(w.store, incidents.Config{})
	w.incidents.Use(d)
	w.actions = actions.New(w.store)
	w.actions.Use(actions.Setup{Catalog: w.catalog(), Directory: d})
	w.engine = escalation.New(w.store, w.incidents, escalation.Config{Setup: w.ladder(d)})
	b, err := bot.New(bot.Config{Store: w.store, Incidents: w.incidents, Escalation: w.engine, Actions: w.actions, Directory: w.directory,
		Platforms: map[string]bot.Platform{"web": w.web}, Keys: map[string][]byte{"web": []byte("web secret of this test")},
		DeclareChannels: []string{"web:ops"}, Pace: 100 * time.Millisecond, Log: slog.New(slog.NewTextHandler(logTo{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	worker, console := w.worker(), bot.NewConsole(b)
	mux := http.NewServeMux()
	for path, h := range w.web.Routes(b, console) {
		mux.Handle(path, h)
	}
	w.server = httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{w.incidents.Run, w.engine.Run, b.Run, worker.Run, w.actions.Run, console.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		w.web.Drain()
		w.server.Close()
		cancel()
		w.store.Close() // whoever waits for the log to go on hears of the end
		wg.Wait()
	})
}

type logTo struct{ t *testing.T }

func (l logTo) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// raise takes an alert in and returns its incident.
func (w *world) raise(group, severity string, labels, annotations map[string]string) incidents.Incident {
	w.t.Helper()
	all := map[string]string{"alertname": group, "cluster": "eu-1", "instance": "db-3.example.org:9100"}
	for k, v := range labels {
		all[k] = v
	}
	r := incidents.Report{Fingerprint: "fp-" + group, Status: incidents.Firing, Labels: all, Annotations: annotations, StartsAt: time.Now().Add(-time.Minute)}
	_, err := w.incidents.Ingest(w.ctx, "prom", incidents.Batch{Reports: []incidents.Report{r}}, func(string, *incidents.Report) incidents.Decision {
		return incidents.Decision{Name: "web", GroupID: group, GroupKey: "prom/" + group, Severity: severity, Policy: "web", Channels: []string{"web:ops"}, Show: []string{"summary"}}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	list, _, err := w.incidents.List(w.ctx, incidents.Filter{Limit: 500})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range list {
		if i.GroupKey == "prom/"+group {
			return i
		}
	}
	w.t.Fatalf("no incident of %s", group)
	return incidents.Incident{}
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	redistest.Until(w.t, 15*time.Second, what, ok)
}

func (w *world) get(id incidents.ID) incidents.Incident {
	w.t.Helper()
	i, err := w.incidents.Get(w.ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

// browser is somebody with cookies and no script.
type browser struct {
	w *world
	*http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w, &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

// as is a browser signed in by a token.
func (w *world) as(token string) *browser {
	w.t.Helper()
	b := w.browser()
	status, _ := b.post("/signin", url.Values{"token": {token}})
	if status != http.StatusOK {
		w.t.Fatalf("sign in with %s: %d", token, status)
	}
	return b
}

func (b *browser) do(r *http.Request) (int, string, http.Header) {
	b.w.t.Helper()
	resp, err := b.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.ctx, method, b.w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *browser) get(path string) (int, string) {
	b.w.t.Helper()
	status, body, _ := b.do(b.request(http.MethodGet, path, nil))
	return status, body
}

func (b *browser) post(path string, form url.Values) (int, string) {
	b.w.t.Helper()
	status, body, _ := b.do(b.request(http.MethodPost, path, form))
	return status, body
}

var input = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

// form is what a button's form on a page would send.
func (b *browser) form(page, verb string) url.Values {
	b.w.t.Helper()
	for _, f := range strings.Split(page, "<form ")[1:] {
		if !strings.Contains(f, fmt.Sprintf(`data-verb=%q`, verb)) {
			continue
		}
		out := url.Values{}
		for _, m := range input.FindAllStringSubmatch(f, -1) {
			out.Set(m[1], m[2])
		}
		return out
	}
	b.w.t.Fatalf("no button %s on the page:\n%s", verb, page)
	return nil
}
