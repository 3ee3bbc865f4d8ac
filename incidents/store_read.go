package incidents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Get reads an incident.
func (s *Service) Get(ctx context.Context, id ID) (Incident, error) {
	h, err := s.store.Client().HGetAll(ctx, s.keys.incident(id)[0]).Result()
	if err != nil {
		return Incident{}, fmt.Errorf("read incident %s: %w", id, err)
	}
	i, ok := parseIncident(h)
	if !ok {
		return Incident{}, fmt.Errorf("read incident %s: %w", id, ErrUnknown)
	}
	return i, nil
}

// GetAll reads several incidents in one go; one that does not exist is left out.
func (s *Service) GetAll(ctx context.Context, ids []ID) ([]Incident, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.MapStringStringCmd, len(ids))
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HGetAll(ctx, s.keys.incident(id)[0])
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	var out []Incident
	for _, c := range cmds {
		if i, ok := parseIncident(c.Val()); ok {
			out = append(out, i)
		}
	}
	return out, nil
}

// History reads an incident's lines from a number on (1: all).
func (s *Service) History(ctx context.Context, id ID, from int) ([]Line, error) {
	ik := s.keys.incident(id)
	var raw *redis.StringSliceCmd
	var counts *redis.StringCmd
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		raw, counts = p.LRange(ctx, ik[3], int64(max(from, 1)-1), -1), p.HGet(ctx, ik[0], "n")
		return nil
	})
	if err != nil && err != redis.Nil {
		return nil, fmt.Errorf("read history of incident %s: %w", id, err)
	}
	open := parseCounts(counts.Val())
	lines := make([]Line, len(raw.Val()))
	for i, r := range raw.Val() {
		lines[i] = parseLine(max(from, 1)+i, r)
		if lines[i].Seq == open.lineSeq && open.lineCount > 1 {
			lines[i].Data = json.RawMessage(`{"count":` + strconv.FormatInt(open.lineCount, 10) + `}`)
		}
	}
	return lines, nil
}

// Alerts reads at most limit alerts of an incident (0: all), firing ones first, then by their start.
func (s *Service) Alerts(ctx context.Context, id ID, limit int) ([]AlertView, error) {
	ik := s.keys.incident(id)
	var states, texts *redis.MapStringStringCmd
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		states, texts = p.HGetAll(ctx, ik[1]), p.HGetAll(ctx, ik[2])
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read alerts of incident %s: %w", id, err)
	}
	out := make([]AlertView, 0, len(states.Val()))
	packed := texts.Val()
	for fp, st := range states.Val() {
		out = append(out, parseAlert(fp, st, packed[fp]))
	}
	sort.Slice(out, func(a, b int) bool {
		if out[a].Status != out[b].Status {
			return out[a].Status == Firing
		}
		if !out[a].StartsAt.Equal(out[b].StartsAt) {
			return out[a].StartsAt.Before(out[b].StartsAt)
		}
		return out[a].Fingerprint < out[b].Fingerprint
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}

// Filter says which incidents to list.
type Filter struct {
	States     []State  // empty: all
	Severities []string // empty: all
	Query      string   // words that the title, group key, source or number must all contain, without case; "" for all
	Limit      int      // 1 to 500; 0 is 50
	Cursor     string   // from the page before; "" for the first
}

// ErrCursor: a cursor that no page returned.
var ErrCursor = errors.New("the cursor is not one")

// List is a page of incidents, newest first, and the cursor of the next page ("" at the end).
func (s *Service) List(ctx context.Context, f Filter) ([]Incident, string, error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 50
	}
	before, beforeID := "+inf", ID("")
	if f.Cursor != "" {
		at, id, ok := strings.Cut(f.Cursor, "-")
		if _, err := strconv.ParseInt(at, 10, 64); err != nil || !ok {
			return nil, "", fmt.Errorf("list incidents: %w", ErrCursor)
		}
		before, beforeID = at, ID(id)
	}
	index := "created"
	if len(f.States) > 0 && !slices.Contains(f.States, Closed) {
		index = "open"
	}
	var out []Incident
	for {
		ids, more, err := s.page(ctx, index, before, beforeID, max(f.Limit, 100))
		if err != nil {
			return nil, "", err
		}
		list, err := s.GetAll(ctx, idsOf(ids))
		if err != nil {
			return nil, "", err
		}
		for _, i := range list {
			if !f.takes(&i) {
				continue
			}
			if len(out) == f.Limit {
				last := out[len(out)-1]
				return out, fmt.Sprintf("%d-%s", last.CreatedAt.UnixMilli(), last.ID), nil
			}
			out = append(out, i)
		}
		if !more || len(ids) == 0 {
			return out, "", nil
		}
		last := ids[len(ids)-1]
		before, beforeID = strconv.FormatFloat(last.Score, 'f', 0, 64), ID(last.Member.(string))
	}
}

// page is the next n ids over all shards, newest first, after the one given.
func (s *Service) page(ctx context.Context, index, before string, beforeID ID, n int) ([]redis.Z, bool, error) {
	var cmds []*redis.ZSliceCmd
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard := range s.store.Shards() {
			key, last := s.keys.shard(shard, index), before
			if beforeID != "" {
				// All of that millisecond, since any number may share it: a body opens hundreds at once.
				cmds = append(cmds, p.ZRevRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: before, Max: before}))
				last = "(" + before
			}
			cmds = append(cmds, p.ZRevRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: "-inf", Max: last, Count: int64(n) + 1}))
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("list incidents: %w", err)
	}
	var all []redis.Z
	for _, c := range cmds {
		all = append(all, c.Val()...)
	}
	sort.Slice(all, func(a, b int) bool {
		if all[a].Score != all[b].Score {
			return all[a].Score > all[b].Score
		}
		return all[a].Member.(string) > all[b].Member.(string)
	})
	if beforeID != "" {
		at, _ := strconv.ParseFloat(before, 64)
		all = slices.DeleteFunc(all, func(z redis.Z) bool { return z.Score == at && z.Member.(string) >= string(beforeID) })
	}
	if len(all) > n {
		return all[:n], true, nil
	}
	return all, false, nil
}

func idsOf(zs []redis.Z) []ID {
	ids := make([]ID, len(zs))
	for i, z := range zs {
		ids[i] = ID(z.Member.(string))
	}
	return ids
}

func (f *Filter) takes(i *Incident) bool {
	if len(f.States) > 0 && !slices.Contains(f.States, i.State) {
		return false
	}
	if len(f.Severities) > 0 && !slices.Contains(f.Severities, i.Severity) {
		return false
	}
	hay := strings.ToLower(fmt.Sprintf("%s %s %s #%d", i.Title, i.GroupKey, i.Source, i.Number))
	for w := range strings.FieldsSeq(strings.ToLower(f.Query)) {
		if !strings.Contains(hay, w) {
			return false
		}
	}
	return true
}

// OpenCount is the number of open incidents.
func (s *Service) OpenCount(ctx context.Context) (int64, error) {
	var cmds []*redis.IntCmd
	_, err := s.store.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range s.store.Shards() {
			cmds = append(cmds, p.ZCard(ctx, s.keys.shard(n, "open")))
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count open incidents: %w", err)
	}
	var sum int64
	for _, c := range cmds {
		sum += c.Val()
	}
	return sum, nil
}
