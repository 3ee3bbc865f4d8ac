package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dogwatch"
	"dogwatch/bot/slack"
	"dogwatch/bot/wecom"
	"dogwatch/incidents"
	"dogwatch/internal/text"
)

func example(t testing.TB) *Config {
	t.Helper()
	c, faults := parseConfig("config.example.yaml", dogwatch.Example)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return c
}

// The sample configuration is good, names every key there is, and means what its comments say.
func TestExample(t *testing.T) {
	c := example(t)
	if got, want := len(c.People), 4; got != want {
		t.Errorf("%d people, want %d", got, want)
	}
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	if got := c.compiled["web-secondary"].On(at); !cmp.Equal(got, []string{"bob", "carol"}) {
		t.Errorf("on call in web-secondary: %v", got)
	}
	d := c.router.Route("prom", &incidents.Report{Labels: map[string]string{"team": "web", "severity": "page"}}, at)
	if d.Severity != "P0" || d.Policy != "web-loud" || d.Name != "web" {
		t.Errorf("a page for web goes to %+v", d)
	}
	if got := c.ladders["web"]; got.Repeat != 2 || got.RepeatAfter != 20*time.Minute || len(got.Steps) != 3 || got.Steps[1].If == nil {
		t.Errorf("the ladder of web: %+v", got)
	}
	var run commandRun
	if err := c.Actions["restart"].Run.Decode(&run); err != nil {
		t.Fatal(err)
	}
	want := commandRun{Argv: []string{"systemctl", "restart", "{{ .params.unit }}"}, Timeout: text.Duration(time.Minute)}
	if diff := cmp.Diff(want, run); diff != "" {
		t.Errorf("restart runs (-want +got):\n%s", diff)
	}
	if a := c.Actions["clean-disk"].Approval; a.None || a.Quorum != 1 || !a.FourEyes || a.Expires.Std() != 30*time.Minute {
		t.Errorf("approval of clean-disk: %+v", a)
	}
	if c.Limits != func() limitsConfig { var l limitsConfig; l.setDefaults(); return l }() {
		t.Errorf("the limits of the sample are not the defaults: %+v", c.Limits)
	}
}

