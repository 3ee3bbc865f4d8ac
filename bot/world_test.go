package bot_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/bot"
	"dogwatch/bot/bottest"
	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// world is a whole dogwatch but for the doors: incidents, ladders, requests and a bot on three recording platforms.
type world struct {
	t         testing.TB
	ctx       context.Context
	store     *state.Store
	incidents *incidents.Service
	engine    *escalation.Engine
	actions   *actions.Service
	directory *schedules.Directory
	slack     *bottest.Recorder
	wecom     *bottest.Recorder
	web       *bottest.Recorder
	cfg       bot.Config
	bot       *bot.Bot
	values    int
}

var keys = map[string][]byte{"slack": []byte("slack secret of this test"), "wecom": []byte("wecom secret of this test"), "web": []byte("web secret of this test")}

func directory(t testing.TB) *schedules.Directory {
	t.Helper()
	d, faults := schedules.NewDirectory([]schedules.Person{
		{ID: "alice", Name: "Alice Chen", Language: text.Chinese, Timezone: "Asia/Shanghai", Roles: schedules.Roles{schedules.Responder, schedules.Approver}, Slack: "U0ALICE", WeCom: "alice"},
		{ID: "bob", Name: "Bob", Language: text.English, Roles: schedules.Roles{schedules.Responder, schedules.Approver}, Slack: "U0BOB", WeCom: "bob"},
		{ID: "carol", Name: "Carol", Roles: schedules.Roles{schedules.Viewer}, Slack: "U0CAROL"},
		{ID: "dave", Name: "Dave", Slack: "U0DAVE"},
		{ID: "zhang1", Name: "张伟", Roles: schedules.Roles{schedules.Responder}, WeCom: "zw1"},
		{ID: "zhang2", Name: "张伟", Roles: schedules.Roles{schedules.Responder}, WeCom: "zw2"},
	}, []schedules.Team{{Name: "web", Members: []string{"alice", "bob"}}})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return d
}

// build makes a world on a store; change, if not nil, may alter it before the bot is made. Nothing runs yet.
func build(t testing.TB, store *state.Store, change func(*world)) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), store: store, directory: directory(t),
		slack: &bottest.Recorder{Name: "slack", HasThreads: true}, wecom: &bottest.Recorder{Name: "wecom", Once: true}, web: &bottest.Recorder{Name: "web"}}
	w.incidents = incidents.New(store, incidents.Config{})
	w.incidents.Use(w.directory)
	w.actions = actions.New(store)
	catalog, faults := actions.NewCatalog([]actions.Definition{{Name: "restart", Title: "Restart a service", Runner: "command", Timeout: time.Minute,
		Argv:     []string{"systemctl", "restart", "{{ .params.unit }}"},
		Params:   map[string]actions.Param{"unit": {Type: "string", Pattern: `[a-z]+\.service`, Required: true}},
		Approval: actions.Approval{Approvers: []string{"team:web"}}}})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	w.actions.Use(actions.Setup{Catalog: catalog, Directory: w.directory})
	w.engine = escalation.New(store, w.incidents, escalation.Config{Setup: &escalation.Setup{
		Policies: map[string]*escalation.Policy{"web": {Name: "web", Steps: []escalation.Step{{Notify: []escalation.Target{{Kind: "person", Name: "alice"}}}}}},
		Roster: &escalation.Roster{Directory: w.directory, Schedules: map[string]*schedules.Compiled{}, Reach: func(p schedules.Person) []string {
			if a, ok := bot.PersonAddress(p, "slack"); ok {
				return []string{a.String()}
			}
			return nil
		}},
	}})
	w.cfg = bot.Config{Store: store, Incidents: w.incidents, Escalation: w.engine, Actions: w.actions,
		Directory: func() *schedules.Directory { return w.directory }, Keys: keys,
		Platforms: map[string]bot.Platform{"slack": w.slack, "wecom": w.wecom, "web": w.web},
		Console:   "http://127.0.0.1:8080", Teams: map[string]string{"slack": "T0WEB"}, Log: slog.New(slog.NewTextHandler(logTo{t}, nil))}
	if change != nil {
		change(w)
	}
	w.bot = w.newBot()
	return w
}

type logTo struct{ t testing.TB }

