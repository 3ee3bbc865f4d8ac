package incidents

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"dogwatch/internal/state"
)

//go:embed expire.lua
var expireSource string

var expireScript = state.NewScript("expire", expireSource)

// Expire resolves the alerts of an incident that were not reported for Config.StaleAfter, and sets the timer to look again
// when the next one may be. It reads the alerts in parts, so that a storm's incident needs no more memory than a small one.
func (s *Service) Expire(ctx context.Context, id ID, now time.Time) (int64, error) {
	if s.cfg.StaleAfter < 0 {
		// A timer from a time when alerts went stale; taking it away twice is no harm.
		return 0, s.store.Client().ZRem(ctx, Timers(s.store, id.Shard()), "s:"+string(id)).Err()
	}
	ik := s.keys.incident(id)
	var gone int64
	var cursor uint64
	next := now.Add(s.cfg.StaleAfter)
	for {
		part, c, err := s.store.Client().HScan(ctx, ik[1], cursor, "", 500).Result()
		if err != nil {
			return gone, fmt.Errorf("look for stale alerts of incident %s: %w", id, err)
		}
		cursor = c
		var stale []any
		for i := 0; i+1 < len(part); i += 2 {
			a := parseAlert(part[i], part[i+1], "")
			due := a.LastAt.Add(s.cfg.StaleAfter)
			switch {
			case a.Status != Firing:
			case !due.After(now):
				stale = append(stale, part[i])
			case due.Before(next):
				next = due
			}
		}
		again := ""
		if cursor == 0 {
			again = strconv.FormatInt(next.UnixMilli(), 10)
		}
		n, err := s.expire(ctx, id, again, stale)
		if err != nil {
			return gone, err
		}
		if gone += n; cursor == 0 {
			return gone, nil
		}
	}
}

func (s *Service) expire(ctx context.Context, id ID, again string, stale []any) (int64, error) {
	n := id.Shard()
	ik := s.keys.incident(id)
	v, err := s.store.Run(ctx, state.Call{Script: expireScript, Shard: n,
		Keys: []string{ik[0], ik[1], ik[3], s.keys.shard(n, "open"), s.keys.shard(n, "timers"), s.keys.shard(n, "dirty")},
		Args: append([]any{string(id), s.cfg.StaleAfter.Milliseconds(), again}, stale...)})
	if err != nil {
		return 0, fmt.Errorf("resolve stale alerts of incident %s: %w", id, err)
	}
	count, _ := v.(int64)
	return count, nil
}
