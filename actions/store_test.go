package actions_test

import (
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// zero is a member at score 0.
func zero(member string) redis.Z { return redis.Z{Member: member} }

// everything is all that the store holds, as text.
func (b *bench) everything() string {
	b.Helper()
	c, ctx := b.store.Client(), b.Context()
	keys, err := c.Keys(ctx, "*").Result()
	if err != nil {
		b.Fatal(err)
	}
	var all strings.Builder
	for _, k := range keys {
		var v any
		switch kind := c.Type(ctx, k).Val(); kind {
		case "hash":
			v, err = c.HGetAll(ctx, k).Result()
		case "list":
			v, err = c.LRange(ctx, k, 0, -1).Result()
		case "zset":
			v, err = c.ZRangeWithScores(ctx, k, 0, -1).Result()
		case "stream":
			v, err = c.XRange(ctx, k, "-", "+").Result()
		case "string":
			v, err = c.Get(ctx, k).Result()
		default:
			b.Fatalf("%s is a %q", k, kind)
		}
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintln(&all, k, v)
	}
	return all.String()
}
