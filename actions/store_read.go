package actions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// Get reads a request.
func (s *Service) Get(ctx context.Context, id RequestID) (Request, error) {
	if id.Shard() >= s.store.Shards() {
		return Request{}, fmt.Errorf("read request %s: %w", id, ErrUnknown)
	}
	h, err := s.store.Client().HGetAll(ctx, s.keys.request(id)).Result()
	if err != nil {
		return Request{}, fmt.Errorf("read request %s: %w", id, err)
	}
	r, ok := parseRequest(h)
	if !ok {
		return Request{}, fmt.Errorf("read request %s: %w", id, ErrUnknown)
	}
	return r, nil
}

// getAll reads several in one go; one that does not exist is left out.
func (s *Service) getAll(ctx context.Context, ids []string) ([]Request, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.MapStringStringCmd, len(ids))
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HGetAll(ctx, s.keys.request(RequestID(id)))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	var out []Request
	for _, c := range cmds {
		if r, ok := parseRequest(c.Val()); ok {
			out = append(out, r)
		}
	}
	return out, nil
}

// Filter says which requests to list.
type Filter struct {
	States []State // empty: all
	Action string  // "" for all
	Limit  int     // 1 to 500; 0 is 50
	Cursor string  // from the page before; "" for the first
}

// ErrCursor: a cursor that no page returned.
var ErrCursor = errors.New("the cursor is not one")

// List is a page of requests, newest first, and the cursor of the next page ("" at the end).
func (s *Service) List(ctx context.Context, f Filter) ([]Request, string, error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 50
	}
	before, beforeID, ok := strings.Cut(f.Cursor, "-")
	if _, err := strconv.ParseInt(before, 10, 64); f.Cursor == "" {
		before = "+inf"
	} else if err != nil || !ok {
		return nil, "", fmt.Errorf("list requests: %w", ErrCursor)
	}
	var out []Request
	for {
		marks, err := s.newest(ctx, before, beforeID, 100)
		if err != nil {
			return nil, "", err
		}
		ids := make([]string, len(marks))
		for i, m := range marks {
			ids[i] = m.Member.(string)
		}
		list, err := s.getAll(ctx, ids)
		if err != nil {
			return nil, "", err
		}
		for _, r := range list {
			if len(f.States) > 0 && !slices.Contains(f.States, r.State) || f.Action != "" && f.Action != r.Action {
				continue
			}
			if len(out) == f.Limit {
				last := out[len(out)-1]
				return out, fmt.Sprintf("%d-%s", last.CreatedAt.UnixMilli(), last.ID), nil
			}
			out = append(out, r)
		}
		if len(marks) < 100 {
			return out, "", nil
		}
		last := marks[len(marks)-1]
		before, beforeID = strconv.FormatFloat(last.Score, 'f', 0, 64), last.Member.(string)
	}
}

// newest are the first n ids of all shards, newest first, that come after (before, id) in that order.
func (s *Service) newest(ctx context.Context, before, id string, n int) ([]redis.Z, error) {
	cmds := make([]*redis.ZSliceCmd, s.store.Shards())
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard := range cmds {
			// More than n, since those of the same millisecond that were on the page before come again.
			cmds[shard] = p.ZRevRangeByScoreWithScores(ctx, s.keys.shard(shard, "all"),
				&redis.ZRangeBy{Max: before, Min: "-inf", Count: int64(n) + 100})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	var all []redis.Z
	limit, _ := strconv.ParseFloat(before, 64)
	for _, c := range cmds {
		for _, z := range c.Val() {
			if id == "" || z.Score < limit || z.Member.(string) < id {
				all = append(all, z)
			}
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Score != all[j].Score {
			return all[i].Score > all[j].Score
		}
		return all[i].Member.(string) > all[j].Member.(string)
	})
	return all[:min(n, len(all))], nil
}

// ListForIncident are an incident's requests, oldest first.
func (s *Service) ListForIncident(ctx context.Context, incident incidents.ID) ([]Request, error) {
	if incident == "" || incident.Shard() >= s.store.Shards() {
		return nil, nil
	}
	ids, err := s.store.Client().ZRange(ctx, s.keys.of(incident.Shard(), incident), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("list requests of incident %s: %w", incident, err)
	}
	return s.getAll(ctx, ids)
}

// History reads a request's lines from a number on (1: all).
func (s *Service) History(ctx context.Context, id RequestID, from int) ([]incidents.Line, error) {
	from = max(from, 1)
	raw, err := s.store.Client().LRange(ctx, s.keys.lines(id), int64(from)-1, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read history of request %s: %w", id, err)
	}
	lines := make([]incidents.Line, len(raw))
	for i, l := range raw {
		f := strings.SplitN(l, "\x1f", 5)
		for len(f) < 5 {
			f = append(f, "")
		}
		lines[i] = incidents.Line{Seq: from + i, At: ms(f[0]), Kind: f[1], Actor: incidents.Actor{Person: f[2], Via: f[3]}, Data: json.RawMessage(f[4])}
		if !json.Valid(lines[i].Data) {
			lines[i].Data = json.RawMessage("{}")
		}
	}
	return lines, nil
}

// lapseDue lets everything expire that is due and says how long to wait before looking again.
func (s *Service) lapseDue(ctx context.Context) (time.Duration, error) {
	first := make([]*redis.ZSliceCmd, s.store.Shards())
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard := range first {
			first[shard] = p.ZRangeWithScores(ctx, s.keys.shard(shard, "due"), 0, 63)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("look for expired requests: %w", err)
	}
	next := 500 * time.Millisecond // a request made by another process is seen this soon
	for shard, c := range first {
		if len(c.Val()) == 0 {
			continue
		}
		now, err := s.store.Now(ctx, shard)
		if err != nil {
			return 0, err
		}
		for _, z := range c.Val() {
			due := time.UnixMilli(int64(z.Score)).Sub(now)
			if due > 0 {
				next = min(next, due)
				break
			}
			if err := s.lapse(ctx, RequestID(z.Member.(string))); err != nil {
				return 0, err
			}
		}
	}
	return max(next, time.Millisecond), nil
}

// lapse ends one request if its time is over.
func (s *Service) lapse(ctx context.Context, id RequestID) error {
	incident, err := s.store.Client().HGet(ctx, s.keys.request(id), "incident").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("read request %s: %w", id, err)
	}
	_, err = s.store.Run(ctx, state.Call{Script: lapseScript, Shard: id.Shard(), Keys: s.keys.told(id, incidents.ID(incident)), Args: []any{string(id)}})
	return err
}

// marks are ids with scores of one index in all shards, lowest first, at most n a shard.
func (s *Service) marks(ctx context.Context, index string, n int64) ([]redis.Z, error) {
	cmds := make([]*redis.ZSliceCmd, s.store.Shards())
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard := range cmds {
			cmds[shard] = p.ZRangeWithScores(ctx, s.keys.shard(shard, index), 0, n-1)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read index %s: %w", index, err)
	}
	var all []redis.Z
	for _, c := range cmds {
		all = append(all, c.Val()...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Score < all[j].Score })
	return all, nil
}
