package bot

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"dogwatch/incidents"
	"dogwatch/internal/state"
)

var (
	//go:embed claim.lua
	claimSource string
	//go:embed settle.lua
	settleSource string
	//go:embed stand.lua
	standSource string
	//go:embed budget.lua
	budgetSource string

	claimScript  = state.NewScript("claim cards", claimSource)
	settleScript = state.NewScript("settle cards", settleSource)
	standScript  = state.NewScript("stand card", standSource)
	budgetScript = state.NewScript("budget", budgetSource)
)

// errStale: the lease is another's now; what this holder says of the cards does not count.
var errStale = errors.New("the lease is held by another")

// dueIncidents are those of a shard whose cards are due at now (ms of the shard's clock), and when the next one is; 0: none known.
func (b *Bot) dueIncidents(ctx context.Context, shard, limit int) (ids []incidents.ID, next time.Duration, err error) {
	now, err := b.cfg.Store.Now(ctx, shard)
	if err != nil {
		return nil, 0, err
	}
	zs, err := b.cfg.Store.Client().ZRangeByScoreWithScores(ctx, incidents.Dirty(b.cfg.Store, shard),
		&redis.ZRangeBy{Min: "-inf", Max: "+inf", Count: int64(limit) + 1}).Result()
	if err != nil {
		return nil, 0, fmt.Errorf("read due cards of shard %d: %w", shard, err)
	}
	for _, z := range zs {
		wait := time.Duration(int64(z.Score)-now.UnixMilli()) * time.Millisecond
		if wait > 0 {
			return ids, wait, nil
		}
		if len(ids) == limit {
			break
		}
		if id, ok := z.Member.(string); ok {
			ids = append(ids, incidents.ID(id))
		}
	}
	return ids, 0, nil
}

// lease is one incident held to be drawn.
type lease struct {
	id    incidents.ID
	epoch int64
	now   time.Time // the shard's time at the claim
	cards []card
	// outputs are the replies that show a run's output, by their fields.
	outputs map[string]card
	// version is the incident's at the claim.
	version int64
}

// claim takes an incident; ok=false: there is nothing to draw, or another draws it.
func (b *Bot) claim(ctx context.Context, id incidents.ID) (l lease, ok bool, err error) {
	s, n := b.cfg.Store, id.Shard()
	v, err := s.Run(ctx, state.Call{Script: claimScript, Shard: n,
		Keys: []string{incidents.Dirty(s, n), b.keys.leases(n), incidents.Key(s, id), b.keys.cards(id)},
		Args: []any{string(id), b.cfg.Lease.Milliseconds()}})
	if err != nil {
		return l, false, fmt.Errorf("claim cards of %s: %w", id, err)
	}
	list, _ := v.([]any)
	f := make([]string, len(list))
	for i, x := range list {
		f[i] = fmt.Sprint(x)
	}
	if len(f) < 4 || f[0] != "ok" {
		return l, false, nil
	}
	l = lease{id: id, now: millis(f[1])}
	l.cards, l.outputs = parseCards(f[4:])
	l.epoch, err = strconv.ParseInt(f[2], 10, 64)
	l.version, _ = strconv.ParseInt(f[3], 10, 64)
	return l, err == nil, err
}

// verdict is what a holder says at the end of its lease.
type verdict struct {
	version int64
	loud    string
	due     time.Time // when to look again; zero: when something changes
}

// keep writes where cards stand and prolongs the lease.
func (b *Bot) keep(ctx context.Context, l *lease, pairs ...any) error {
	return b.settle(ctx, l, "keep", verdict{}, pairs)
}

// done ends the lease.
func (b *Bot) done(ctx context.Context, l *lease, v verdict, pairs ...any) error {
	return b.settle(ctx, l, "done", v, pairs)
}

func (b *Bot) settle(ctx context.Context, l *lease, mode string, v verdict, pairs []any) error {
	s, n, due := b.cfg.Store, l.id.Shard(), ""
	if !v.due.IsZero() {
		due = strconv.FormatInt(v.due.UnixMilli(), 10)
	}
	args := append([]any{string(l.id), l.epoch, mode, v.version, v.loud, due, b.cfg.Lease.Milliseconds(), b.cfg.Pace.Milliseconds()}, pairs...)
	got, err := s.Run(ctx, state.Call{Script: settleScript, Shard: n, Args: args,
		Keys: []string{incidents.Dirty(s, n), b.keys.leases(n), incidents.Key(s, l.id), b.keys.cards(l.id)}})
	if err != nil {
		return fmt.Errorf("settle cards of %s: %w", l.id, err)
	}
	if got != "ok" {
		b.Counters.Stale.Add(1)
		return fmt.Errorf("settle cards of %s: %w", l.id, errStale)
	}
	return nil
}

// stand keeps where a page's card stands, or a press's fresh code (replace).
func (b *Bot) stand(ctx context.Context, id incidents.ID, field, value string, replace bool) error {
	flag := 0
	if replace {
		flag = 1
	}
	s, n := b.cfg.Store, id.Shard()
	_, err := s.Run(ctx, state.Call{Script: standScript, Shard: n,
		Keys: []string{incidents.Dirty(s, n), b.keys.cards(id)}, Args: []any{string(id), field, value, flag}})
	if err != nil {
		return fmt.Errorf("keep card of %s: %w", id, err)
	}
	return nil
}

// known are an incident's cards as they stand, read without a lease.
func (b *Bot) known(ctx context.Context, id incidents.ID) ([]card, error) {
	h, err := b.cfg.Store.Client().HGetAll(ctx, b.keys.cards(id)).Result()
	if err != nil {
		return nil, fmt.Errorf("read cards of %s: %w", id, err)
	}
	var f []string
	for k, v := range h {
		f = append(f, k, v)
	}
	cards, _ := parseCards(f)
	return cards, nil
}

func millis(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n)
}
