package audit

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"dogwatch/internal/state"
)

//go:embed link.lua
var linkSource string

var linkScript = state.NewScript("link", linkSource)

// batch is how many entries of a shard are read and linked at once; link.lua is bounded by it.
const batch = 256

// shelf reads and links what lies in Redis.
type shelf struct{ store *state.Store }

// counters are the numbers of the last entries, by shard.
func (s shelf) counters(ctx context.Context) ([]int64, error) {
	cmds := make([]*redis.StringCmd, s.store.Shards())
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range cmds {
			cmds[n] = p.HGet(ctx, s.store.Key(n, "meta"), "audit")
		}
		return nil
	})
	if err != nil && err != redis.Nil {
		return nil, fmt.Errorf("read audit counters: %w", err)
	}
	out := make([]int64, len(cmds))
	for n, c := range cmds {
		v, err := c.Result()
		if err == redis.Nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read audit counter of shard %d: %w", n, err)
		}
		if out[n], err = strconv.ParseInt(v, 10, 64); err != nil {
			return nil, fmt.Errorf("read audit counter of shard %d: %q is not a number", n, v)
		}
	}
	return out, nil
}

// tops are the numbers of the last links, by shard.
func (s shelf) tops(ctx context.Context) ([]int64, error) {
	cmds := make([]*redis.XMessageSliceCmd, s.store.Shards())
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range cmds {
			cmds[n] = p.XRevRangeN(ctx, s.store.Key(n, "links"), "+", "-", 1)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read heads of audit chains: %w", err)
	}
	out := make([]int64, len(cmds))
	for n, c := range cmds {
		if m := c.Val(); len(m) == 1 {
			out[n], _ = number(m[0].ID)
		}
	}
	return out, nil
}

// entries are those of some shards from a number on, at most batch of each.
func (s shelf) entries(ctx context.Context, from map[int]int64) (map[int][]entry, error) {
	cmds := make(map[int]*redis.XMessageSliceCmd, len(from))
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard, n := range from {
			cmds[shard] = p.XRangeN(ctx, s.store.Key(shard, "audit"), strconv.FormatInt(n, 10), "+", batch)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read audit entries: %w", err)
	}
	out := make(map[int][]entry, len(cmds))
	for shard, c := range cmds {
		for _, m := range c.Val() {
			out[shard] = append(out[shard], readEntry(m))
		}
	}
	return out, nil
}

func readEntry(m redis.XMessage) entry {
	n, ok := number(m.ID)
	at, ok1 := m.Values["at"].(string)
	body, ok2 := m.Values["e"].(string)
	sum, ok3 := m.Values["h"].(string)
	ms, err := strconv.ParseInt(at, 10, 64)
	if !ok || !ok1 || !ok2 || !ok3 || len(m.Values) != 3 || err != nil || strconv.FormatInt(ms, 10) != at {
		return entry{n: n, foreign: true}
	}
	return entry{n: n, at: ms, body: []byte(body), sum: sum}
}

// number reads the id NUMBER-0; ok is false for every other form.
func number(id string) (n int64, ok bool) {
	text, rest, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && rest == "0"
}

// links are those stored from one number to another, both inclusive; a link that cannot be read is all zeros.
func (s shelf) links(ctx context.Context, shard int, from, to int64) (map[int64]link, error) {
	got, err := s.store.Client().XRange(ctx, s.store.Key(shard, "links"), strconv.FormatInt(from, 10), strconv.FormatInt(to, 10)).Result()
	if err != nil {
		return nil, fmt.Errorf("read audit links of shard %d: %w", shard, err)
	}
	out := make(map[int64]link, len(got))
	for _, m := range got {
		n, ok := number(m.ID)
		text, _ := m.Values["l"].(string)
		var l link
		if ok && l.UnmarshalText([]byte(text)) == nil && l.String() == text {
			out[n] = l
		} else {
			out[n] = link{}
		}
	}
	return out, nil
}

// stretch is a run of entries of one shard with their links, after a known position.
type stretch struct {
	shard   int
	after   position
	entries []entry
	links   []link
}

func (t *stretch) end() position {
	k := len(t.entries) - 1
	return position{t.entries[k].n, t.links[k]}
}

// outcome of linking a stretch.
type outcome struct {
	added    int64
	diverged int64     // the number whose stored link is another; 0: none
	behind   *position // where the stored links end, if that is before the stretch
	err      error
}

// link stores the links of some stretches, or compares them with what is stored.
func (s shelf) link(ctx context.Context, all []stretch) []outcome {
	calls := make([]state.Call, len(all))
	for i, t := range all {
		args := []any{t.after.n + 1, t.after.link.String()}
		for _, l := range t.links {
			args = append(args, l.String())
		}
		calls[i] = state.Call{Script: linkScript, Shard: t.shard, Keys: []string{s.store.Key(t.shard, "links")}, Args: args}
	}
	out := make([]outcome, len(all))
	for i, r := range s.store.DoAll(ctx, calls) {
		out[i] = readOutcome(r, genesis(s.store.House(), all[i].shard))
		if out[i].err != nil {
			out[i].err = fmt.Errorf("link audit entries of shard %d: %w", all[i].shard, out[i].err)
		}
	}
	return out
}

func readOutcome(r state.Reply, origin link) outcome {
	f, err := r.Fields()
	if err != nil {
		return outcome{err: err}
	}
	if len(f) < 2 {
		return outcome{err: fmt.Errorf("answer %q", f)}
	}
	n, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return outcome{err: fmt.Errorf("answer %q: %w", f, err)}
	}
	switch {
	case f[0] == "ok":
		return outcome{added: n}
	case f[0] == "diverged":
		return outcome{diverged: n}
	case f[0] == "behind" && n == 0:
		return outcome{behind: &position{0, origin}}
	case f[0] == "behind" && len(f) == 3:
		p := position{n: n}
		if p.link.UnmarshalText([]byte(f[2])) != nil {
			return outcome{diverged: n}
		}
		return outcome{behind: &p}
	}
	return outcome{err: fmt.Errorf("answer %q", f)}
}
