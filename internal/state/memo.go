package state

import (
	"context"
	_ "embed"
	"time"
)

//go:embed now.lua
var nowSource string

var nowScript = NewScript("now", nowSource)

// Now is a shard's time: the server's, never below the highest that the shard has seen.
func (s *Store) Now(ctx context.Context, shard int) (time.Time, error) {
	v, err := s.Run(ctx, Call{Script: nowScript, Shard: shard})
	if err != nil {
		return time.Time{}, err
	}
	ms, _ := v.(int64)
	return time.UnixMilli(ms), nil
}

// First says whether a key is seen for the first time within ttl: for signatures, nonces and delivery ids of platforms,
// which may come twice. The key is hashed by the caller if it is long or secret.
func (s *Store) First(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	shard := s.ShardOf(key)
	return s.rdb.SetNX(ctx, s.Key(shard, "seen", key), "1", ttl).Result()
}
