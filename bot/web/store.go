package web

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"dogwatch/bot"
	"dogwatch/internal/state"
)

var (
	//go:embed session.lua
	sessionSource string
	//go:embed put.lua
	putSource string
	//go:embed name.lua
	nameSource string

	sessionScript = state.NewScript("session", sessionSource)
	putScript     = state.NewScript("put message", putSource)
	nameScript    = state.NewScript("name feed", nameSource)
)

const (
	mostMessages = 500
	mostFeeds    = 200
)

// store is what this package keeps in Redis.
type store struct {
	s    *state.Store
	keys keys
	// whole and idle are how long a session lasts in all, and unused.
	whole, idle time.Duration
}

// holder is whose a session is.
type holder struct {
	person string
	write  bool
}

// session runs session.lua; ok=false: there is no such session (any more).
func (s *store) session(ctx context.Context, verb, id string, h holder) (holder, bool, error) {
	key, shard := s.keys.session(digest(id))
	write := "0"
	if h.write {
		write = "1"
	}
	f, err := s.s.Do(ctx, state.Call{Script: sessionScript, Shard: shard, Keys: []string{key},
		Args: []any{verb, h.person, write, s.whole.Milliseconds(), s.idle.Milliseconds()}})
	if err != nil || len(f) != 2 {
		return holder{}, false, err
	}
	return holder{f[0], f[1] == "1"}, true, nil
}

// kept is a message as it is stored.
type kept struct {
	Key  string    `json:"k"`
	Card *bot.Card `json:"c,omitempty"`
	Text string    `json:"t,omitempty"`

	ID      string    `json:"-"`
	At      time.Time `json:"-"` // when it came
	Changed time.Time `json:"-"`
}

// put keeps or changes a message; ok=false: what should be changed is not there.
func (s *store) put(ctx context.Context, verb, to, id string, m kept) (ok bool, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return false, fmt.Errorf("encode message: %w", err)
	}
	messages, order, shard := s.keys.feed(to)
	v, err := s.s.Run(ctx, state.Call{Script: putScript, Shard: shard, Keys: []string{messages, order},
		Args: []any{id, string(body), verb, mostMessages, "web:" + to}})
	return v == "ok", err
}

// has says whether a message is there.
func (s *store) has(ctx context.Context, to, id string) (bool, error) {
	messages, _, _ := s.keys.feed(to)
	return s.s.Client().HExists(ctx, messages, id).Result()
}

// name remembers a feed.
func (s *store) name(ctx context.Context, feed string) error {
	_, err := s.s.Run(ctx, state.Call{Script: nameScript, Keys: []string{s.keys.feeds()}, Args: []any{feed, mostFeeds}})
	return err
}

// names are the feeds there are, the one with the latest message first.
func (s *store) names(ctx context.Context) ([]string, error) {
	list, err := s.s.Client().ZRevRange(ctx, s.keys.feeds(), 0, mostFeeds-1).Result()
	if err != nil {
		return nil, fmt.Errorf("read feeds: %w", err)
	}
	return list, nil
}

// newest are messages of a feed or inbox, newest first.
func (s *store) newest(ctx context.Context, to string, limit int64) ([]kept, error) {
	messages, order, _ := s.keys.feed(to)
	ids, err := s.s.Client().ZRevRangeWithScores(ctx, order, 0, limit-1).Result()
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	names := make([]string, len(ids))
	for i, z := range ids {
		names[i], _ = z.Member.(string)
	}
	values, err := s.s.Client().HMGet(ctx, messages, names...).Result()
	if err != nil {
		return nil, fmt.Errorf("read messages of %s: %w", to, err)
	}
	var out []kept
	for i, v := range values {
		if m, ok := readKept(v, ids[i]); ok {
			out = append(out, m)
		}
	}
	return out, nil
}

// readKept reads a message; ok=false: it went between two reads.
func readKept(value any, z redis.Z) (kept, bool) {
	text, _ := value.(string)
	changed, body, ok := strings.Cut(text, " ")
	var m kept
	if !ok || json.Unmarshal([]byte(body), &m) != nil {
		return kept{}, false
	}
	m.ID, _ = z.Member.(string)
	m.At = time.UnixMilli(int64(z.Score))
	if ms, err := strconv.ParseInt(changed, 10, 64); err == nil {
		m.Changed = time.UnixMilli(ms)
	}
	return m, true
}
