package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

func TestChainHolds(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *state.Store) {
		w := newWorld(t, s)
		if r := w.verify(w.both()); !r.OK || r.Entries != 0 {
			t.Fatalf("an empty trail: %+v", r)
		}
		w.decideAll()
		if r := w.verify(w.both()); !r.OK || r.Entries != 19 || r.Linked != 0 || r.Unlinked != 19 || r.File != "" {
			t.Fatalf("before the writer: %+v", r)
		}
		x := w.once()
		r := w.verify(w.both())
		if !r.OK || r.Entries != 19 || r.Linked != 19 || r.Unlinked != 0 || r.Exported != 19 || r.Unexported != 0 ||
			r.Checkpoints != 1 || r.Covered != 19 || r.Key != x.PublicKey() || r.LastCheckpoint == nil || len(r.Broken) != 0 || r.First() != nil {
			t.Fatalf("after the writer: %+v", r)
		}
		if got := x.Stats(); got != (Stats{Linked: 19, Exported: 19, Unlinked: 0, Checkpoints: 1}) {
			t.Errorf("stats are %+v", got)
		}
		w.decide(3, 2)
		if r := w.verify(w.both()); !r.OK || r.Entries != 21 || r.Unlinked != 2 || r.Exported != 19 {
			t.Fatalf("with two more decisions: %+v", r)
		}
		if r := w.verify(w.alone()); !r.OK || r.Entries != 0 || r.Exported != 19 || r.Checkpoints != 1 {
			t.Fatalf("the file alone: %+v", r)
		}
		for name, mode := range map[string]os.FileMode{"": 0o700, FileName: 0o600, checkpointName: 0o600, keyName: 0o600} {
			if info, err := os.Stat(filepath.Join(w.dir, name)); err != nil || info.Mode().Perm() != mode {
				t.Errorf("mode of %q is %v, %v", name, info.Mode(), err)
			}
		}
		if len(w.alarms()) != 0 {
			t.Errorf("alarms: %v", w.alarms())
		}
	})
}

// tampering is one thing that somebody does to a good trail, and the break that must be told first.
type tampering struct {
	name string
	do   func(w *world)
	want Break
}

func replace(m *redis.XMessage, field, old, put string) {
	m.Values[field] = strings.Replace(m.Values[field].(string), old, put, 1)
}

func edit(shard int, stream string, f func([]redis.XMessage) []redis.XMessage) func(*world) {
	return func(w *world) { w.stream(shard, stream, f) }
}

