package incidents

import (
	"fmt"
	"testing"
	"time"

	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

// Bodies that share a pipeline share script calls by shard; each gets its own answer, and one whose incident was spoilt by
// hand spoils nobody else's.
func TestBodiesThatShareACallAreAnsweredApart(t *testing.T) {
	redis := redistest.Start(t)
	store := redistest.OpenURL(t, state.Config{URL: redis.URL(), Shards: 1})
	s := New(store, Config{})
	body := func(name string) (*job, *group) {
		r := &Report{Status: Firing, Fingerprint: name, StartsAt: time.Now(), Labels: map[string]string{"alertname": name}}
		g := &group{routed: Decision{GroupID: name, Severity: "P3"}, source: "prom", first: r, reports: []*Report{r}}
		to := target{id: NewID(0), mode: "new", number: int64(len(name))}
		return &job{calls: []state.Call{s.call(0, []*group{g}, []target{to})}, done: make(chan struct{})}, g
	}
	one, _ := body("a")
	two, _ := body("bb")
	three, _ := body("ccc")
	spoilt := two.calls[0].Keys[headKeys]
	if err := store.Client().Set(t.Context(), spoilt, "not a hash", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.send(t.Context(), []*job{one, two, three})
	for _, c := range []struct {
		j    *job
		good bool
	}{{one, true}, {two, false}, {three, true}} {
		rows, _ := c.j.replies[0].Value.([]any)
		if got := c.j.replies[0].Err == nil && len(rows) == 1; got != c.good {
			t.Errorf("kept %v, want %v: %v, %v", got, c.good, rows, c.j.replies[0].Err)
		}
	}
	if n, err := store.Client().ZCard(t.Context(), s.keys.shard(0, "open")).Result(); err != nil || n != 2 {
		t.Errorf("%d incidents are open, want 2 (%v)", n, err)
	}
}

// Many bodies of several shards: every reply belongs to its own body.
func TestMergedCallsKeepTheirOrder(t *testing.T) {
	var m merged
	var replies []state.Reply
	for i := range 12 {
		groups := 1 + i%3
		m.add(state.Call{Shard: i % 2, Keys: make([]string, headKeys+4*groups), Args: []any{0, 0, 0, 0, 5, groups}})
	}
	for i, c := range m.calls {
		var rows []any
		for g := range c.Args[headArgs-1].(int) {
			rows = append(rows, fmt.Sprintf("%d/%d", i, g))
		}
		replies = append(replies, state.Reply{Value: rows})
	}
	if len(m.calls) != 2 {
		t.Fatalf("%d calls for two shards", len(m.calls))
	}
	next := []int{0, 0}
	for i, r := range m.split(replies) {
		for _, row := range r.Value.([]any) {
			if want := fmt.Sprintf("%d/%d", i%2, next[i%2]); row != want {
				t.Errorf("body %d got %v, want %s", i, row, want)
			}
			next[i%2]++
		}
	}
}
