package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"dogwatch/internal/redistest"
)

// process is the built program, serving.
type process struct {
	*inhabited
	command *exec.Cmd
	log     *shared
	file    string
	ended   chan error
}

var whereItListens = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// prepare is the program with a configuration of this world, not started yet.
func (w *world) prepare(name string) *process {
	w.Helper()
	p := &process{log: &shared{}, file: w.write(name), ended: make(chan error, 1)}
	p.command = exec.Command("dogwatch", "serve", "--config.file", p.file, "--web.listen-address", "127.0.0.1:0")
	p.command.Env = os.Environ()
	for k, v := range w.env {
		p.command.Env = append(p.command.Env, k+"="+v)
	}
	p.command.Stderr = p.log
	return p
}

// serve starts the program and returns when it says where it listens.
func (w *world) serve(name string) *process {
	w.Helper()
	p := w.prepare(name)
	out, err := p.command.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		_ = p.command.Process.Kill() // it has ended, if the test went well
		if w.Failed() {
			w.Logf("%s wrote at last:\n%s", name, p.log.end())
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if at := whereItListens.FindString(lines.Text()); at != "" {
			p.inhabited = &inhabited{address: at}
			break
		}
	}
	if p.inhabited == nil {
		w.Fatalf("it does not listen: %v\n%s", p.command.Wait(), p.log.String())
	}
	go func() {
		for lines.Scan() {
			continue // nobody reads what else it says
		}
		p.ended <- p.command.Wait()
	}()
	w.houses = append(w.houses, p.inhabited)
	w.reachedAt(p.inhabited)
	return p
}

// end asks the program to stop and holds that it does so well.
func (w *world) end(p *process) {
	w.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		w.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			w.Errorf("it ended with %v:\n%s", err, p.log.end())
		}
	case <-time.After(30 * time.Second):
		w.Errorf("it does not end:\n%s", p.log.end())
	}
}

// The program on every kind of Redis, as two replicas: an alert at one, the answer at the other, one page, one run, and the
// chain of the audit holds.
func TestServeOnEveryStore(t *testing.T) {
	t.Parallel()
	stores := map[string]func(t *testing.T) string{
		"redis":    func(t *testing.T) string { return redistest.Start(t).URL() },
		"sentinel": func(t *testing.T) string { url, _, _ := redistest.Sentinel(t); return url },
		"cluster":  func(t *testing.T) string { url, _ := redistest.Cluster(t); return url },
	}
	for name, start := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t)
			w := newWorld(t)
			w.redis = url
			first, second := w.serve("first"), w.serve("second")
			j := &journey{world: w, file: name, down: true} // its rest cannot be seen from outside
			j.happen(`
				alert Disk host=a cluster=eu severity=critical times=5 together
				alert Disk host=b cluster=eu severity=critical at=second times=5 together
				want incidents 1
				want incident {incident} state=triggered severity=P1 firing=2 received=10
				want cards slack @bob 1
				want cards slack C0OPS 1
				api bob POST /api/v1/actions/restart/requests 201 '{"params":{"unit":"nginx.service"},"incident":"{incident}"}'
				press "Approve" by carol on slack in C0OPS
				want request 1 state=succeeded approvals=carol@slack
				want effects 1
				press "Acknowledge" by bob on slack
				want incident {incident} state=acknowledged acknowledged_by=bob
				api carol POST /api/v1/incidents/{incident}/acknowledge 409 at=second
				alert Disk host=a cluster=eu severity=critical at=second resolved
				alert Disk host=b cluster=eu severity=critical resolved
				want incident {incident} state=resolved
				want card slack C0OPS "Resolved at"
				want line page {incident}=1
				want cards slack @bob 1`)
			w.end(second)
			w.end(first)
			verify := exec.Command("dogwatch", "audit", "verify", "--config.file", first.file)
			verify.Env = first.command.Env
			if out, err := verify.CombinedOutput(); err != nil {
				t.Errorf("the audit does not hold: %v\n%s", err, out)
			}
		})
	}
}

// ready asks for readiness.
func (w *world) ready(r *inhabited) (int, string) {
	got := w.call(query{at: r, method: http.MethodGet, path: "/-/ready"})
	return got.status, got.body
}

// metric is the value of a series as it is written; "" if there is none.
func (w *world) metric(series string) string {
	got := w.call(query{method: http.MethodGet, path: "/metrics"})
	for line := range strings.Lines(got.body) {
		if v, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

const oneAlert = `{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Disk"},"annotations":{},"startsAt":"2026-01-02T12:00:00Z","fingerprint":"f1"}]}`

// A Redis that would forget is not ready, and says how that is mended; once it is mended the doors open by themselves.
func TestServeSaysWhatIsNotDurable(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t, "--appendfsync", "everysec")
	w := newWorld(t)
	w.redis = redis.URL()
	p := w.serve("first")
	status, body := w.ready(p.inhabited)
	if status != 503 || !strings.Contains(body, "appendfsync") || !strings.Contains(body, "CONFIG SET appendfsync always") {
		t.Errorf("ready: %d %s", status, body)
	}
	knock := func() answer {
		return w.call(query{method: http.MethodPost, path: "/alerts/prom", as: "PROM_TOKEN", body: oneAlert})
	}
	if got := knock(); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("the door answers %d %v %s", got.status, got.header, got.body)
	}
	if got := w.metric("dogwatch_store_durable"); got != "0" {
		t.Errorf("store_durable is %q", got)
	}
	if err := redis.Client().ConfigSet(context.Background(), "appendfsync", "always").Err(); err != nil {
		t.Fatal(err)
	}
	redistest.Until(t, 20*time.Second, "readiness", func() bool { s, _ := w.ready(p.inhabited); return s == 200 })
	if got := knock(); got.status != 200 {
		t.Errorf("the door answers %d %s", got.status, got.body)
	}
	if got := w.metric("dogwatch_store_durable"); got != "1" {
		t.Errorf("store_durable is %q", got)
	}
	w.end(p)
}

