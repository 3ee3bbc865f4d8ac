package escalation

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// lookedAt is how many waiting pages of a shard Oldest reads: enough to find the oldest but in the worst storm.
const lookedAt = 500

// Oldest says when the oldest page that still waits for its platform was queued, by severity ("P1"). A severity without waiting
// pages is missing.
func (e *Engine) Oldest(ctx context.Context) (map[string]time.Time, error) {
	client := e.store.Client()
	keys := make([]*redis.StringSliceCmd, e.store.Shards())
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range keys {
			keys[n] = p.ZRange(ctx, e.store.Key(n, "pages"), 0, lookedAt-1)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for waiting pages: %w", err)
	}
	oldest := map[string]time.Time{}
	for n, c := range keys {
		if len(c.Val()) == 0 {
			continue
		}
		records, err := client.HMGet(ctx, e.store.Key(n, "page"), c.Val()...).Result()
		if err != nil {
			return nil, fmt.Errorf("read waiting pages of shard %d: %w", n, err)
		}
		for _, r := range records {
			severity, at, ok := waiting(r)
			if known, has := oldest[severity]; ok && (!has || at.Before(known)) {
				oldest[severity] = at
			}
		}
	}
	return oldest, nil
}

// waiting reads of a page's record what Oldest needs; a page that was settled meanwhile has none.
func waiting(record any) (severity string, at time.Time, ok bool) {
	text, _ := record.(string)
	parts := strings.SplitN(text, "\x1f", 7)
	if len(parts) != 7 {
		return "", at, false
	}
	ms, err := strconv.ParseInt(parts[3], 10, 64)
	var p Page
	if err != nil || json.Unmarshal([]byte(parts[6]), &p) != nil {
		return "", at, false
	}
	return p.Severity, time.UnixMilli(ms), true
}
