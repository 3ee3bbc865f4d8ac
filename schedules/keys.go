package schedules

import "dogwatch/internal/state"

// Keys of shard N, where N is ShardOf("schedule:" + NAME). All are owned by this package.
//
//	overrides:NAME   hash  id -> start, end (Unix seconds), person, by, via, by \x1f; an override of the schedule that was
//	                       made by hand; kept until a month after its end, or removed by hand
type keys struct{ s *state.Store }

func (k keys) shard(schedule string) int { return k.s.ShardOf("schedule:" + schedule) }

func (k keys) overrides(schedule string) string {
	return k.s.Key(k.shard(schedule), "overrides", schedule)
}
