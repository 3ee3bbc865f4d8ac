package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"dogwatch/internal/audit"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
)

var decideScript = state.NewScript("decide", "#!lua\nlocal now = clock()\naudit(now)\nreturn finish(now, {'ok'})\n")

// trail is a Redis with linked decisions, its export, and a configuration that names both.
type trail struct {
	t            *testing.T
	srv          *redistest.Server
	store        *state.Store
	data, config string
}

func newTrail(t *testing.T) *trail {
	t.Helper()
	srv := redistest.Start(t)
	d := &trail{t: t, srv: srv, store: srv.Open(nil), data: t.TempDir()}
	d.config = filepath.Join(t.TempDir(), "dogwatch.yaml")
	d.must(os.WriteFile(d.config, []byte("server: {data: "+d.data+", tokens: [{name: x, person: a, token: 'env:UNSET'}]}\nstore: {redis: 'env:REDIS'}\n"+
		"people: {a: {roles: [approver]}}\npolicies: {p: {steps: [{notify: ['person:a']}]}}\nplatforms: {web: {}}\n"+
		"routes: [{match: 'true', group_by: [alertname], severity: '\"P3\"', policy: p, channels: ['web:ops']}]\n"), 0o600))
	for range 5 {
		_, err := d.store.Do(context.Background(), state.Call{Script: decideScript, Shard: 3, Audit: []byte(`{"by":"a","do":"incident.acknowledge"}`)})
		d.must(err)
	}
	w, err := audit.New(d.store, audit.Config{Dir: d.data})
	d.must(err)
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	d.must(w.Run(stopped)) // links, exports and signs what is there
	return d
}

func (d *trail) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *trail) verify(args ...string) (code int, out, complaints string) {
	var o, e bytes.Buffer
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"REDIS": d.srv.URL(), "LANG": "C"}[name]
		return v, ok
	}
	code = run(&app{out: &o, err: &e, in: strings.NewReader(""), env: env, now: time.Now}, append([]string{"audit", "verify"}, args...))
	return code, o.String(), e.String()
}

func (d *trail) want(code int, words string, args ...string) {
	d.t.Helper()
	got, out, complaints := d.verify(args...)
	if got != code || !strings.Contains(out+complaints, words) {
		d.t.Errorf("verify %v: exit %d, want %d with %q:\n%s%s", args, got, code, words, out, complaints)
	}
}

func TestAuditVerify(t *testing.T) {
	d := newTrail(t)
	export := filepath.Join(d.data, audit.FileName)
	d.want(0, "The audit trail holds.\nRedis: 5 entries in 16 shards, 5 linked, 0 not linked yet.", "--config.file", d.config)
	d.want(0, "审计链完整。", "--lang", "zh", "--config.file", d.config)
	d.want(0, "Redis was not walked", "--file", export)
	d.want(2, "--config.file", "-o", "json")
	d.want(1, "read anchors", "--config.file", d.config, "--anchors", "/nowhere")

	_, out, _ := d.verify("--config.file", d.config, "-o", "json")
	var r struct {
		OK                                  bool
		Entries, Linked, Unlinked, Exported int64
		First                               *audit.Break
	}
	d.must(json.Unmarshal([]byte(out), &r))
	if !r.OK || r.Entries != 5 || r.Linked != 5 || r.Unlinked != 0 || r.Exported != 5 || r.First != nil {
		t.Errorf("json: %s", out)
	}

	// A copy without checkpoints beside it is held against those of the data folder.
	text, err := os.ReadFile(export)
	d.must(err)
	lines := strings.SplitAfter(string(text), "\n")
	short := filepath.Join(t.TempDir(), "copy.jsonl")
	d.must(os.WriteFile(short, []byte(strings.Join(lines[:4], "")), 0o600))
	d.want(1, "First bad entry: shard 3, entry 4, in the file: it and what followed are not there", "--config.file", d.config, "--file", short)

	key := d.store.Key(3, "audit")
	d.must(d.store.Client().XDel(context.Background(), key, "2-0").Err())
	d.want(1, "First bad entry: shard 3, entry 2, in Redis: it is missing", "--config.file", d.config)
	d.want(1, "第一条有问题的记录：分片 3 第 2 条（Redis）：该记录缺失", "--lang", "zh", "--config.file", d.config)
	_, out, _ = d.verify("--config.file", d.config, "-o", "json")
	d.must(json.Unmarshal([]byte(out), &r))
	if r.OK || r.First == nil || *r.First != (audit.Break{Place: audit.InRedis, Kind: audit.Missing, Shard: 3, Number: 2}) {
		t.Errorf("json: %s", out)
	}
	d.srv.Kill()
	d.want(1, "the exported file can be walked without Redis", "--config.file", d.config)
	d.want(0, "holds", "--file", export)
}

// Entries that the writer has not come to are counted and are no break.
func TestAuditVerifyCountsWhatIsNotLinked(t *testing.T) {
	d := newTrail(t)
	_, err := d.store.Do(context.Background(), state.Call{Script: decideScript, Shard: 4, Audit: []byte(`{}`)})
	d.must(err)
	d.want(0, "6 entries in 16 shards, 5 linked, 1 not linked yet", "--config.file", d.config)
	d.must(d.store.Client().XAdd(context.Background(), &redis.XAddArgs{Stream: d.store.Key(4, "audit"), ID: "9-0", Values: []string{"x", "y"}}).Err())
	d.want(1, "shard 4, entry 2, in Redis", "--config.file", d.config)
}

func TestEveryBreakHasASentence(t *testing.T) {
	for _, lang := range text.Languages {
		a := &app{lang: lang}
		for _, kind := range audit.Kinds {
			for _, b := range []audit.Break{
				{Place: audit.InRedis, Kind: kind, Shard: 3, Number: 7}, {Place: audit.InFile, Kind: kind, Shard: 3, Number: 7, Line: 9},
				{Place: audit.InFile, Kind: kind, Shard: -1, Line: 9}, {Place: audit.InCheckpoints, Kind: kind, Shard: -1, Number: 7},
				{Place: audit.InAnchors, Kind: kind, Shard: -1},
			} {
				if s := a.sayBreak(b); strings.ContainsAny(s, "«{") || s == "" {
					t.Errorf("%s: %+v reads %q", lang, b, s)
				}
			}
		}
	}
}
