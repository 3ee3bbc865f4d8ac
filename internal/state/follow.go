package state

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Change is one entry of a shard's log: something of a subject changed.
type Change struct {
	Shard   int
	Kind    string
	Subject string
}

// Follow reads the log of one shard from now on and hands over what is new, until ctx ends. It is a wake-up call, not a
// queue: after an error some entries may be missed, and restored is called so that the follower looks at the state itself.
func (s *Store) Follow(ctx context.Context, shard int, changed func([]Change), restored func()) {
	key, from := s.Key(shard, "log"), "$"
	wait := 50 * time.Millisecond
	for ctx.Err() == nil {
		got, err := s.rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{key, from}, Count: 512, Block: 5 * time.Second}).Result()
		if err == redis.Nil {
			continue
		}
		if err != nil {
			if !pause(ctx, wait) {
				return
			}
			wait, from = min(2*wait, 2*time.Second), "$"
			restored()
			continue
		}
		wait = 50 * time.Millisecond
		var out []Change
		for _, m := range got[0].Messages {
			from = m.ID
			k, _ := m.Values["k"].(string)
			subject, _ := m.Values["s"].(string)
			out = append(out, Change{shard, k, subject})
		}
		changed(out)
	}
}

// pause waits, and says false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