var inRedis = []tampering{
	{"a byte of an entry", edit(3, "audit", func(m []redis.XMessage) []redis.XMessage { replace(&m[3], "e", "alice", "alicf"); return m }),
		Break{InRedis, Altered, 3, 4, 0}},
	{"a byte of a sum", edit(3, "audit", func(m []redis.XMessage) []redis.XMessage { m[3].Values["h"] = strings.Repeat("0", 64); return m }),
		Break{InRedis, Altered, 3, 4, 0}},
	{"an entry with its sum taken away", edit(3, "audit", func(m []redis.XMessage) []redis.XMessage {
		replace(&m[3], "e", "alice", "mallo")
		m[3].Values["h"] = ""
		return m
	}), Break{InRedis, Unfit, 3, 4, 0}},
	{"the time of an entry", edit(3, "audit", func(m []redis.XMessage) []redis.XMessage { m[3].Values["at"] = "1"; return m }),
		Break{InRedis, Unfit, 3, 4, 0}},
	{"two swapped", edit(3, "audit", func(m []redis.XMessage) []redis.XMessage {
		m[5].Values, m[6].Values = m[6].Values, m[5].Values
		return m
	}), Break{InRedis, Unfit, 3, 6, 0}},
	{"one deleted", func(w *world) { w.must(w.rdb.XDel(ctx, w.store.Key(3, "audit"), "5-0").Err()) }, Break{InRedis, Missing, 3, 5, 0}},
	{"the first deleted", func(w *world) { w.must(w.rdb.XDel(ctx, w.store.Key(3, "audit"), "1-0").Err()) }, Break{InRedis, Missing, 3, 1, 0}},
	{"one put in", edit(3, "audit", func(m []redis.XMessage) []redis.XMessage {
		extra := redis.XMessage{ID: "5-1", Values: m[4].Values}
		return slices.Insert(m, 5, extra)
	}), Break{InRedis, Foreign, 3, 6, 0}},
	{"a field put in", edit(3, "audit", func(m []redis.XMessage) []redis.XMessage { m[1].Values["more"] = "x"; return m }), Break{InRedis, Foreign, 3, 2, 0}},
	{"the tail cut", func(w *world) { w.must(w.rdb.XDel(ctx, w.store.Key(3, "audit"), "8-0", "9-0").Err()) }, Break{InRedis, Cut, 3, 8, 0}},
	{"the tail cut, counter too", func(w *world) {
		w.must(w.rdb.XDel(ctx, w.store.Key(3, "audit"), "9-0").Err())
		w.must(w.rdb.HSet(ctx, w.store.Key(3, "meta"), "audit", 8).Err())
	}, Break{InRedis, Cut, 3, 9, 0}},
	{"the tail cut, counter and links too", func(w *world) {
		w.must(w.rdb.XDel(ctx, w.store.Key(3, "audit"), "9-0").Err())
		w.must(w.rdb.XDel(ctx, w.store.Key(3, "links"), "9-0").Err())
		w.must(w.rdb.HSet(ctx, w.store.Key(3, "meta"), "audit", 8).Err())
	}, Break{InRedis, Cut, 3, 9, 0}},
	{"all of a shard deleted", func(w *world) {
		w.must(w.rdb.Del(ctx, w.store.Key(3, "audit"), w.store.Key(3, "links"), w.store.Key(3, "meta")).Err())
	}, Break{InRedis, Cut, 3, 1, 0}},
	{"the counter set back", func(w *world) { w.must(w.rdb.HSet(ctx, w.store.Key(3, "meta"), "audit", 7).Err()) }, Break{InRedis, Counter, 3, 8, 0}},
	{"a link changed", edit(3, "links", func(m []redis.XMessage) []redis.XMessage { m[3].Values["l"] = m[2].Values["l"]; return m }),
		Break{InRedis, Relinked, 3, 4, 0}},
	{"a link deleted", func(w *world) { w.must(w.rdb.XDel(ctx, w.store.Key(3, "links"), "4-0").Err()) }, Break{InRedis, Relinked, 3, 4, 0}},
	{"the links' tail cut", func(w *world) { w.must(w.rdb.XDel(ctx, w.store.Key(3, "links"), "9-0").Err()) }, Break{InRedis, Relinked, 3, 9, 0}},
	{"a shard rewritten, links and all", func(w *world) {
		w.stream(3, "audit", func(m []redis.XMessage) []redis.XMessage {
			replace(&m[1], "e", "alice", "mallo")
			m[1].Values["h"] = ""
			return m
		})
		w.relink(3)
	}, Break{InRedis, Differs, 3, 2, 0}},
}