// With require: any it serves, and says the same.
func TestServeWithoutDurability(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t, "--appendonly", "no")
	w := newWorld(t)
	w.redis = redis.URL()
	w.config = strings.Replace(w.config, "store: {", "store: {require: any, ", 1)
	p := w.serve("first")
	status, body := w.ready(p.inhabited)
	var said struct {
		Ready    bool     `json:"ready"`
		Warnings []string `json:"warnings"`
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || status != 200 || !said.Ready || !strings.Contains(fmt.Sprint(said.Warnings), "CONFIG SET appendonly yes") {
		t.Errorf("ready: %d %s (%v)", status, body, err)
	}
	if got := w.call(query{method: http.MethodPost, path: "/alerts/prom", as: "PROM_TOKEN", body: oneAlert}); got.status != 200 {
		t.Errorf("the door answers %d %s", got.status, got.body)
	}
	if got := w.metric("dogwatch_store_durable"); got != "0" {
		t.Errorf("store_durable is %q", got)
	}
	w.end(p)
}

// What it does not start with, and the sentence that says so.
func TestServeRefusesToStart(t *testing.T) {
	t.Parallel()
	evicting, plain, tested := redistest.Start(t, "--maxmemory-policy", "allkeys-lru"), redistest.Start(t), redistest.Start(t)
	tested.Open(time.Now)
	for name, c := range map[string]struct {
		change func(w *world)
		says   []string
	}{
		"evicting": {func(w *world) { w.redis = evicting.URL() }, []string{"maxmemory-policy", "CONFIG SET maxmemory-policy noeviction"}},
		"unset":    {func(w *world) { delete(w.env, "SLACK_SIGNING_SECRET") }, []string{"first.yaml:", "signing_secret", "SLACK_SIGNING_SECRET is not set"}},
		"empty":    {func(w *world) { w.env["PROM_TOKEN"] = " " }, []string{"first.yaml:", "sources.prom.token", "PROM_TOKEN is empty"}},
		"unknown":  {func(w *world) { w.config += "\nsourcess: {}\n" }, []string{"first.yaml:", "sourcess"}},
		"nowhere":  {func(w *world) { w.redis = "redis://127.0.0.1:1/0" }, []string{"open store"}},
		"tested":   {func(w *world) { w.redis = tested.URL() }, []string{"test clock"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.redis = plain.URL()
			c.change(w)
			p := w.prepare("first")
			err := p.command.Run()
			if code := p.command.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit %d (%v), want 1", code, err)
			}
			for _, s := range c.says {
				if !strings.Contains(p.log.String(), s) {
					t.Errorf("it does not say %q:\n%s", s, p.log.String())
				}
			}
			for _, secret := range w.env {
				if secret = strings.TrimSpace(secret); secret != "" && !strings.HasPrefix(secret, "http") && strings.Contains(p.log.String(), secret) {
					t.Errorf("it says the secret %q:\n%s", secret, p.log.String())
				}
			}
		})
	}
}

// A broken file changes nothing, by signal and by call, and says so; a good one counts at once.
func TestServeReload(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	w := newWorld(t)
	w.redis = redis.URL()
	p := w.serve("first")
	good, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Clean(p.file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hup := func() {
		t.Helper()
		if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	const good1, goodAt = "dogwatch_config_last_reload_successful", "dogwatch_config_last_reload_success_timestamp_seconds"
	if w.metric(good1) != "1" || w.metric(goodAt) == "" {
		t.Errorf("before: %s %s", w.metric(good1), w.metric(goodAt))
	}
	hash := w.metric("dogwatch_config_hash")

	write(strings.Replace(string(good), "quorum: 2", "quorum: two", 1))
	got := w.call(query{method: http.MethodPost, path: "/-/reload", as: "TOKEN_CAROL"})
	if got.status != 422 || !strings.Contains(got.body, "first.yaml:") || !strings.Contains(got.body, "stays in force") {
		t.Errorf("reload: %d %s", got.status, got.body)
	}
	if w.metric(good1) != "0" || w.metric("dogwatch_config_hash") != hash {
		t.Errorf("after a broken file: successful %s, hash %s", w.metric(good1), w.metric("dogwatch_config_hash"))
	}
	if got := w.call(query{method: http.MethodPost, path: "/alerts/prom", as: "PROM_TOKEN", body: oneAlert}); got.status != 200 {
		t.Errorf("the door answers %d %s", got.status, got.body)
	}

	write(strings.Replace(string(good), "title: Look at a service", "title: Look closely", 1))
	hup()
	redistest.Until(t, 10*time.Second, "the good file to count", func() bool { return w.metric(good1) == "1" })
	if got := w.call(query{method: http.MethodGet, path: "/api/v1/actions", as: "TOKEN_BOB"}); !strings.Contains(got.body, "Look closely") {
		t.Errorf("actions: %s", got.body)
	}
	write("people: [")
	hup()
	redistest.Until(t, 10*time.Second, "the broken file to be seen", func() bool { return w.metric(good1) == "0" })
	if got := w.call(query{method: http.MethodGet, path: "/api/v1/actions", as: "TOKEN_BOB"}); !strings.Contains(got.body, "Look closely") {
		t.Errorf("actions: %s", got.body)
	}
	if !strings.Contains(p.log.String(), "the old one stays") {
		t.Errorf("the log does not say so:\n%s", p.log.String())
	}
	w.end(p)
}
