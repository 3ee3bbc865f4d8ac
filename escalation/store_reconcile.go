package escalation

import (
	"context"
	"fmt"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// every is how often the reconcile pass looks at all open incidents.
const every = 30 * time.Second

func (e *Engine) reconcile(ctx context.Context) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := e.Reconcile(ctx); err != nil && ctx.Err() == nil {
			e.onError(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Reconcile makes timers anew for open incidents that have lost theirs. It walks the open incidents in parts.
func (e *Engine) Reconcile(ctx context.Context) error {
	for n := range e.store.Shards() {
		var cursor uint64
		for {
			part, c, err := e.store.Client().ZScan(ctx, e.store.Key(n, "open"), cursor, "", 200).Result()
			if err != nil {
				return fmt.Errorf("reconcile shard %d: %w", n, err)
			}
			if err := e.mend(ctx, n, part); err != nil {
				return fmt.Errorf("reconcile shard %d: %w", n, err)
			}
			if cursor = c; cursor == 0 {
				break
			}
		}
	}
	e.Counters.LastPass.Store(time.Now().UnixMilli())
	return nil
}

// mend looks at the incidents of a part (member, score, member, score …) and mends those without a timer.
func (e *Engine) mend(ctx context.Context, shard int, part []string) error {
	var calls []state.Call
	for i := 0; i < len(part); i += 2 {
		id := incidents.ID(part[i])
		calls = append(calls, state.Call{Script: mendScript, Shard: shard, Args: []any{string(id), max(0, e.stale.Milliseconds())},
			Keys: []string{incidents.Key(e.store, id), incidents.Timers(e.store, shard), e.store.Key(shard, "open")}})
	}
	if len(calls) == 0 {
		return nil
	}
	for _, r := range e.store.DoAll(ctx, calls) {
		if r.Err != nil {
			return r.Err
		}
		if made, _ := r.Value.(string); made != "" {
			e.Counters.Mended.Add(int64(len(made)))
		}
	}
	return nil
}
