package incidents

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// findByPrint says where each of a group's resolved reports belongs: to the incident that holds the alert, also when
// routes changed meanwhile; else to its own group, for sure.
func (s *Service) findByPrint(ctx context.Context, g *group) ([]*group, error) {
	at, err := s.holders(ctx, g, false)
	if err != nil {
		return nil, err
	}
	out := g.split(at)
	for _, to := range out {
		to.sure = true
	}
	return out, nil
}

// holders says for each report of a group which incident holds its alert: an open one if there is any, else, unless only open
// ones count, a resolved one; "" for none.
func (s *Service) holders(ctx context.Context, g *group, onlyOpen bool) ([]ID, error) {
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
	var ids []ID
	for _, row := range cmds {
		for _, c := range row {
			if id, ok := ParseID(c.Val()); ok && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	list, err := s.GetAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	open := map[ID]bool{}
	for i := range list {
		open[list[i].ID] = list[i].Open()
	}
	at := make([]ID, len(g.reports))
	for i, row := range cmds {
		for _, c := range row {
			if id, ok := ParseID(c.Val()); ok && (open[id] || at[i] == "" && !onlyOpen) {
				at[i] = id
			}
		}
	}
	return at, nil
}

// split makes a group of the reports that belong to each incident, in the order in which they came.
func (g *group) split(at []ID) []*group {
	byID := map[ID]*group{}
	var out []*group
	for i, r := range g.reports {
		to := byID[at[i]]
		if to == nil {
			to = &group{routed: g.routed, source: g.source, first: r, sure: g.sure, direct: at[i], title: g.title, unlimited: g.unlimited, looked: true}
			byID[at[i]] = to
			out = append(out, to)
		}
		to.reports = append(to.reports, r)
	}
	return out
}

// Routes tells the service which routing is in use, by a hash of it. When it differs from the one that was used before, here
// or by an earlier process, alerts of groups that are new are looked for in the open incidents of the old ones for as long as
// such an alert can be firing: a running incident keeps its alerts.
func (s *Service) Routes(ctx context.Context, hash string) error {
	key := s.store.Key(0, "routes")
	old, err := s.store.Client().HGetAll(ctx, key).Result()
	if err != nil {
		return fmt.Errorf("look which routes were in use: %w", err)
	}
	since := num(old["since"])
	if old["hash"] != hash {
		if old["hash"] != "" {
			since = time.Now().UnixMilli()
		}
		if err := s.store.Client().HSet(ctx, key, "hash", hash, "since", since).Err(); err != nil {
			return fmt.Errorf("note which routes are in use: %w", err)
		}
	}
	s.rerouted.Store(since)
	return nil
}

// adopt sends alerts of groups without an incident to the open incidents that hold them under routes of before.
func (s *Service) adopt(ctx context.Context, work []*group) ([]*group, error) {
	window := s.cfg.StaleAfter
	if window < 0 {
		window = 24 * time.Hour
	}
	if since := s.rerouted.Load(); since == 0 || time.Since(time.UnixMilli(since)) > window {
		return work, nil
	}
	var out []*group
	for _, g := range work {
		_, cached := s.groups.Get(g.routed.GroupID)
		if cached || g.looked || g.sure || g.unlimited || g.direct != "" || g.follow != "" {
			out = append(out, g)
			continue
		}
		has, err := s.store.Client().HExists(ctx, s.keys.shard(s.store.ShardOf(g.routed.GroupID), "groups"), g.routed.GroupID).Result()
		if err != nil {
			return nil, fmt.Errorf("look for the group's incident: %w", err)
		}
		if has {
			g.looked = true
			out = append(out, g)
			continue
		}
		at, err := s.holders(ctx, g, true)
		if err != nil {
			return nil, err
		}
		out = append(out, g.split(at)...)
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
