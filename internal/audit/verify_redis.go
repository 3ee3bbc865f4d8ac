package audit

import (
	"context"
)

// walk holds every chain in Redis against its links, the file and the checkpoints.
func (v *verifier) walk(ctx context.Context) error {
	s := shelf{v.Store}
	before, err := s.counters(ctx)
	if err != nil {
		return err
	}
	tops, err := s.tops(ctx)
	if err != nil {
		return err
	}
	ends := make([]int64, len(before))
	for shard := range before {
		c := &chainWalk{verifier: v, shelf: s, shard: shard, top: tops[shard]}
		c.at = position{0, genesis(v.Store.House(), shard)}
		c.known = max(before[shard], tops[shard], int64(len(v.links[shard])), v.lastPromise(shard).n)
		if err := c.run(ctx); err != nil {
			return err
		}
		ends[shard] = c.at.n
	}
	return v.count(ctx, ends)
}

// count fills in the figures, and finds counters that were set back: the next entry would take a number that is taken.
func (v *verifier) count(ctx context.Context, ends []int64) error {
	s := shelf{v.Store}
	after, err := s.counters(ctx)
	if err != nil {
		return err
	}
	tops, err := s.tops(ctx)
	if err != nil {
		return err
	}
	for shard, n := range ends {
		if after[shard] < n {
			v.broken(Break{Place: InRedis, Kind: Counter, Shard: shard, Number: after[shard] + 1})
		}
		linked := min(tops[shard], n)
		v.report.Entries += n
		v.report.Linked += linked
		v.report.Unlinked += n - linked
		v.report.Unexported += max(linked-int64(len(v.links[shard])), 0)
	}
	return nil
}

// chainWalk is where walking one shard's chain stands.
type chainWalk struct {
	*verifier
	shelf
	shard int
	at    position
	top   int64 // last link when the walk began
	known int64 // the highest number that anything knows of
}

// run goes to the chain's end or its first break.
func (c *chainWalk) run(ctx context.Context) error {
	promised := c.promised[c.shard]
	for {
		got, err := c.entries(ctx, map[int]int64{c.shard: c.at.n + 1})
		if err != nil {
			return err
		}
		read := got[c.shard]
		if len(read) == 0 {
			break
		}
		stored, err := c.shelf.links(ctx, c.shard, c.at.n+1, c.at.n+int64(len(read)))
		if err != nil {
			return err
		}
		for _, e := range read {
			if kind := c.misfit(e, stored); kind != "" {
				c.broken(Break{Place: InRedis, Kind: kind, Shard: c.shard, Number: c.at.n + 1})
				return nil
			}
			c.at = position{e.n, c.at.link.next(e)}
			for len(promised) > 0 && promised[0].n < e.n {
				promised = promised[1:]
			}
			if len(promised) > 0 && promised[0].n == e.n && promised[0].link != c.at.link {
				c.broken(Break{Place: InRedis, Kind: Rewritten, Shard: c.shard, Number: e.n})
				return nil
			}
		}
	}
	if c.at.n < c.known {
		c.broken(Break{Place: InRedis, Kind: Cut, Shard: c.shard, Number: c.at.n + 1})
	}
	return nil
}

// misfit says why an entry cannot be the next of the chain; "" if it can.
func (c *chainWalk) misfit(e entry, stored map[int64]link) Kind {
	if kind := c.at.misfit(e); kind != "" {
		return kind
	}
	l := c.at.link.next(e)
	have, linked := stored[e.n]
	inFile := c.verifier.links[c.shard]
	exported := e.n <= int64(len(inFile))
	switch {
	case !linked && (e.n <= c.top || exported):
		return Relinked
	case linked && have != l && exported && inFile[e.n-1] == l:
		return Relinked
	case linked && have != l:
		return Unfit
	case exported && inFile[e.n-1] != l:
		return Differs
	}
	return ""
}
