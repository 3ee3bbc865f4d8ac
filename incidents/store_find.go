package incidents

import (
	"context"
	"fmt"
	"sort"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// findByPrint says where each of a group's resolved reports belongs: to the incident that holds the alert, also when
// routes changed meanwhile; else to its own group, for sure.
func (s *Service) findByPrint(ctx context.Context, g *group) ([]*group, error) {
	cmds := make([][]*redis.StringCmd, len(g.reports))
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, r := range g.reports {
			for n := range s.store.Shards() {
				cmds[i] = append(cmds[i], p.HGet(ctx, s.keys.shard(n, "prints"), g.source+"/"+r.Fingerprint))
			}
		}
		return nil
	})
	if err != nil && err != redis.Nil {
		return nil, fmt.Errorf("look alerts up by fingerprint: %w", err)
	}
	byID := map[ID]*group{}
	var out []*group
	for i, r := range g.reports {
		var at ID
		for _, c := range cmds[i] {
			if id, ok := ParseID(c.Val()); ok {
				at = id
			}
		}
		to := byID[at]
		if to == nil {
			to = &group{routed: g.routed, source: g.source, first: r, sure: true, direct: at, title: g.title, unlimited: g.unlimited}
			byID[at] = to
			out = append(out, to)
		}
		to.reports = append(to.reports, r)
	}
	return out, nil
}

// ByNumber finds an incident by its number for people.
func (s *Service) ByNumber(ctx context.Context, number int64) (ID, error) {
	var cmds []*redis.StringCmd
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range s.store.Shards() {
			cmds = append(cmds, p.HGet(ctx, s.keys.shard(n, "numbers"), strconv.FormatInt(number, 10)))
		}
		return nil
	})
	if err != nil && err != redis.Nil {
		return "", fmt.Errorf("find incident %d: %w", number, err)
	}
	for _, c := range cmds {
		if id, ok := ParseID(c.Val()); ok {
			return id, nil
		}
	}
	return "", fmt.Errorf("find incident %d: %w", number, ErrUnknown)
}

// Find reads "42", "#42" or an id.
func (s *Service) Find(ctx context.Context, ref string) (ID, error) {
	if id, ok := ParseID(ref); ok {
		return id, nil
	}
	if len(ref) > 0 && ref[0] == '#' {
		ref = ref[1:]
	}
	n, err := strconv.ParseInt(ref, 10, 64)
	if err != nil || n < 1 {
		return "", fmt.Errorf("find incident %q: %w", ref, ErrUnknown)
	}
	return s.ByNumber(ctx, n)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
