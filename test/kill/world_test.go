package kill

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dogwatch/bot/slack/slacktest"
	"dogwatch/bot/wecom/wecomtest"
	"dogwatch/internal/redistest"
)

// canaries are all secrets of a world, by the variable that brings them. None may ever show anywhere.
var canaries = map[string]string{
	"K_ALICE": "canary-api-token-alice-5c1f", "K_BOB": "canary-api-token-bob-77aa", "K_PROM": "canary-source-token-90d2",
	"K_SLACK": "xoxb-canary-slack-token-41be", "K_SIGN": "canary-signing-secret-e07c",
	"K_WSECRET": "canary-wecom-secret-2b6d", "K_WTOKEN": "canaryWecomToken8f3a", "K_WAES": "a2lsbC10ZXN0LWtleS0zMi1ieXRlcy1sb25nISEhISE",
}

const (
	corp  = "ww5d06fa4e1b2c3d4e"
	agent = 1000007
	ops   = "C0OPS"
)

// world is everything around dogwatch, and the replicas in it.
type world struct {
	*testing.T
	redis    *redistest.Server
	slack    *slacktest.Server
	wecom    *wecomtest.Server
	wecomURL string
	dir      string
	replicas []*replica
	options  options
}

// options are what tests need differently.
type options struct {
	steps    string // of the policy
	severity string // expression of the route
	groupBy  string
	slack    slacktest.Options
}

// newWorld starts Redis and the fakes. change may alter the options before.
func newWorld(t *testing.T, change ...func(*options)) *world {
	t.Helper()
	o := options{steps: `[{notify: ['schedule:primary']}]`, severity: `'"P1"'`, groupBy: `[alertname]`,
		slack: slacktest.Options{Token: canaries["K_SLACK"], SigningSecret: canaries["K_SIGN"], NoLimits: true}}
	for _, c := range change {
		c(&o)
	}
	w := &world{T: t, redis: redistest.Start(t), dir: t.TempDir(), options: o}
	t.Cleanup(w.explain)
	var err error
	if w.slack, err = slacktest.New(o.slack); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.slack.Close)
	w.wecom, err = wecomtest.New(wecomtest.Options{CorpID: corp, AgentID: agent, Secret: canaries["K_WSECRET"], Token: canaries["K_WTOKEN"],
		AESKey: canaries["K_WAES"], Members: []string{"carol"}, Target: "http://127.0.0.1:1/chat/wecom/callback"})
	if err != nil {
		t.Fatal(err)
	}
	if w.wecomURL, err = w.wecom.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.wecom.Close() })
	return w
}

// config is a replica's configuration; store is how it reaches Redis.
func (w *world) config(data, store string) string {
	return fmt.Sprintf(`server:
  listen: 127.0.0.1:0
  external_url: http://127.0.0.1:8080
  data: %s
  tokens:
    - {name: alice, person: alice, token: env:K_ALICE, scope: full}
    - {name: bob, person: bob, token: env:K_BOB, scope: full}
store: {redis: "%s"}
people:
  alice: {name: Alice, timezone: UTC, language: en, roles: [responder, approver], slack: U0ALICE}
  bob: {name: Bob, timezone: UTC, language: en, roles: [responder, approver], slack: U0BOB}
  carol: {name: Carol, timezone: UTC, language: en, roles: [responder], wecom: carol}
teams:
  web: {members: [alice, bob], lead: bob}
schedules:
  primary: {timezone: UTC, layers: [{name: all, people: [alice], start: "2026-01-05T09:00:00", shift: 1w}]}
policies:
  web: {steps: %s}
sources:
  prom: {type: alertmanager, token: env:K_PROM}
routes:
  - {name: all, match: 'true', group_by: %s, severity: %s, policy: web, channels: ['slack:%s']}
platforms:
  slack: {team_id: T0WEB, token: env:K_SLACK, signing_secret: env:K_SIGN, api_url: "%s", budget: none}
  wecom: {corp_id: %s, agent_id: %d, secret: env:K_WSECRET, token: env:K_WTOKEN, encoding_aes_key: env:K_WAES, api_url: "%s", budget: none}
actions:
  append:
    title: Leave a line
    runner: command
    run: {argv: ['%s', '%s'], timeout: 60s}
    approval: {approvers: ['team:web'], expires: 10m}
  hold:
    title: Leave a line and stay
    runner: command
    run: {argv: ['%s', '%s', '%s'], timeout: 5m}
    approval: {approvers: ['team:web'], expires: 10m}
`, data, store, w.options.steps, w.options.groupBy, w.options.severity, ops, w.slack.APIURL(), corp, agent, w.wecomURL,
		witness, w.file("lines"), witness, w.file("lines"), w.file("stay"))
}

// file is a file of the world outside any replica.
func (w *world) file(name string) string { return filepath.Join(w.dir, name) }

// line is what the action left in its file.
type line struct{ run, pid string }

// lines are all that the action left.
func (w *world) lines() []line {
	body, err := os.ReadFile(w.file("lines"))
	if err != nil && !os.IsNotExist(err) {
		w.Fatal(err)
	}
	var out []line
	for l := range strings.Lines(string(body)) {
		run, pid, ok := strings.Cut(strings.TrimSpace(l), " ")
		if !ok {
			w.Fatalf("the action's file holds %q", l)
		}
		out = append(out, line{run, pid})
	}
	return out
}

// runs is how many lines a run left.
func (w *world) runs(id string) (n int) {
	for _, l := range w.lines() {
		if l.run == id {
			n++
		}
	}
	return n
}

// until waits for something that must become true.
func (w *world) until(limit time.Duration, what string, ok func() bool) {
	w.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			w.Fatalf("waited %v for %s", limit, what)
		case <-tick.C:
		}
	}
}

// explain shows what the replicas of a failed test logged.
func (w *world) explain() {
	if !w.Failed() {
		return
	}
	for _, r := range w.replicas {
		w.Logf("%s said:\n%s", r.name, r.said())
	}
}

// soon is long enough for anything that waits for no lease, on a machine that is busy.
const soon = 20 * time.Second

// environment is that of a replica.
func environment(failpoint string) []string {
	env := []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "DOGWATCH_FAILPOINT=" + failpoint}
	for _, k := range slices.Sorted(maps.Keys(canaries)) {
		env = append(env, k+"="+canaries[k])
	}
	return env
}
