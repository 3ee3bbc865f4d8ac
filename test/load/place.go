package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// setting is what a scenario writes into the configuration. Everything else is as it ships.
type setting struct {
	groupBy  string // default [alertname]
	channels string // default ['web:ops']
	show     string // default [summary]
	steps    string // of the policy; default: whoever is on call, at once
	slack    string // api_url of the fake; "" configures no Slack
	budget   string // default Slack's
	limits   string // keys under limits:
}

const (
	apiToken    = "load-api-token"
	sourceToken = "load-source-token"
)

// write makes the configuration file of a replica.
func (s setting) write(dir, redis string) (string, error) {
	otherwise := func(v, d string) string {
		if v == "" {
			return d
		}
		return v
	}
	slack := ""
	if s.slack != "" {
		slack = fmt.Sprintf("  slack: {team_id: T0LOAD, token: env:LOAD_SLACK, signing_secret: env:LOAD_SLACK, api_url: \"%s\", budget: %s}\n",
			s.slack, otherwise(s.budget, "{per_channel: 1/1s, burst: 20}"))
	}
	limits := ""
	if s.limits != "" {
		limits = "limits: {" + s.limits + "}\n"
	}
	text := fmt.Sprintf(`server:
  listen: 127.0.0.1:0
  external_url: http://127.0.0.1:8080
  data: %s
  tokens:
    - {name: load, person: alice, token: env:LOAD_API, scope: full}
store: {redis: "redis://127.0.0.1:%s/0"}
people:
  alice: {name: Alice, timezone: UTC, language: en, roles: [responder], slack: U0ALICE}
  bob: {name: Bob, timezone: UTC, language: en, roles: [responder], slack: U0BOB}
schedules:
  primary: {timezone: UTC, layers: [{name: all, people: [alice], start: "2026-01-05T09:00:00", shift: 1w}]}
policies:
  ladder: {steps: %s}
sources:
  prom: {type: alertmanager, token: env:LOAD_SOURCE}
routes:
  - {match: 'true', group_by: %s, severity: 'labels.severity == "page" ? "P0" : "P3"', policy: ladder, channels: %s, show: %s}
platforms:
  web: {}
%s%s`, dir, redis, otherwise(s.steps, "[{notify: ['schedule:primary']}]"), otherwise(s.groupBy, "[alertname]"),
		otherwise(s.channels, "['web:ops']"), otherwise(s.show, "[summary]"), slack, limits)
	path := filepath.Join(dir, "dogwatch.yaml")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// place is a Redis and the replicas of dogwatch on it.
type place struct {
	bench    *bench
	setting  setting
	dir      string
	port     string
	redis    *process
	replicas []*replica
}

// replica is one dogwatch.
type replica struct {
	*process
	dir string
	url string
}

// open starts a Redis and one replica.
func open(ctx context.Context, b *bench, s setting) (*place, error) {
	p := &place{bench: b, setting: s}
	var err error
	if p.dir, err = os.MkdirTemp(b.dir, "place-"); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	if err = p.startRedis(ctx); err == nil {
		_, err = p.add(ctx)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *place) startRedis(ctx context.Context) (err error) {
	p.redis, err = start("redis-server", nil, "redis-server", "--port", p.port, "--bind", "127.0.0.1", "--dir", p.dir,
		"--appendonly", "yes", "--appendfsync", "always")
	if err != nil {
		return err
	}
	return until(ctx, time.Minute, "redis answers", func() (bool, error) {
		if err := p.redis.lives(); err != nil {
			return false, err
		}
		said, err := output(ctx, "redis-cli", "-p", p.port, "PING")
		return err == nil && strings.HasPrefix(said, "PONG"), nil
	})
}

// add starts one more replica.
func (p *place) add(ctx context.Context) (*replica, error) {
	r := &replica{dir: filepath.Join(p.dir, "replica-"+strconv.Itoa(len(p.replicas)))}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	if _, err := p.setting.write(r.dir, p.port); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	p.replicas = append(p.replicas, r)
	return r, p.begin(ctx, r)
}

var listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// begin starts a replica's process, again too, and waits until it is ready.
func (p *place) begin(ctx context.Context, r *replica) (err error) {
	env := []string{"LOAD_API=" + apiToken, "LOAD_SOURCE=" + sourceToken, "LOAD_SLACK=xoxb-load"}
	r.process, err = start("dogwatch", env, p.bench.program, "serve", "--config.file="+filepath.Join(r.dir, "dogwatch.yaml"),
		"--log.level=warn", "--web.listen-address=127.0.0.1:0")
	if err != nil {
		return err
	}
	return until(ctx, time.Minute, "dogwatch is ready", func() (bool, error) {
		if err := r.lives(); err != nil {
			return false, err
		}
		r.url = listening.FindString(r.said.String())
		return r.url != "" && answers(ctx, r.url+"/-/ready"), nil
	})
}

// crash ends everything without notice, Redis first, and starts it again.
func (p *place) crash(ctx context.Context) error {
	if err := errors.Join(p.redis.lives(), p.replicas[0].lives()); err != nil {
		return err
	}
	p.redis.end(syscall.SIGKILL)
	for _, r := range p.replicas {
		r.end(syscall.SIGKILL)
	}
	if err := p.startRedis(ctx); err != nil {
		return err
	}
	for _, r := range p.replicas {
		if err := p.begin(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (p *place) close() {
	for _, r := range p.replicas {
		r.end(syscall.SIGKILL)
	}
	p.redis.end(syscall.SIGKILL)
	_ = os.RemoveAll(p.dir) // the whole folder goes at the end anyway
}

// door is where alerts are posted.
func (p *place) door() string { return p.replicas[0].url + "/alerts/prom" }

// usedMemory is what Redis says that its data take, in bytes.
func (p *place) usedMemory(ctx context.Context) (float64, error) {
	said, err := output(ctx, "redis-cli", "-p", p.port, "INFO", "memory")
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(said) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(l), "used_memory:"); ok {
			return strconv.ParseFloat(v, 64)
		}
	}
	return 0, errors.New("read memory of redis: INFO does not say")
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// meter measures what processes use while something runs.
type meter struct {
	servers []*process
	before  []usage
	machine machine
	own     float64
}

func measure(servers ...*process) *meter {
	m := &meter{servers: servers, machine: readMachine(), own: ownCPU()}
	for _, p := range servers {
		m.before = append(m.before, p.usage())
	}
	return m
}

// enter writes what was used for n alerts into a line; the first process is the server, the second, if any, its Redis.
func (m *meter) enter(l *line, n int, took time.Duration) {
	per := 1000 / float64(n)
	now, own, used := readMachine(), ownCPU()-m.own, 0.0
	for i, p := range m.servers {
		u := p.usage()
		cpu := u.cpu - m.before[i].cpu
		used += cpu
		if i == 0 {
			l.ServerCPU, l.RSS, l.Peak = round(cpu*per), u.rss, u.peak
		} else {
			l.RedisCPU = round(l.RedisCPU + cpu*per)
		}
	}
	l.LoaderCPU = round(own * per)
	l.Idle = round((now.idle - m.machine.idle) / took.Seconds())
	l.Others = round(max(0, now.busy-m.machine.busy-used-own) / took.Seconds())
}