var inFile = []tampering{
	{"a line deleted", func(w *world) {
		w.change(func(l []string) []string { return slices.Delete(l, lineOf(l, 3, 5), lineOf(l, 3, 5)+1) })
	}, Break{InFile, Missing, 3, 5, 0}},
	{"two lines swapped", func(w *world) {
		w.change(func(l []string) []string {
			i, j := lineOf(l, 3, 5), lineOf(l, 3, 6)
			l[i], l[j] = l[j], l[i]
			return l
		})
	}, Break{InFile, Missing, 3, 5, 0}},
	{"lines of two shards swapped", func(w *world) {
		w.change(func(l []string) []string {
			i, j := lineOf(l, 3, 9), lineOf(l, 15, 1)
			if k := lineOf(l, 15, 4); k < lineOf(l, 3, 1) {
				i, j = k, lineOf(l, 3, 1)
			}
			l[i], l[j] = l[j], l[i]
			return l
		})
	}, Break{InFile, Rewritten, -1, 0, 0}},
	{"a line doubled", func(w *world) {
		w.change(func(l []string) []string { return slices.Insert(l, lineOf(l, 3, 5), l[lineOf(l, 3, 5)]) })
	}, Break{InFile, Foreign, 3, 5, 0}},
	{"a line moved to another shard", func(w *world) {
		w.change(func(l []string) []string {
			i := lineOf(l, 15, 4)
			return append(l, strings.Replace(l[i], `{"shard":15,"n":4,`, `{"shard":7,"n":1,`, 1))
		})
	}, Break{InFile, Unfit, 7, 1, 0}},
	{"the tail cut", func(w *world) {
		w.change(func(l []string) []string { return slices.Delete(l, lineOf(l, 3, 8), lineOf(l, 3, 9)+1) })
	}, Break{InFile, Cut, 3, 8, 0}},
	{"the file emptied", func(w *world) { w.write(FileName, nil) }, Break{InFile, Cut, 0, 1, 0}},
	{"the checkpoint deleted, another's key in its place", func(w *world) {
		other := newWorld(w.t, redistest.Mini(w.t, nil))
		other.once()
		w.write(publicName, other.read(publicName))
	}, Break{InCheckpoints, Unsigned, -1, 1, 0}},
	{"the public key deleted", func(w *world) { w.must(os.Remove(filepath.Join(w.dir, publicName))) }, Break{InCheckpoints, Keyless, -1, 0, 0}},
	{"the file rewritten as a whole, without the key", func(w *world) { w.rewriteFile(3) }, Break{InFile, Rewritten, 3, 9, 0}},
}

// rewriteFile changes an early entry and makes every later line of the shard fit.
func (w *world) rewriteFile(shard int) {
	w.change(func(lines []string) []string {
		at := genesis(w.store.House(), shard)
		for i, text := range lines[1:] {
			l, err := parseLine([]byte(text))
			w.must(err)
			if l.Shard != shard {
				continue
			}
			e := l.entry()
			if e.n == 2 {
				e.body = bytes.Replace(e.body, []byte("alice"), []byte("mallo"), 1)
			}
			at = at.next(e)
			lines[i+1] = string(appendLine(nil, shard, e, at))
		}
		return lines
	})
}

func TestTamperingIsFoundAndNamed(t *testing.T) {
	for _, c := range inRedis {
		t.Run("redis/"+c.name, func(t *testing.T) {
			redistest.Each(t, nil, func(t *testing.T, s *state.Store) { c.check(newWorld(t, s), false) })
		})
	}
	for _, c := range inFile {
		t.Run("file/"+c.name, func(t *testing.T) { c.check(newWorld(t, redistest.Mini(t, nil)), true) })
	}
}

func (c tampering) check(w *world, alone bool) {
	w.t.Helper()
	w.decideAll()
	w.once()
	c.do(w)
	checks := []Check{w.both()}
	if alone {
		checks = append(checks, w.alone())
	}
	for _, look := range checks {
		r := w.verify(look)
		if r.OK || r.First() == nil {
			w.t.Fatalf("not found: %+v", r)
		}
		got := *r.First()
		got.Line = 0
		if got != c.want {
			w.t.Errorf("found %+v, want %+v (all: %v)", got, c.want, r.Broken)
		}
	}
}

// Whatever byte of the export is changed, it is found, and the entry is named unless the byte is in the line's numbers.
func TestEveryByteOfTheFileCounts(t *testing.T) {
	w := newWorld(t, redistest.Mini(t, nil))
	w.decide(3, 2)
	w.decide(12, 1)
	w.once()
	good := w.read(FileName)
	lines := bytes.SplitAfter(good, []byte("\n"))
	at := 0
	for i, text := range lines {
		l, _ := parseLine(text)
		for k := range text {
			bad := bytes.Clone(good)
			bad[at+k] ^= 1
			w.write(FileName, bad)
			r := w.verify(w.alone())
			if r.OK {
				t.Fatalf("line %d, byte %d: the change of %q was not found", i+1, k, text[k])
			}
			named := r.First().Shard == l.Shard && r.First().Number == l.N
			if numbers := len(fmt.Sprintf(`{"shard":%d,"n":%d,`, l.Shard, l.N)); i > 0 && k >= numbers && k < len(text)-1 && !named {
				t.Fatalf("line %d, byte %d: told as %v, it is shard %d entry %d", i+1, k, *r.First(), l.Shard, l.N)
			}
		}
		at += len(text)
	}
}

