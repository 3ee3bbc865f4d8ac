package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dogwatch/internal/state"
)

// Budget is how many messages a platform takes at one address.
type Budget struct {
	N   int           // messages …
	Per time.Duration // … in this time
	// Burst messages may go at once, then N in every Per. 0: never more than N within any Per, however they are spread.
	Burst int
}

// Budgeter is a platform that says how much it takes. Every budget of an address holds; none: no limit.
type Budgeter interface {
	Budgets(to string) []Budget
}

// politeBudget is for platforms that say nothing of their limits.
var politeBudget = []Budget{{N: 20, Per: time.Minute}}

// budgets keeps all replicas together within what platforms take.
type budgets struct {
	store *state.Store
	keys  keys
	of    map[string]Platform

	mu   sync.Mutex
	held map[Address]time.Time // what the vendor told this process, where no bucket in Redis is asked
}

func (b *budgets) limits(to Address) []Budget {
	if p, ok := b.of[to.Platform].(Budgeter); ok {
		return p.Budgets(to.To)
	}
	return politeBudget
}

// take says how long a message must wait; 0: it may go, and is counted.
func (b *budgets) take(ctx context.Context, to Address, urgent bool) (time.Duration, error) {
	limits := b.limits(to)
	if len(limits) == 0 {
		return b.local(to), nil
	}
	flag := 0
	if urgent {
		flag = 1
	}
	args := []any{"take", flag, 0}
	for _, l := range limits {
		args = append(args, l.N, l.Per.Milliseconds(), l.Burst)
	}
	return b.call(ctx, to, args)
}

// hold stops an address for as long as its vendor said.
func (b *budgets) hold(ctx context.Context, to Address, d time.Duration) error {
	if len(b.limits(to)) == 0 {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.held[to] = time.Now().Add(d)
		return nil
	}
	_, err := b.call(ctx, to, []any{"hold", 0, d.Milliseconds()})
	return err
}

func (b *budgets) local(to Address) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	until, ok := b.held[to]
	if !ok {
		return 0
	}
	if left := time.Until(until); left > 0 {
		return left
	}
	delete(b.held, to)
	return 0
}

func (b *budgets) call(ctx context.Context, to Address, args []any) (time.Duration, error) {
	key, shard := b.keys.budget(to)
	v, err := b.store.Run(ctx, state.Call{Script: budgetScript, Shard: shard, Keys: []string{key}, Args: args})
	if err != nil {
		return 0, fmt.Errorf("ask budget of %s: %w", to, err)
	}
	ms, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("ask budget of %s: answer is %T", to, v)
	}
	return time.Duration(ms) * time.Millisecond, nil
}
