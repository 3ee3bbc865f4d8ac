package audit

import (
	"context"
	"time"
)

// pass links and exports what is new, at most a batch of each shard. It says whether there is more.
func (w *Writer) pass(ctx context.Context) (more bool, err error) {
	counters, err := w.counters(ctx)
	if err != nil {
		return false, err
	}
	from := map[int]int64{}
	for shard, n := range counters {
		if until, ok := w.broken[shard]; ok && time.Now().Before(until) {
			continue
		}
		delete(w.broken, shard)
		switch {
		case n < w.pos[shard].n:
			w.stop(Break{Place: InRedis, Kind: Cut, Shard: shard, Number: n + 1})
		case n > w.pos[shard].n:
			from[shard] = w.pos[shard].n + 1
		}
	}
	defer func() { w.stats.unlinked.Store(w.waiting(counters)) }()
	if len(from) == 0 {
		return false, nil
	}
	got, err := w.entries(ctx, from)
	if err != nil {
		return false, err
	}
	var all []stretch
	for shard := range from {
		if t := w.examine(shard, got[shard]); len(t.links) > 0 {
			all = append(all, t)
			more = more || t.end().n < counters[shard] && !w.isBroken(shard)
		}
	}
	linked, err := w.settle(all, w.link(ctx, all))
	if werr := w.keep(linked); werr != nil {
		return false, werr
	}
	return more, err
}

// waiting is how many of the entries that were counted are not linked and exported here yet.
func (w *Writer) waiting(counters []int64) (n int64) {
	for shard, last := range counters {
		n += max(last-w.pos[shard].n, 0)
	}
	return n
}

func (w *Writer) isBroken(shard int) bool {
	_, ok := w.broken[shard]
	return ok
}

// examine computes the links of what was read of a shard, up to the first entry that is not as it should be.
func (w *Writer) examine(shard int, read []entry) stretch {
	t := stretch{shard: shard, after: w.pos[shard]}
	at := t.after
	if len(read) == 0 {
		w.stop(Break{Place: InRedis, Kind: Cut, Shard: shard, Number: at.n + 1})
	}
	for _, e := range read {
		kind := at.misfit(e)
		if kind == "" {
			at = position{e.n, at.link.next(e)}
			if h := w.export.heads[shard]; at.n == h.n && at.link != h.link {
				kind, at.n = Unfit, at.n-1
			}
		}
		if kind != "" {
			w.stop(Break{Place: InRedis, Kind: kind, Shard: shard, Number: at.n + 1})
			break
		}
		t.entries, t.links = append(t.entries, e), append(t.links, at.link)
	}
	return t
}

// settle takes in what linking answered, and returns the stretches that are linked.
func (w *Writer) settle(all []stretch, answers []outcome) (linked []stretch, err error) {
	for i, o := range answers {
		t := all[i]
		switch {
		case o.err != nil:
			err = o.err
		case o.diverged > 0:
			w.stop(Break{Place: InRedis, Kind: Relinked, Shard: t.shard, Number: o.diverged})
		case o.behind != nil:
			// A failover can lose links whose entries it kept. They follow from the entries, and must meet the export.
			w.cfg.Log.Warn("audit links were lost and are made again", "shard", t.shard, "from", o.behind.n+1)
			w.pos[t.shard] = *o.behind
		default:
			w.stats.linked.Add(o.added)
			linked = append(linked, t)
		}
	}
	return linked, err
}

// keep exports linked stretches; only then the writer's positions move.
func (w *Writer) keep(linked []stretch) error {
	var text []byte
	count := int64(0)
	for _, t := range linked {
		for i, e := range t.entries {
			if e.n > w.export.heads[t.shard].n {
				text = appendLine(text, t.shard, e, t.links[i])
				count++
			}
		}
	}
	if len(text) > 0 {
		if err := w.export.write(text); err != nil {
			return err
		}
	}
	for _, t := range linked {
		w.pos[t.shard] = t.end()
		if t.end().n > w.export.heads[t.shard].n {
			w.export.heads[t.shard] = t.end()
		}
	}
	w.stats.exported.Add(count)
	return nil
}
