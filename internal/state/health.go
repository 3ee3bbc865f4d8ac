package state

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Unavailable says whether an error may pass by itself: no connection, loading, failing over, out of memory or disk,
// too few replicas. What could not be kept must then be refused so that the sender tries again.
func Unavailable(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, ErrNotReplicated) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout) {
		return true
	}
	var ne net.Error
	if errors.As(err, &ne) {
		return true
	}
	for _, p := range []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "OOM", "MISCONF",
		"NOREPLICAS", "BUSY", "UNKILLABLE", "NOAUTH", "WRONGPASS", "NOPERM", "ERR max number of clients"} {
		if redis.HasErrorPrefix(err, p) {
			return true
		}
	}
	return false
}

func isMoved(err error) bool {
	return redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "ASK")
}

// Finding is a setting of a Redis that does not keep what we promise.
type Finding struct {
	Server  string // address
	Setting string // "appendonly", "appendfsync", "maxmemory-policy", "config"
	Value   string // as read; "" if it could not be
	Mend    string // the command that mends it
	// Fatal: an evicting policy silently deletes incidents, so a durable store does not even start.
	Fatal bool
}

func (f Finding) String() string {
	if f.Setting == "config" {
		return fmt.Sprintf("Redis %s: its settings cannot be read (CONFIG GET refused); %s", f.Server, f.Mend)
	}
	return fmt.Sprintf("Redis %s: %s is %q; %s", f.Server, f.Setting, f.Value, f.Mend)
}

// Check asks every master whether what it acknowledges survives, and whether there are replicas to wait for by now. No
// findings: it does.
func (s *Store) Check(ctx context.Context) ([]Finding, error) {
	var all []Finding
	err := s.eachMaster(ctx, func(ctx context.Context, addr string, c *redis.Client) error {
		if err := c.Ping(ctx).Err(); err != nil {
			return fmt.Errorf("ping %s: %w", addr, err)
		}
		all = append(all, checkOne(ctx, addr, c)...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("check store: %w", err)
	}
	s.heed(ctx)
	return all, nil
}

// heed makes writes wait for a replica from when there is one, where that was left to us. It never takes that back: a master
// that a partition has cut off sees no replicas either, and what it takes then is lost.
func (s *Store) heed(ctx context.Context) {
	if s.cfg.Wait >= 0 || s.wait.Load() > 0 {
		return
	}
	if n, err := s.Replicas(ctx); err == nil && n > 0 {
		s.wait.Store(1)
	}
}

func checkOne(ctx context.Context, addr string, c *redis.Client) []Finding {
	var out []Finding
	get := func(name string) (string, bool) {
		m, err := c.ConfigGet(ctx, name).Result()
		if err != nil || m[name] == "" {
			return "", false
		}
		return m[name], true
	}
	unreadable := Finding{Server: addr, Setting: "config", Mend: "allow this user CONFIG GET (ACL SETUSER … +config|get)"}
	only, ok := get("appendonly")
	if !ok {
		return []Finding{unreadable}
	}
	if only != "yes" {
		out = append(out, Finding{Server: addr, Setting: "appendonly", Value: only, Mend: "run CONFIG SET appendonly yes, and write it into redis.conf"})
	}
	if v, ok := get("appendfsync"); !ok {
		return append(out, unreadable)
	} else if v != "always" {
		out = append(out, Finding{Server: addr, Setting: "appendfsync", Value: v, Mend: "run CONFIG SET appendfsync always, and write it into redis.conf"})
	}
	if v, ok := get("maxmemory-policy"); !ok {
		return append(out, unreadable)
	} else if v != "noeviction" {
		out = append(out, Finding{Server: addr, Setting: "maxmemory-policy", Value: v, Fatal: true,
			Mend: "run CONFIG SET maxmemory-policy noeviction, and write it into redis.conf"})
	}
	return out
}

// Replicas is the smallest number of connected replicas that any master has.
func (s *Store) Replicas(ctx context.Context) (int, error) {
	least := -1
	err := s.eachMaster(ctx, func(ctx context.Context, addr string, c *redis.Client) error {
		info, err := c.Info(ctx, "replication").Result()
		if err != nil {
			return err
		}
		n := 0
		for line := range strings.SplitSeq(info, "\n") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "connected_slaves:"); ok {
				n, _ = strconv.Atoi(v)
			}
		}
		if least < 0 || n < least {
			least = n
		}
		return nil
	})
	return max(least, 0), err
}

func (s *Store) eachMaster(ctx context.Context, f func(context.Context, string, *redis.Client) error) error {
	switch c := s.rdb.(type) {
	case *redis.ClusterClient:
		var list []*redis.Client
		seen := map[string]bool{}
		for n := range s.shards {
			node, err := c.MasterForKey(ctx, s.Key(n, "meta"))
			if err != nil {
				return err
			}
			if a := node.Options().Addr; !seen[a] {
				seen[a] = true
				list = append(list, node)
			}
		}
		for _, node := range list {
			if err := f(ctx, node.Options().Addr, node); err != nil {
				return err
			}
		}
		return nil
	case *redis.Client:
		return f(ctx, c.Options().Addr, c)
	}
	return fmt.Errorf("unknown client %T", s.rdb)
}
