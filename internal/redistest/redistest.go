// Package redistest gives tests a private, real Redis: one server, a Sentinel trio, a Cluster of three, and miniredis
// for what must also run on it. Each is started for one test on free loopback ports in the test's own folder and ended
// with it. It is imported by tests only.
package redistest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"dogwatch/internal/state"
)

// Server is one redis-server process of a test.
type Server struct {
	Addr string
	Dir  string
	t    testing.TB
	args []string
	mu   sync.Mutex
	cmd  *exec.Cmd
	out  *bytes.Buffer
}

// Start runs a redis-server that keeps everything (AOF, fsync always). More arguments are put last and win.
func Start(t testing.TB, more ...string) *Server {
	t.Helper()
	port := FreePort(t)
	s := &Server{t: t, Addr: "127.0.0.1:" + strconv.Itoa(port), Dir: t.TempDir()}
	s.args = append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.Dir, "--save", "", "--appendonly", "yes",
		"--appendfsync", "always", "--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0"}, more...)
	s.Up()
	t.Cleanup(func() { s.Kill() })
	return s
}

// Up starts the process (again) and returns when it answers.
func (s *Server) Up() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("redis-server is not installed; run `make tools` or install the package redis-server")
	}
	s.out = &bytes.Buffer{}
	s.cmd = exec.Command(bin, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DisableIdentity: true})
	defer c.Close()
	Until(s.t, 15*time.Second, "redis-server to answer", func() bool { return c.Ping(context.Background()).Err() == nil })
}

// Kill ends the process with SIGKILL.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Signal sends a signal (SIGSTOP, SIGCONT).
func (s *Server) Signal(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig)
	}
}

// URL is how state.Open finds it.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Client is a plain client for looking at what is there.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DisableIdentity: true})
	s.t.Cleanup(func() { c.Close() })
	return c
}

// Open opens a store on it with a clock of the test's (nil: the server's).
func (s *Server) Open(clock func() time.Time) *state.Store {
	s.t.Helper()
	return OpenURL(s.t, state.Config{URL: s.URL(), Clock: clock})
}

// OpenURL opens a store and closes it with the test; with a Clock, it allows it first.
func OpenURL(t testing.TB, cfg state.Config) *state.Store {
	t.Helper()
	ctx := context.Background()
	s, err := state.Open(ctx, cfg)
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	if cfg.Clock != nil {
		if err := s.AllowTestClock(ctx); err != nil {
			t.Fatalf("allow test clock: %v", err)
		}
	}
	return s
}

// Mini opens a store on an in-memory miniredis.
func Mini(t testing.TB, clock func() time.Time) *state.Store {
	t.Helper()
	m := miniredis.RunT(t)
	return OpenURL(t, state.Config{URL: "redis://" + m.Addr() + "/0", Plain: true, Clock: clock})
}

// Each runs a test on a real Redis and on miniredis: every script must run on both.
func Each(t *testing.T, clock func() time.Time, f func(t *testing.T, s *state.Store)) {
	t.Run("redis", func(t *testing.T) { f(t, Start(t).Open(clock)) })
	t.Run("miniredis", func(t *testing.T) { f(t, Mini(t, clock)) })
}

// ports counts the ports this process has looked at.
var ports atomic.Int64

// FreePort is a loopback port nobody listens on; also port+10000 is free (a Cluster's bus). Both are below those that the
// system gives to outgoing connections, which would take one between our look and the server's start.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 2000 {
		port := 10000 + int((int64(os.Getpid())*97+ports.Add(1))%12000)
		if free(port) && free(port+10000) {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func free(port int) bool {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// Until waits for a condition by looking at it every few milliseconds, and fails the test when it does not come.
func Until(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("waited %v for %s", limit, what)
		case <-tick.C:
		}
	}
}

// Sentinel starts a master with one replica and three sentinels, and returns the URL and the two servers.
func Sentinel(t testing.TB) (url string, master, replica *Server) {
	t.Helper()
	bin, err := exec.LookPath("redis-sentinel")
	if err != nil {
		t.Fatal("redis-sentinel is not installed; run `make tools` or install the package redis-sentinel")
	}
	master = Start(t)
	_, port, _ := net.SplitHostPort(master.Addr)
	replica = Start(t, "--replicaof", "127.0.0.1", port)
	var addrs []string
	for range 3 {
		p := FreePort(t)
		dir := t.TempDir()
		conf := filepath.Join(dir, "sentinel.conf")
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor watch 127.0.0.1 %s 2\n"+
			"sentinel down-after-milliseconds watch 1500\nsentinel failover-timeout watch 6000\n", p, dir, port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bin, conf)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		addrs = append(addrs, "127.0.0.1:"+strconv.Itoa(p))
	}
	awaitSentinels(t, addrs)
	return "redis+sentinel://" + strings.Join(addrs, ",") + "/watch/0", master, replica
}

func awaitSentinels(t testing.TB, addrs []string) {
	t.Helper()
	for _, a := range addrs {
		c := redis.NewSentinelClient(&redis.Options{Addr: a, MaxRetries: -1, DisableIdentity: true})
		Until(t, 20*time.Second, "sentinel "+a+" to see replica and peers", func() bool {
			m, err := c.Master(context.Background(), "watch").Result()
			return err == nil && m["num-slaves"] == "1" && m["num-other-sentinels"] == "2"
		})
		c.Close()
	}
}

// Cluster starts three masters with all slots served, and returns the URL.
func Cluster(t testing.TB) (url string, nodes []*Server) {
	t.Helper()
	ctx := context.Background()
	var clients []*redis.Client
	for range 3 {
		n := Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "3000")
		nodes = append(nodes, n)
		clients = append(clients, n.Client())
	}
	for i, c := range clients {
		if err := c.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", i*16384/3, (i+1)*16384/3-1).Err(); err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(nodes[0].Addr)
		if err := c.ClusterMeet(ctx, host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var addrs []string
	for i, c := range clients {
		Until(t, 20*time.Second, "cluster to be whole", func() bool {
			info, err := c.ClusterInfo(ctx).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
		addrs = append(addrs, nodes[i].Addr)
	}
	return "redis+cluster://" + strings.Join(addrs, ","), nodes
}