func TestEveryByteOfTheCheckpointsCounts(t *testing.T) {
	w := newWorld(t, redistest.Mini(t, nil))
	for range 3 {
		w.decide(3, 1)
		w.once()
	}
	good := w.read(checkpointName)
	for k := range good {
		bad := bytes.Clone(good)
		bad[k] ^= 1
		w.write(checkpointName, bad)
		if r := w.verify(w.alone()); r.OK || r.First().Place != InCheckpoints || r.First().Number != int64(bytes.Count(good[:k], []byte("\n"))+1) {
			t.Fatalf("byte %d of %d (%q): %+v", k, len(good), good[k], r)
		}
	}
	lines := bytes.SplitAfter(good, []byte("\n"))
	w.write(checkpointName, bytes.Join([][]byte{lines[0], lines[2]}, nil))
	if r := w.verify(w.alone()); r.OK || *r.First() != (Break{InCheckpoints, Unsigned, -1, 2, 0}) {
		t.Fatalf("a checkpoint deleted: %+v", r)
	}
}

// Who has the key too can rewrite everything but what lies elsewhere.
func TestAnchorsFindARewriteWithTheKey(t *testing.T) {
	w := newWorld(t, redistest.Mini(t, nil))
	w.decideAll()
	w.once()
	if len(w.gave) != 1 {
		t.Fatalf("anchors are %v", w.gave)
	}
	look := w.both()
	look.Anchors = []byte("noted on another machine: " + w.gave[0] + "\n")
	if r := w.verify(look); !r.OK || r.Anchors != 1 {
		t.Fatalf("a kept anchor: %+v", r)
	}
	w.stream(3, "audit", func(m []redis.XMessage) []redis.XMessage {
		replace(&m[1], "e", "alice", "mallo")
		m[1].Values["h"] = ""
		return m
	})
	w.relink(3)
	w.must(os.Remove(w.file()))
	w.must(os.Remove(filepath.Join(w.dir, checkpointName)))
	w.once() // the key is there, so everything is signed anew
	if r := w.verify(w.both()); !r.OK {
		t.Fatalf("the rewrite is not complete, so this shows nothing: %+v", r)
	}
	if r := w.verify(look); r.OK || *r.First() != (Break{InAnchors, Unanchored, -1, 1, 0}) {
		t.Fatalf("a rewrite with the key, against the anchor: %+v", r)
	}
	for _, name := range []string{FileName, checkpointName, keyName} {
		w.must(os.Remove(filepath.Join(w.dir, name)))
	}
	w.once()
	if r := w.verify(look); r.OK || *r.First() != (Break{InAnchors, Unanchored, -1, 0, 0}) {
		t.Fatalf("a rewrite with another key, against the anchor: %+v", r)
	}
	look.Anchors = []byte("nothing here")
	if _, err := Verify(ctx, look); err == nil {
		t.Error("a text without anchors passes for anchors")
	}
}

func TestFileOfAnotherRedis(t *testing.T) {
	w, other := newWorld(t, redistest.Mini(t, nil)), newWorld(t, redistest.Mini(t, nil))
	w.decideAll()
	w.once()
	other.decideAll()
	look := w.both()
	look.Store = other.store
	if r := w.verify(look); r.OK || r.Broken[0].Kind != House {
		t.Fatalf("the file of another Redis: %+v", r)
	}
	if _, err := Verify(ctx, Check{File: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a file that is not there was verified")
	}
}
