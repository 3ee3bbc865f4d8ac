package incidents

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dogwatch/internal/state"
)

// blocks gives out incident numbers from blocks that are taken from one counter in shard 0. Numbers are unique and never
// reused; what is left of a block when the process ends is a gap. A block grows only while incidents come fast.
type blocks struct {
	store     *state.Store
	mu        sync.Mutex
	next, end int64
	size      int64
	taken     time.Time // when the last block was
	returned  []int64
}

// take returns a number that nobody else has.
func (b *blocks) take(ctx context.Context) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.returned); n > 0 {
		v := b.returned[n-1]
		b.returned = b.returned[:n-1]
		return v, nil
	}
	if b.next >= b.end {
		if time.Since(b.taken) < time.Second {
			b.size = min(2*b.size, 1024)
		} else {
			b.size = 1
		}
		end, err := b.store.Client().IncrBy(ctx, b.store.Key(0, "next"), b.size).Result()
		if err != nil {
			return 0, fmt.Errorf("take incident numbers: %w", err)
		}
		b.next, b.end, b.taken = end-b.size, end, time.Now()
	}
	b.next++
	return b.next, nil
}

// giveBack returns a number that was surely not used.
func (b *blocks) giveBack(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.returned = append(b.returned, n)
}
