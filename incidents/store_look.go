package incidents

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Look reads an incident with the last tail lines of its history in one go: what a card needs.
func (s *Service) Look(ctx context.Context, id ID, tail int) (Incident, []Line, error) {
	ik := s.keys.incident(id)
	var hash *redis.MapStringStringCmd
	var count *redis.IntCmd
	var raw *redis.StringSliceCmd
	_, err := s.store.Client().TxPipelined(ctx, func(p redis.Pipeliner) error {
		hash, count, raw = p.HGetAll(ctx, ik[0]), p.LLen(ctx, ik[3]), p.LRange(ctx, ik[3], -int64(max(tail, 1)), -1)
		return nil
	})
	if err != nil {
		return Incident{}, nil, fmt.Errorf("read incident %s: %w", id, err)
	}
	i, ok := parseIncident(hash.Val())
	if !ok {
		return Incident{}, nil, fmt.Errorf("read incident %s: %w", id, ErrUnknown)
	}
	lines := make([]Line, len(raw.Val()))
	first := int(count.Val()) - len(lines) + 1
	for n, r := range raw.Val() {
		lines[n] = parseLine(first+n, r)
	}
	return i, lines, nil
}
