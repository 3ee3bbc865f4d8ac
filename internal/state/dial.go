package state

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// silent takes go-redis' own log lines: what matters of them comes back as errors, and readiness says it once.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silent{}) }

// dial makes the client that a URL asks for. Retries are off: after a lost answer a resent write may be a second write
// (measured: one INCR became two), so repeats are ours to make, with a request id.
func dial(raw string) (redis.UniversalClient, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("store.redis: not a URL; write redis://HOST:PORT/DB")
	}
	switch u.Scheme {
	case "redis", "rediss", "unix":
		o, err := redis.ParseURL(raw)
		if err != nil {
			return nil, fmt.Errorf("store.redis: %w", hide(err, u))
		}
		tune(&o.MaxRetries, &o.PoolSize, &o.ReadTimeout, &o.WriteTimeout)
		o.DialTimeout, o.DisableIdentity, o.ContextTimeoutEnabled = 2*time.Second, true, true
		return redis.NewClient(o), nil
	case "redis+sentinel":
		return dialSentinel(u)
	case "redis+cluster":
		o := &redis.ClusterOptions{Addrs: hosts(u), DisableIdentity: true, ContextTimeoutEnabled: true, DialTimeout: 2 * time.Second}
		o.Username, o.Password = credentials(u)
		// MaxRedirects is for MOVED and ASK answers, which did not execute; a lost connection is not retried.
		o.MaxRedirects = 3
		tune(&o.MaxRetries, &o.PoolSize, &o.ReadTimeout, &o.WriteTimeout)
		return redis.NewClusterClient(o), nil
	}
	return nil, fmt.Errorf("store.redis: scheme %q is none of redis, rediss, redis+sentinel, redis+cluster", u.Scheme)
}

func dialSentinel(u *url.URL) (redis.UniversalClient, error) {
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if parts[0] == "" {
		return nil, errors.New("store.redis: name the master: redis+sentinel://h1,h2,h3/MASTER/0")
	}
	o := &redis.FailoverOptions{
		MasterName: parts[0], SentinelAddrs: hosts(u),
		DisableIdentity: true, ContextTimeoutEnabled: true, DialTimeout: 2 * time.Second,
		ConnMaxIdleTime: time.Minute,
	}
	o.Username, o.Password = credentials(u)
	if len(parts) > 1 {
		db, err := strconv.Atoi(parts[1])
		if err != nil {
			return nil, fmt.Errorf("store.redis: database %q is not a number", parts[1])
		}
		o.DB = db
	}
	tune(&o.MaxRetries, &o.PoolSize, &o.ReadTimeout, &o.WriteTimeout)
	return redis.NewFailoverClient(o), nil
}

func tune(retries, pool *int, read, write *time.Duration) {
	*retries = -1
	*pool = max(48, 10*runtime.GOMAXPROCS(0))
	*read, *write = 3*time.Second, 3*time.Second
}

func hosts(u *url.URL) []string {
	list := strings.Split(u.Host, ",")
	for i, h := range list {
		if !strings.Contains(h, ":") {
			port := "6379"
			if u.Scheme == "redis+sentinel" {
				port = "26379"
			}
			list[i] = h + ":" + port
		}
	}
	return list
}

func credentials(u *url.URL) (user, password string) {
	if u.User == nil {
		return "", ""
	}
	password, _ = u.User.Password()
	return u.User.Username(), password
}

// hide keeps a URL's password out of an error's text.
func hide(err error, u *url.URL) error {
	if _, p := credentials(u); p != "" && strings.Contains(err.Error(), p) {
		return errors.New("the URL cannot be read (its text is not shown, it holds a password)")
	}
	return err
}