// A file that leaves out whatever can be left out has the documented defaults.
func TestDefaults(t *testing.T) {
	c, faults := parseConfig("f.yaml", []byte(`
people: {a: {name: A, roles: [approver]}}
policies: {p: {steps: [{notify: ['person:a']}]}}
routes: [{match: 'true', severity: '"P3"', policy: p}]
platforms: {web: {}}
actions: {x: {title: X, runner: command, run: {argv: ["true"]}, approval: {approvers: ['person:a']}}}
`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if c.Server.Listen != "127.0.0.1:8080" || c.Server.Data != "/var/lib/dogwatch" || !c.Store.Redis.Embedded() ||
		c.Store.Require != "durable" || c.Store.Prefix != "dogwatch" || c.Store.Replicas() != -1 || c.Limits.Body != 8<<20 {
		t.Errorf("server %+v, store %+v, limits %+v", c.Server, c.Store, c.Limits)
	}
	a := c.Actions["x"].Approval
	if !a.Written || a.None || a.Quorum != 1 || !a.FourEyes || a.Expires.Std() != 10*time.Minute {
		t.Errorf("approval %+v", a)
	}
}

// Without approval there is a fault; none has to be written out.
func TestApprovalMustBeWritten(t *testing.T) {
	const head = "people: {a: {roles: [approver]}}\npolicies: {p: {steps: [{notify: ['person:a']}]}}\nroutes: [{match: 'true', severity: '\"P3\"', policy: p}]\nplatforms: {web: {}}\n" +
		"actions: {x: {title: X, runner: command, run: {argv: [ls]}"
	for tail, want := range map[string]string{
		"}}":                   "does not say who approves",
		", approval: }}":       "does not say who approves",
		", approval: none}}":   "",
		", approval: {}}}":     "nobody can approve",
		", approval: nobody}}": "the word none",
		", approval: [none]}}": "the word none",
		", approval: {quorum: 2, approvers: ['person:a']}}}": "needs 2 who approve, but 1",
	} {
		c, faults := parseConfig("f.yaml", []byte(head+tail))
		if want == "" {
			if len(faults) > 0 || !c.Actions["x"].Approval.None {
				t.Errorf("%s: %v", tail, faults)
			}
			continue
		}
		if len(faults) != 1 || !strings.Contains(faults[0].Message, want) {
			t.Errorf("%s: %v; want %q", tail, faults, want)
		}
	}
}

func TestResolve(t *testing.T) {
	const body = `
server: {tokens: [{name: cli, person: a, token: env:CLI, scope: full}, {name: two, person: a, token: file:two.txt}]}
store: {redis: env:REDIS}
people: {a: {slack: U0A}}
policies: {p: {steps: [{notify: ['person:a']}]}}
sources: {prom: {type: alertmanager, token: env:PROM}}
routes: [{match: 'true', severity: '"P3"', policy: p}]
platforms: {web: {}, slack: {team_id: T0, token: env:SLACK, signing_secret: env:SIGN}}
`
	c, faults := parseConfig("f.yaml", []byte(body))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	env := map[string]string{"CLI": "canary-cli\n", "REDIS": "redis://:canary-pw@h:6379/0", "PROM": "  ", "SLACK": "canary-slack"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	read := func(name string) ([]byte, error) {
		if name == "two.txt" {
			return []byte("canary-two\n"), nil
		}
		return nil, os.ErrNotExist
	}
	faults = c.Resolve(lookup, read)
	if got, want := faults.Error(), "f.yaml:6:45: sources.prom.token: the environment variable PROM is empty"; got != want || !faults.onlyUnset() {
		t.Errorf("faults %q, want %q", got, want)
	}
	if c.Server.Tokens[0].Token.Reveal() != "canary-cli" || c.Server.Tokens[1].Token.Reveal() != "canary-two" || c.Store.Redis.URL() != env["REDIS"] {
		t.Error("the secrets that are there were not resolved")
	}
	var s slack.Config
	section := c.Platforms["slack"]
	err := section.Decode(&s)
	var unset Faults
	if !errors.As(err, &unset) || !unset.onlyUnset() || unset[0].Line != 8 ||
		!strings.Contains(err.Error(), "platforms.slack.signing_secret: the environment variable SIGN is not set") {
		t.Errorf("an unset secret of a section: %v", err)
	}
	if s.Token.Reveal() != "canary-slack" || s.TeamID != "T0" {
		t.Errorf("the section is %+v", s)
	}
	if out := fmt.Sprintf("%+v %#v %v %s", c.Server, c.Store, s, c.Store.Redis); strings.Contains(out, "canary") {
		t.Errorf("a secret shows: %s", out)
	}
}

// Before Resolve nothing is looked up, and a section's secrets are references.
func TestSectionBeforeResolve(t *testing.T) {
	c := example(t)
	var w wecom.Config
	s := c.Platforms["wecom"]
	if err := s.Decode(&w); err != nil {
		t.Fatal(err)
	}
	if w.AgentID != 1000002 || w.Secret.Ref() != "env:WECOM_SECRET" || w.Secret.Reveal() != "" || w.Robots["ops"].Key.Ref() != "env:WECOM_ROBOT_OPS" {
		t.Errorf("the section is %+v from %q", w, w.Secret.Ref())
	}
	var strict struct {
		CorpID string `yaml:"corp_id"`
	}
	err := s.Decode(&strict)
	if err == nil || !strings.Contains(err.Error(), `unknown key "robots" in platforms.wecom`) {
		t.Errorf("a section is not strict: %v", err)
	}
	var none struct{}
	empty := section{}
	if err := empty.Decode(&none); err != nil {
		t.Errorf("a section that is not there: %v", err)
	}
}

// The five codes of contract section 2, by what run returns.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	good, bad := dir+"/good.yaml", dir+"/bad.yaml"
	if err := errors.Join(os.WriteFile(good, dogwatch.Example, 0o600), os.WriteFile(bad, []byte("x: 1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	window := []string{"--from", "2026-03-01T00:00:00Z", "--to", "2026-03-02T00:00:00Z"}
	for _, c := range []struct {
		want int
		args []string
	}{
		{0, nil}, {0, []string{"--help"}}, {0, []string{"check", good}}, {1, []string{"check", bad}}, {1, []string{"check", good, bad}},
		{1, []string{"check", dir + "/none"}}, {2, []string{"check"}}, {2, []string{"chek", good}}, {2, []string{"check", "--x", good}},
		{2, []string{"check", "-o", "xml", good}}, {0, []string{"schema"}}, {2, []string{"schema", "x"}},
		{0, []string{"oncall", "--config.file", good, "web-primary"}}, {2, []string{"oncall"}},
		{1, []string{"oncall", "--config.file", good, "--at", "2026-03-01T00:00:00Z", "data-hours"}},
		{1, []string{"oncall", "--config.file", bad}}, {1, []string{"oncall", "--config.file", good, "nosuch"}},
		{0, append([]string{"shifts", "--config.file", good, "web-primary"}, window...)},
		{2, []string{"shifts", "--config.file", good, "web-primary"}}, {2, append([]string{"shifts", "--config.file", good}, window...)},
		{0, append([]string{"gaps", "--config.file", good, "web-primary"}, window...)},
		{1, append([]string{"gaps", "--config.file", good}, window...)},
		{2, []string{"route", "--config.file", good, "x.json"}}, {1, []string{"route", "--config.file", good, "--source", "prom", dir + "/none"}},
		{1, []string{"oncall", "--url", "http://127.0.0.1:1", "--token", "x", "web"}}, {2, []string{"oncall", "--url", "http://127.0.0.1:1"}},
		{2, []string{"completion", "nosuch"}}, {2, []string{"sample", "one"}}, {2, []string{"--lang"}},
	} {
		var out, problems bytes.Buffer
		a := &app{out: &out, err: &problems, in: strings.NewReader(""), env: func(string) (string, bool) { return "", false }, now: time.Now}
		if got := run(a, c.args); got != c.want {
			t.Errorf("dogwatch %s: exit %d, want %d\n%s%s", strings.Join(c.args, " "), got, c.want, out.String(), problems.String())
		}
	}
}

func TestSampleStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := newSampleCommand(&app{out: io.Discard})
	c.SetArgs([]string{"restart", "x", "--pace", "1h"})
	c.SilenceErrors, c.SilenceUsage = true, true
	if err := c.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("interrupted, it says %v", err)
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"listen", "external_url", "data", "tokens", "web-primary"}
	for written, want := range map[string]string{
		"lisen": "listen", "listne": "listen", "external-url": "external_url", "web-primry": "web-primary", "LISTEN": "listen",
		"zzz": "", "": "", "x": "", "token": "tokens",
	} {
		got := didYouMean(written, known)
		if want != "" {
			want = fmt.Sprintf("did you mean %q?", want)
		}
		if got != want {
			t.Errorf("didYouMean(%q) = %q, want %q", written, got, want)
		}
	}
	if got := distance("kitten", "sitting"); got != 3 {
		t.Errorf("distance(kitten, sitting) = %d", got)
	}
	if got := distance("ab", "ba"); got != 1 {
		t.Errorf("distance(ab, ba) = %d", got)
	}
}

func TestAnchored(t *testing.T) {
	for pattern, good := range map[string]bool{
		`^a$`: true, `^(a|b)$`: true, `^a$|^b$`: true, `(^a$)`: true, `^[a-z0-9-]+\.service$`: true, `\Aa\z`: true, `^$`: true,
		`a`: false, `^a`: false, `a$`: false, `^a|b$`: false, `^a$|b`: false, `(?m)^a$`: false, `^a$x`: false, `^*`: false, `^(a$`: false, ``: false,
		`^` + strings.Repeat("a", 2000) + `$`: false,
	} {
		if err := anchored(pattern); (err == nil) != good {
			t.Errorf("anchored(%.20q) = %v", pattern, err)
		}
	}
}

func TestShellTemplate(t *testing.T) {
	for _, c := range []struct {
		argv string
		want int
	}{
		{"sh -c x{{y}}", 2}, {"/bin/bash -ec {{y}}", 2}, {"env A=1 sh -c {{y}}", 4}, {"sh -c fixed -- {{y}}", 0}, {"systemctl -c {{y}}", 0},
		{"sh script {{y}}", 0}, {"sh", 0}, {"busybox sh -c {{y}}", 3},
	} {
		if got := shellTemplate(strings.Fields(c.argv)); got != c.want {
			t.Errorf("shellTemplate(%s) = %d, want %d", c.argv, got, c.want)
		}
	}
}

// Whatever happens to a file, parsing it ends without a panic, and every fault has a place in it.
func TestMutatedConfigurations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	lines := bytes.SplitAfter(dogwatch.Example, []byte("\n"))
	for range 150 {
		mutant := bytes.Clone(dogwatch.Example)
		for range 1 + random.IntN(3) {
			switch at := random.IntN(len(mutant)); random.IntN(5) {
			case 0: // half written
				mutant = mutant[:at+1]
			case 1:
				mutant[at] = byte(random.IntN(256))
			case 2:
				mutant = append(mutant[:at:at], mutant[min(len(mutant), at+1+random.IntN(30)):]...)
			case 3:
				mutant = append(append(mutant[:at:at], lines[random.IntN(len(lines))]...), mutant[at:]...)
			case 4:
				mutant = append(append(mutant[:at:at], []string{"[", "{", "*a", "&a ", ": ", "- ", "null", "'", "\t"}[random.IntN(9)]...), mutant[at:]...)
			}
			if len(mutant) == 0 {
				mutant = []byte("\n")
			}
		}
		checkFaults(t, mutant)
	}
}

func checkFaults(t *testing.T, body []byte) {
	t.Helper()
	c, faults := parseConfig("f.yaml", body)
	if (c == nil) == (len(faults) == 0) {
		t.Fatalf("configuration %v with faults %v of\n%s", c != nil, faults, body)
	}
	for _, f := range faults {
		if f.Line < 1 || f.Column < 1 || f.Message == "" || f.File != "f.yaml" {
			t.Fatalf("a fault without a place: %+v of\n%s", f, body)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(dogwatch.Example)
	for _, s := range []string{"a: &a [*a]", "people: {a: null}", "actions: {x: null, y: {}}", "sources: {x: null}", "routes: [null]", "platforms: {web: null}", "server: *x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkFaults(t, body) })
}

// Nulls and wrong kinds in every place are faults or nothing, never a panic.
func TestEveryValueReplaced(t *testing.T) {
	doc, faults := parseDocument("f.yaml", dogwatch.Example)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	lines := strings.Split(string(dogwatch.Example), "\n")
	values := []string{"null", "{}", "[]", "[[x]]", "{x: y}", "-1", "''", "\"\\0\""}
	for i, path := range keys(doc.scalars) {
		n := doc.scalars[path]
		for _, with := range []string{values[i%len(values)], values[(i/len(values)+3)%len(values)]} {
			line := lines[n.Line-1]
			at := n.Column - 1
			if at > len(line) {
				continue // columns count characters, and this line has wide ones before
			}
			rest := line[at:]
			end := strings.IndexAny(rest, ",}]")
			if end < 0 {
				end = len(rest)
			}
			changed := append([]string{}, lines...)
			changed[n.Line-1] = line[:at] + with + rest[end:]
			checkFaults(t, []byte(strings.Join(changed, "\n")))
		}
	}
}
