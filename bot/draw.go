package bot

import (
	"context"
	"strings"
	"sync"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// drawer draws the cards of one shard: as many incidents at a time as it has slots.
type drawer struct {
	bot   *Bot
	shard int
	slots chan struct{}
	work  sync.WaitGroup

	mu   sync.Mutex
	busy map[incidents.ID]bool // under way in this process; true: it changed meanwhile
	full bool                  // something waits for a slot
	wake chan struct{}
}

// idle is how long a shard waits before it looks by itself: changes that do not concern the state are not announced.
const idle = time.Second

func newDrawer(b *Bot, shard int) *drawer {
	return &drawer{bot: b, shard: shard, slots: make(chan struct{}, b.cfg.Slots), wake: make(chan struct{}, 1),
		busy: map[incidents.ID]bool{}}
}

// changed takes what the shard's log said and begins at once, without looking for what is due first.
func (d *drawer) changed(ctx context.Context, list []state.Change) {
	for _, c := range list {
		if strings.HasPrefix(c.Kind, "request_") || strings.HasPrefix(c.Kind, "run_") {
			d.nudge() // names the request, not the incident whose card shows it
			continue
		}
		if id, ok := incidents.ParseID(c.Subject); ok {
			d.begin(ctx, id)
		}
	}
}

func (d *drawer) nudge() { poke(d.wake) }

// begin draws an incident in a slot of its own; false: no slot is free.
func (d *drawer) begin(ctx context.Context, id incidents.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, under := d.busy[id]; under {
		d.busy[id] = true
		return true
	}
	select {
	case d.slots <- struct{}{}:
	default:
		d.full = true
		return false
	}
	d.busy[id] = false
	d.work.Go(func() {
		// What is being sent when we are told to stop is finished and written down; the lease bounds it.
		again, err := d.bot.drawIncident(context.WithoutCancel(ctx), id)
		if err != nil && ctx.Err() == nil {
			d.bot.cfg.Log.Warn("cards not drawn", "incident", id, "error", err)
		}
		d.end(id, again)
	})
	return true
}

// end frees the slot. What waited for it, what changed meanwhile and what is due again before the shard looks by itself is
// looked for.
func (d *drawer) end(id incidents.ID, again bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	again = again || d.busy[id] || d.full
	d.full = false
	delete(d.busy, id)
	<-d.slots
	if again {
		d.nudge()
	}
}

// run looks for what is due until ctx ends. What is under way then is waited for by Bot.Run, when nothing can begin any more.
func (d *drawer) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-timer.C:
		}
		timer.Reset(d.look(ctx))
	}
}

// look begins what is due and says when to look again.
func (d *drawer) look(ctx context.Context) time.Duration {
	ids, next, err := d.bot.dueIncidents(ctx, d.shard, 4*cap(d.slots))
	if err != nil {
		if ctx.Err() == nil {
			d.bot.cfg.Log.Warn("due cards not read", "shard", d.shard, "error", err)
		}
		return idle
	}
	for _, id := range ids {
		if !d.begin(ctx, id) {
			return idle // the next slot that becomes free looks again
		}
	}
	if next > 0 {
		return min(max(next, time.Millisecond), idle)
	}
	return idle
}
