package main

import (
	"context"
	"sync"

	"dogwatch/actions"
	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// errands does what one room's change means for another: a resolved incident withdraws its open requests, an approval given
// on another replica wakes this one's runner.
func (h *house) errands(ctx context.Context) error {
	var wg sync.WaitGroup
	for n := range h.store.Shards() {
		wg.Go(func() {
			h.store.Follow(ctx, n, func(list []state.Change) {
				for _, c := range list {
					switch c.Kind {
					case "resolved":
						h.withdraw(ctx, incidents.ID(c.Subject))
					case "request_approved":
						h.actions.Wake()
					}
				}
			}, func() { h.actions.Wake() })
		})
	}
	// What was resolved while nobody followed is found once, at the start.
	h.withdrawMissed(ctx)
	wg.Wait()
	return nil
}

func (h *house) withdraw(ctx context.Context, id incidents.ID) {
	if err := h.actions.Withdraw(ctx, id); err != nil && ctx.Err() == nil {
		h.log.Warn("open requests of a resolved incident could not be withdrawn", "incident_id", string(id), "error", err.Error())
	}
}

func (h *house) withdrawMissed(ctx context.Context) {
	cursor := ""
	for {
		list, next, err := h.actions.List(ctx, actions.Filter{States: []actions.State{actions.Pending}, Limit: 500, Cursor: cursor})
		if err != nil {
			return
		}
		for _, r := range list {
			if r.Incident == "" {
				continue
			}
			if i, err := h.incidents.Get(ctx, r.Incident); err == nil && !i.Open() {
				h.withdraw(ctx, r.Incident)
			}
		}
		if cursor = next; next == "" {
			return
		}
	}
}
