package state

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Schema is the layout of the keys. A Redis of another schema is refused.
const Schema = 1

// Config says which Redis and how.
type Config struct {
	// URL is redis://, rediss://, unix://, redis+sentinel://h1,h2/MASTER/DB or redis+cluster://h1,h2.
	URL string
	// Prefix is the first part of every key; "" is "dogwatch".
	Prefix string
	// Shards is used when the Redis is first used; 0 is 16. Later the number found there counts.
	Shards int
	// Wait is the number of replicas that must have a write: -1 is auto (1 from when there are replicas, seen by Check).
	Wait int
	// Plain is set by who started miniredis: scripts are sent without their "#!lua" line.
	Plain bool
	// Clock, if not nil, gives the time of every script. Only tests and the demo's seeding set it, and only on a Redis
	// where AllowTestClock was called.
	Clock func() time.Time
}

// Store is a connection to the state. All methods are safe for concurrent use.
type Store struct {
	rdb    redis.UniversalClient
	cfg    Config
	shards int
	house  string
	wait   atomic.Int32
	// channels are the shards' logs as this process follows them.
	channels []*channel
}

// Open connects, and fixes or reads the number of shards. The error says what to do where that can be known.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = "dogwatch"
	}
	if cfg.Shards == 0 {
		cfg.Shards = 16
	}
	rdb, err := dial(cfg.URL)
	if err != nil {
		return nil, err
	}
	s := &Store{rdb: rdb, cfg: cfg}
	if err := s.enter(ctx); err != nil {
		rdb.Close()
		return nil, err
	}
	if cfg.Wait >= 0 {
		s.wait.Store(int32(cfg.Wait))
	}
	s.heed(ctx)
	return s, nil
}

// enter fixes schema, shards and id in a Redis that has none, and reads them in one that has.
func (s *Store) enter(ctx context.Context) error {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fmt.Errorf("make store id: %w", err)
	}
	key := s.Key(0, "house")
	var got *redis.SliceCmd
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSetNX(ctx, key, "schema", Schema)
		p.HSetNX(ctx, key, "shards", s.cfg.Shards)
		p.HSetNX(ctx, key, "id", hex.EncodeToString(id[:]))
		got = p.HMGet(ctx, key, "schema", "shards", "id")
		return nil
	})
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	v := got.Val()
	if v[0] != strconv.Itoa(Schema) {
		return fmt.Errorf("open store: this Redis holds schema %v under prefix %q, this program knows %d", v[0], s.cfg.Prefix, Schema)
	}
	n, err := strconv.Atoi(fmt.Sprint(v[1]))
	if err != nil || n < 1 || n > 256 {
		return fmt.Errorf("open store: %s holds shards=%v; it must be 1 to 256", key, v[1])
	}
	s.shards, s.house = n, fmt.Sprint(v[2])
	for range n {
		s.channels = append(s.channels, newChannel())
	}
	return nil
}

// Close ends the connections.
func (s *Store) Close() error { return s.rdb.Close() }

// House is the id this Redis was given when first used.
func (s *Store) House() string { return s.house }

// Shards is their number, fixed for the life of this Redis.
func (s *Store) Shards() int { return s.shards }

// ShardOf says where a subject's state lies.
func (s *Store) ShardOf(subject string) int {
	sum := sha256.Sum256([]byte(subject))
	return int(binary.BigEndian.Uint32(sum[:4]) % uint32(s.shards))
}

// Key is a key of a shard: PREFIX:{dw:N}:part:part.
func (s *Store) Key(shard int, parts ...string) string {
	n := len(s.cfg.Prefix) + 9
	for _, p := range parts {
		n += 1 + len(p)
	}
	b := make([]byte, 0, n)
	b = append(b, s.cfg.Prefix...)
	b = append(b, ":{dw:"...)
	b = strconv.AppendInt(b, int64(shard), 10)
	b = append(b, '}')
	for _, p := range parts {
		b = append(b, ':')
		b = append(b, p...)
	}
	return string(b)
}

// Client is for plain reads in the store files of the domain packages. Writes go through scripts.
func (s *Store) Client() redis.UniversalClient { return s.rdb }

// AllowTestClock makes every shard accept times from Config.Clock. For tests and the demo's seeding.
func (s *Store) AllowTestClock(ctx context.Context) error {
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range s.shards {
			p.Set(ctx, s.Key(n, "testclock"), "1", 0)
		}
		return nil
	})
	return err
}

// ForbidTestClock takes that back.
func (s *Store) ForbidTestClock(ctx context.Context) error {
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range s.shards {
			p.Del(ctx, s.Key(n, "testclock"))
		}
		return nil
	})
	return err
}

// ErrTestClock is why serve does not start on a Redis that takes its time from callers.
var ErrTestClock = errors.New("a test clock stands in this Redis: it was used by a test or an unfinished demo; use another prefix or delete the testclock keys")

// RefuseTestClock is ErrTestClock if any shard has one.
func (s *Store) RefuseTestClock(ctx context.Context) error {
	var cmds []*redis.IntCmd
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range s.shards {
			cmds = append(cmds, p.Exists(ctx, s.Key(n, "testclock")))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for test clock: %w", err)
	}
	for _, c := range cmds {
		if c.Val() != 0 {
			return ErrTestClock
		}
	}
	return nil
}

// clockArg is ARGV[1]: empty in production.
func (s *Store) clockArg() string {
	if s.cfg.Clock == nil {
		return ""
	}
	return strconv.FormatInt(s.cfg.Clock().UnixMilli(), 10)
}
