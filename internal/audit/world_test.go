package audit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

// decideScript enters one decision as the scripts of the domains do: with a sum, or one that it makes itself (ARGV[5]).
var decideScript = state.NewScript("decide", `#!lua
local now = clock()
if ARGV[5] == 'system' then enter(now, '{"do":"incident.opened","by":"system"}', '') else audit(now) end
return finish(now, {'ok'})
`)

// world is a Redis with decisions in it, and a folder of a writer.
type world struct {
	t     *testing.T
	store *state.Store
	rdb   redis.UniversalClient
	dir   string
	mu    sync.Mutex
	told  []Break
	gave  []string
}

func newWorld(t *testing.T, s *state.Store) *world {
	return &world{t: t, store: s, rdb: s.Client(), dir: filepath.Join(t.TempDir(), "data")}
}

var ctx = context.Background()

func (w *world) decide(shard, count int) {
	w.t.Helper()
	calls := make([]state.Call, count)
	for i := range calls {
		maker := ""
		if i%5 == 4 {
			maker = "system"
		}
		calls[i] = state.Call{Script: decideScript, Shard: shard, Args: []any{maker},
			Audit: fmt.Appendf(nil, `{"by":"alice","data":{"i":%d},"do":"incident.acknowledge","incident":"x%d","via":"web"}`, i, shard)}
	}
	for i, r := range w.store.DoAll(ctx, calls) {
		if _, err := r.Fields(); err != nil {
			w.t.Fatalf("decision %d: %v", i, err)
		}
	}
}

// The shards used, and how many decisions each gets: more than a batch in one of them would only make tests slow.
var used = map[int]int{0: 6, 3: 9, 15: 4}

func (w *world) decideAll() {
	w.t.Helper()
	for shard, n := range used {
		w.decide(shard, n)
	}
}

func (w *world) open(dir string) *Writer {
	w.t.Helper()
	x, err := New(w.store, Config{Dir: dir, Every: 5 * time.Millisecond, Alarm: w.tell, Anchor: func(s string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.gave = append(w.gave, s)
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func (w *world) tell(b Break) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, b)
}

func (w *world) alarms() []Break {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Break(nil), w.told...)
}

// once links, exports and signs what is there: a writer that is told to stop at once does that.
func (w *world) once() *Writer {
	w.t.Helper()
	x := w.open(w.dir)
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := x.Run(stopped); err != nil {
		w.t.Fatal(err)
	}
	return x
}

func (w *world) verify(c Check) Report {
	w.t.Helper()
	r, err := Verify(ctx, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) both() Check  { return Check{Store: w.store, File: w.file()} }
func (w *world) alone() Check { return Check{File: w.file()} }
func (w *world) file() string { return filepath.Join(w.dir, FileName) }

func (w *world) read(name string) []byte {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func (w *world) write(name string, text []byte) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// change rewrites the export's lines.
func (w *world) change(f func(lines []string) []string) {
	w.t.Helper()
	lines := strings.SplitAfter(string(w.read(FileName)), "\n")
	w.write(FileName, []byte(strings.Join(f(lines[:len(lines)-1]), "")))
}

// lineOf is where an entry stands among the lines.
func lineOf(lines []string, shard, n int) int {
	for i, l := range lines {
		if strings.HasPrefix(l, fmt.Sprintf(`{"shard":%d,"n":%d,`, shard, n)) {
			return i
		}
	}
	return -1
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// stream rewrites a stream of a shard: nobody can change an entry of a stream in place, but who can write can do this.
func (w *world) stream(shard int, name string, f func([]redis.XMessage) []redis.XMessage) {
	w.t.Helper()
	key := w.store.Key(shard, name)
	all, err := w.rdb.XRange(ctx, key, "-", "+").Result()
	w.must(err)
	w.must(w.rdb.Del(ctx, key).Err())
	for _, m := range f(all) {
		var values []string
		for _, k := range []string{"at", "e", "h", "l", "more"} {
			if v, ok := m.Values[k].(string); ok {
				values = append(values, k, v)
			}
		}
		w.must(w.rdb.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: m.ID, Values: values}).Err())
	}
}

// relink computes a shard's links anew over what is in Redis, as who rewrites everything would.
func (w *world) relink(shard int) []position {
	w.t.Helper()
	got, err := (shelf{w.store}).entries(ctx, map[int]int64{shard: 1})
	w.must(err)
	var chain []position
	at := genesis(w.store.House(), shard)
	key := w.store.Key(shard, "links")
	w.must(w.rdb.Del(ctx, key).Err())
	for _, e := range got[shard] {
		at = at.next(e)
		chain = append(chain, position{e.n, at})
		w.must(w.rdb.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: strconv.FormatInt(e.n, 10) + "-0", Values: []string{"l", at.String()}}).Err())
	}
	return chain
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	redistest.Until(w.t, 15*time.Second, what, ok)
}

// sameEntries says whether two exports hold the same lines, in whatever order of the shards.
func sameEntries(a, b []byte) bool {
	sorted := func(t []byte) []string {
		lines := strings.SplitAfter(string(t), "\n")
		out := make([]string, 0, len(lines))
		for shard := range maxShards {
			for _, l := range lines {
				if strings.HasPrefix(l, fmt.Sprintf(`{"shard":%d,`, shard)) {
					out = append(out, l)
				}
			}
		}
		return out
	}
	x, y := sorted(a), sorted(b)
	return len(a) == len(b) && bytes.Equal([]byte(strings.Join(x, "")), []byte(strings.Join(y, "")))
}
