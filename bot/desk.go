package bot

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"dogwatch/escalation"
	"dogwatch/internal/failpoint"
)

// desk is where pages wait to be delivered, one queue an address, the loudest first. Pages go before and beside channel cards:
// nothing of a storm of cards stands in their way but the address's own budget.
type desk struct {
	bot  *Bot
	work sync.WaitGroup

	mu     sync.Mutex
	queues map[Address][]held
	// unsent are pages that were given back and surely not sent: they need not be looked up when they come again.
	unsent map[string]bool
}

// held is a page, until when it is ours, and whether it is sure that no earlier attempt has arrived.
type held struct {
	escalation.Page
	until time.Time
	sure  bool
}

const (
	// pageLease bounds how late a page is whose holder was killed: guarantee B allows 30s with everything around it.
	pageLease = 20 * time.Second
	// patience is how long a page waits here for its budget; longer, it is given back.
	patience    = 2 * time.Second
	pagesAtOnce = 64
	mostUnsent  = 10000
)

func newDesk(b *Bot) *desk {
	return &desk{bot: b, queues: map[Address][]held{}, unsent: map[string]bool{}}
}

// collect claims a shard's due pages until ctx ends.
func (d *desk) collect(ctx context.Context, shard int, wake <-chan struct{}) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
		timer.Reset(d.claim(ctx, shard))
	}
}

func (d *desk) claim(ctx context.Context, shard int) time.Duration {
	for {
		begun := time.Now()
		pages, _, err := d.bot.cfg.Escalation.Claim(ctx, shard, pagesAtOnce, pageLease)
		if err != nil {
			if ctx.Err() == nil {
				d.bot.cfg.Log.Warn("pages not claimed", "shard", shard, "error", err)
			}
			return idle
		}
		for _, p := range pages {
			failpoint.Hit("page_claimed")
			d.put(ctx, held{p, begun.Add(pageLease - pageLease/6), p.Attempt <= 1})
		}
		if len(pages) < pagesAtOnce {
			return idle // the next one announces itself, or is at most this late
		}
	}
}

// put queues a page; an address that was idle gets a goroutine for as long as it has pages.
func (d *desk) put(ctx context.Context, p held) {
	to, _ := parseAddress(p.Address)
	d.mu.Lock()
	defer d.mu.Unlock()
	p.sure = p.sure || d.unsent[p.Key]
	delete(d.unsent, p.Key)
	_, served := d.queues[to]
	d.queues[to] = append(d.queues[to], p)
	if !served {
		d.work.Go(func() { d.serve(ctx, to) })
	}
}

func (d *desk) close() { d.work.Wait() }

// take empties an address's queue; when there is nothing, the address is idle again.
func (d *desk) take(to Address) []held {
	d.mu.Lock()
	defer d.mu.Unlock()
	got := d.queues[to]
	if len(got) == 0 {
		delete(d.queues, to)
		return nil
	}
	d.queues[to] = []held{}
	return got
}

// more merges what came meanwhile, the loudest and oldest first.
func (d *desk) more(to Address, batch []held) []held {
	d.mu.Lock()
	batch = append(batch, d.queues[to]...)
	d.queues[to] = []held{}
	d.mu.Unlock()
	slices.SortStableFunc(batch, func(a, b held) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), a.QueuedAt.Compare(b.QueuedAt))
	})
	return batch
}

// serve delivers an address's pages until there are none.
func (d *desk) serve(ctx context.Context, to Address) {
	for {
		batch := d.take(to)
		if batch == nil {
			return
		}
		d.deliver(ctx, to, batch)
	}
}

// deliver sends a batch: one message each while the budget lasts, then those that are not P0 together. A P0 that comes
// while the others wait for their budget does not wait with them.
func (d *desk) deliver(ctx context.Context, to Address, batch []held) {
	var resume time.Time // when those that are not P0 may go on; zero: the budget lasts
	for batch = d.more(to, batch); len(batch) > 0; batch = d.more(to, batch) {
		n, loudest := 1, batch[0].Severity == "P0"
		if left := time.Until(resume); !loudest && left > 0 {
			if sleep(ctx, min(left, firstPause)) {
				continue
			}
			d.giveBack(ctx, batch, left)
			return
		}
		if !loudest && !resume.IsZero() {
			n = d.together(batch)
		}
		wait := d.bot.page(ctx, to, batch[:n])
		if wait == 0 {
			batch = batch[n:]
			continue
		}
		resume = time.Now().Add(wait)
		if wait > patience || loudest || resume.After(batch[0].until) {
			d.giveBack(ctx, batch, wait)
			return
		}
	}
}

// together is how many pages of a batch, loudest first, go into one message: P1 never waits with quieter ones, and one that
// has waited long enough to be told elsewhere is alone, so that nothing newer holds it back.
func (d *desk) together(batch []held) int {
	if batch[0].Severity > "P1" {
		return len(batch)
	}
	if time.Since(batch[0].QueuedAt) >= d.bot.cfg.Elsewhere {
		return 1
	}
	n := 1
	for n < len(batch) && batch[n].Severity <= "P1" {
		n++
	}
	return n
}

// giveBack returns pages that were not sent.
func (d *desk) giveBack(ctx context.Context, batch []held, wait time.Duration) {
	for _, p := range batch {
		d.mu.Lock()
		if p.sure && len(d.unsent) < mostUnsent {
			d.unsent[p.Key] = true
		}
		d.mu.Unlock()
		d.bot.later(ctx, p, wait)
	}
}

// sleep waits, and says false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