func (l logTo) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (w *world) newBot() *bot.Bot {
	w.t.Helper()
	b, err := bot.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// serve runs a bot until the test or stop ends it.
func (w *world) serve(b *bot.Bot) (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	var once sync.Once
	w.t.Cleanup(func() {
		cancel()
		w.store.Close() // whoever waits for the log to go on hears of the end
		<-done
	})
	return func() { once.Do(func() { cancel(); <-done }) }
}

// start runs everything.
func (w *world) start() *world {
	w.background()
	w.serve(w.bot)
	return w
}

// background runs all but the bot.
func (w *world) background() {
	ctx, cancel := context.WithCancel(w.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.incidents.Run(ctx) })
	wg.Go(func() { _ = w.engine.Run(ctx) })
	w.t.Cleanup(func() { cancel(); w.store.Close(); wg.Wait() })
}

// each runs a test on a real Redis and on miniredis.
func each(t *testing.T, change func(*world), f func(*world)) {
	t.Parallel()
	redistest.Each(t, nil, func(t *testing.T, s *state.Store) { f(build(t, s, change).start()) })
}

// routed is how the alerts of a test are routed.
type routed struct {
	severity, policy string
	channels, show   []string
}

func (w *world) route(r routed) incidents.RouteFunc {
	return func(_ string, rep *incidents.Report) incidents.Decision {
		return incidents.Decision{Name: "all", GroupID: rep.Labels["group"], GroupKey: "prom/" + rep.Labels["group"],
			Severity: r.severity, Policy: r.policy, Channels: r.channels, Show: r.show}
	}
}

func alert(group, fp string) incidents.Report {
	return incidents.Report{Fingerprint: fp, Status: incidents.Firing, Labels: map[string]string{"alertname": "Disk full on " + group, "group": group},
		Annotations: map[string]string{"summary": "Disk full on " + group, "detail": "the disk is full and fills up further", "sent_ns": "1795000000000000000"}, StartsAt: time.Now().Add(-time.Minute)}
}

// raise takes an alert in and returns its incident.
func (w *world) raise(r routed, group string) incidents.ID {
	w.t.Helper()
	if _, err := w.incidents.Ingest(w.ctx, "prom", incidents.Batch{Reports: []incidents.Report{alert(group, "fp-"+group)}}, w.route(r)); err != nil {
		w.t.Fatal(err)
	}
	list, _, err := w.incidents.List(w.ctx, incidents.Filter{Query: "prom/" + group, Limit: 1})
	if err != nil || len(list) != 1 {
		w.t.Fatalf("incident of %s: %v %v", group, list, err)
	}
	return list[0].ID
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	redistest.Until(w.t, 15*time.Second, what, ok)
}

// card waits for exactly one message at a place and returns it.
func (w *world) card(p *bottest.Recorder, to string) bottest.Standing {
	w.t.Helper()
	w.until("a card at "+to, func() bool { return len(p.Standing(to)) > 0 })
	list := p.Standing(to)
	if len(list) != 1 {
		w.t.Fatalf("%d messages at %s", len(list), to)
	}
	return list[0]
}

// showsState waits until the last message at a place shows a state.
func (w *world) showsState(p *bottest.Recorder, to, state string) bottest.Standing {
	w.t.Helper()
	var last bottest.Standing
	w.until(to+" to show "+state, func() bool {
		list := p.Standing(to)
		if len(list) == 0 {
			return false
		}
		last = list[len(list)-1]
		return last.Message.Card != nil && last.Message.Card.State == state
	})
	return last
}

func button(t testing.TB, c *bot.Card, verb string) string {
	t.Helper()
	for _, b := range c.Buttons {
		if b.Verb == verb {
			return b.Value
		}
	}
	for _, r := range c.Requests {
		for _, b := range r.Buttons {
			if b.Verb == verb {
				return b.Value
			}
		}
	}
	t.Fatalf("no button %s on %q", verb, c.Headline)
	return ""
}

func account(platform, user string) bot.Account {
	a := bot.Account{Platform: platform, User: user}
	if platform == "slack" {
		a.Team = "T0WEB"
	}
	return a
}

// press presses a button as somebody; each press has an id of its own.
func (w *world) press(platform, user, value string) bot.Answer {
	w.t.Helper()
	w.values++
	return w.pressAs(bot.Press{Account: account(platform, user), ID: fmt.Sprint("p", w.values), Value: value})
}

func (w *world) pressAs(p bot.Press) bot.Answer {
	w.t.Helper()
	a, err := w.bot.Press(w.ctx, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) say(platform, user, words string) bot.Answer {
	w.t.Helper()
	w.values++
	a, err := w.bot.Say(w.ctx, bot.Utterance{Account: account(platform, user), ID: fmt.Sprint("u", w.values), Text: words})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) kinds(id incidents.ID) string {
	w.t.Helper()
	lines, err := w.incidents.History(w.ctx, id, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, l := range lines {
		out = append(out, l.Kind)
	}
	return strings.Join(out, " ")
}
