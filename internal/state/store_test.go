package state_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

var countScript = state.NewScript("count", `#!lua flags=allow-oom
-- count: KEYS[6] counter. returns its value, memoised by request.
local again = seen()
if again then return again end
local now = clock()
local n = redis.call('INCR', KEYS[6])
log('counted', 'x')
audit(now)
return finish(now, {int(n), int(now)})
`)

func count(t *testing.T, s *state.Store, shard int, request string) []string {
	t.Helper()
	f, err := s.Do(context.Background(), state.Call{Script: countScript, Shard: shard, Request: request,
		Audit: []byte(`{"do":"count"}`), Keys: []string{s.Key(shard, "n")}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// on runs a test on every kind of Redis we serve.
func on(t *testing.T, f func(t *testing.T, s *state.Store)) {
	redistest.Each(t, nil, f)
	t.Run("sentinel", func(t *testing.T) {
		url, _, _ := redistest.Sentinel(t)
		f(t, redistest.OpenURL(t, state.Config{URL: url, Wait: -1}))
	})
	t.Run("cluster", func(t *testing.T) {
		url, _ := redistest.Cluster(t)
		f(t, redistest.OpenURL(t, state.Config{URL: url, Wait: -1}))
	})
}

func TestRepeatReturnsFirstResult(t *testing.T) {
	on(t, func(t *testing.T, s *state.Store) {
		for shard := range s.Shards() {
			first := count(t, s, shard, "r1")
			if first[0] != "1" {
				t.Fatalf("shard %d: first count is %v", shard, first)
			}
			if again := count(t, s, shard, "r1"); strings.Join(again, " ") != strings.Join(first, " ") {
				t.Fatalf("shard %d: repeat gave %v, first was %v", shard, again, first)
			}
			if other := count(t, s, shard, "r2"); other[0] != "2" {
				t.Fatalf("shard %d: another request gave %v", shard, other)
			}
			n, err := s.Client().XLen(context.Background(), s.Key(shard, "audit")).Result()
			if err != nil || n != 2 {
				t.Fatalf("shard %d: %d audit entries, %v", shard, n, err)
			}
		}
	})
}

func TestPipelineOverShards(t *testing.T) {
	on(t, func(t *testing.T, s *state.Store) {
		var calls []state.Call
		for i := range 200 {
			shard := i % s.Shards()
			calls = append(calls, state.Call{Script: countScript, Shard: shard, Request: fmt.Sprint("p", i), Keys: []string{s.Key(shard, "m")}})
		}
		sum := 0
		for i, r := range s.DoAll(context.Background(), calls) {
			if _, err := r.Fields(); err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
			sum++
		}
		if sum != 200 {
			t.Fatalf("%d replies", sum)
		}
	})
}

func TestTimeNeverRunsBack(t *testing.T) {
	at := time.UnixMilli(1_795_000_000_000)
	clock := func() time.Time { return at }
	redistest.Each(t, clock, func(t *testing.T, s *state.Store) {
		at = time.UnixMilli(1_795_000_000_000)
		if f := count(t, s, 3, "a"); f[1] != "1795000000000" {
			t.Fatalf("time is %v", f)
		}
		at = at.Add(-time.Hour)
		if f := count(t, s, 3, "b"); f[1] != "1795000000000" {
			t.Fatalf("time after the clock went back is %v", f)
		}
		if err := s.ForbidTestClock(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Now(context.Background(), 3); err == nil || !strings.Contains(err.Error(), "TESTCLOCK") {
			t.Fatalf("a time was accepted without a test clock: %v", err)
		}
	})
}

func TestRefuseTestClock(t *testing.T) {
	s := redistest.Start(t).Open(nil)
	if err := s.RefuseTestClock(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.AllowTestClock(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.RefuseTestClock(context.Background()); !errors.Is(err, state.ErrTestClock) {
		t.Fatalf("got %v", err)
	}
}

func TestCheckNamesSettingAndMend(t *testing.T) {
	for _, c := range []struct {
		args    []string
		setting string
		fatal   bool
	}{
		{nil, "", false},
		{[]string{"--appendonly", "no"}, "appendonly", false},
		{[]string{"--appendfsync", "everysec"}, "appendfsync", false},
		{[]string{"--maxmemory-policy", "allkeys-lru"}, "maxmemory-policy", true},
		{[]string{"--rename-command", "CONFIG", ""}, "config", false},
	} {
		t.Run(c.setting, func(t *testing.T) {
			f, err := redistest.Start(t, c.args...).Open(nil).Check(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if c.setting == "" {
				if len(f) != 0 {
					t.Fatalf("a durable Redis has findings: %v", f)
				}
				return
			}
			if len(f) == 0 || f[0].Setting != c.setting || f[0].Fatal != c.fatal || f[0].Mend == "" {
				t.Fatalf("findings are %+v", f)
			}
		})
	}
}

func TestScriptsSurviveFlushAndRestart(t *testing.T) {
	srv := redistest.Start(t)
	s := srv.Open(nil)
	count(t, s, 0, "a")
	if err := srv.Client().ScriptFlush(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	if f := count(t, s, 0, "b"); f[0] != "2" {
		t.Fatalf("after SCRIPT FLUSH: %v", f)
	}
	srv.Kill()
	_, err := s.Do(context.Background(), state.Call{Script: countScript, Request: "c", Keys: []string{s.Key(0, "n")}})
	if !state.Unavailable(err) {
		t.Fatalf("a dead Redis is not called unavailable: %v", err)
	}
	srv.Up()
	if f := count(t, s, 0, "c"); f[0] != "3" {
		t.Fatalf("after kill -9 and restart: %v", f)
	}
}

func TestWaitRefusesWithoutReplica(t *testing.T) {
	s := redistest.OpenURL(t, state.Config{URL: redistest.Start(t).URL(), Wait: 1})
	_, err := s.Do(context.Background(), state.Call{Script: countScript, Request: "a", Keys: []string{s.Key(0, "n")}})
	if !errors.Is(err, state.ErrNotReplicated) || !state.Unavailable(err) {
		t.Fatalf("got %v", err)
	}
}

func TestFollowWakes(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *state.Store) {
		ctx, cancel := context.WithCancel(context.Background())
		got := make(chan state.Change, 16)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Follow(ctx, 2, func(cs []state.Change) {
				for _, c := range cs {
					got <- c
				}
			}, func() {})
		}()
		n := 0
		redistest.Until(t, 10*time.Second, "a change to arrive", func() bool {
			n++
			count(t, s, 2, fmt.Sprint("f", n))
			return len(got) > 0
		})
		if c := <-got; c.Kind != "counted" || c.Shard != 2 || c.Subject != "x" {
			t.Fatalf("change is %+v", c)
		}
		cancel()
		s.Close()
		<-done
	})
}

// Any number of followers hear of a change, and go on hearing when the one that reads for all has left.
func TestFollowersShareOneReader(t *testing.T) {
	s := redistest.Start(t).Open(nil)
	type one struct {
		cancel context.CancelFunc
		heard  chan string
		done   chan struct{}
	}
	var all []*one
	for range 4 {
		ctx, cancel := context.WithCancel(context.Background())
		o := &one{cancel, make(chan string, 1000), make(chan struct{})}
		go func() {
			defer close(o.done)
			s.Follow(ctx, 5, func(list []state.Change) {
				for _, c := range list {
					o.heard <- c.Kind
				}
			}, func() {})
		}()
		all = append(all, o)
	}
	n := 0
	for len(all) > 0 {
		redistest.Until(t, 10*time.Second, "every follower to hear", func() bool {
			n++
			count(t, s, 5, fmt.Sprint("h", n))
			for _, o := range all {
				if len(o.heard) == 0 {
					return false
				}
			}
			return true
		})
		gone := all[0]
		gone.cancel()
		all = all[1:]
		for _, o := range all {
			for len(o.heard) > 0 {
				<-o.heard
			}
		}
	}
	s.Close()
}

func TestSchemaIsRefused(t *testing.T) {
	srv := redistest.Start(t)
	s := srv.Open(nil)
	srv.Client().HSet(context.Background(), s.Key(0, "house"), "schema", "99")
	if _, err := state.Open(context.Background(), state.Config{URL: srv.URL()}); err == nil || !strings.Contains(err.Error(), "schema 99") {
		t.Fatalf("got %v", err)
	}
}
