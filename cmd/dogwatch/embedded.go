package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// embedded is a Redis of our own: a child redis-server that keeps everything below a folder, or one in memory.
type embedded struct {
	url string
	// inMemory: nothing outlives the process, and scripts go without their first line.
	inMemory bool
	stop     func()
}

// errNoServer: there is no redis-server on the PATH.
var errNoServer = errors.New("there is neither redis-server nor valkey-server on the PATH")

// startEmbedded starts a child server in dir/redis. It ends with us, whatever ends us, and a next one finds what was kept.
func startEmbedded(ctx context.Context, dir string) (*embedded, error) {
	bin, err := serverBinary()
	if err != nil {
		return nil, err
	}
	home, err := filepath.Abs(filepath.Join(dir, "redis"))
	if err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	lock, err := lockFolder(ctx, home)
	if err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	defer lock.Close() // the child's copy goes on holding it
	socket, clean, err := socketPath(home)
	if err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	out, err := os.OpenFile(filepath.Join(home, "redis.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	// Where it listens is written down, for commands that look into the store beside us.
	if err := os.WriteFile(filepath.Join(home, "socket"), []byte(socket), 0o600); err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	cmd := exec.Command(bin, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", home, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--daemonize", "no",
		// A log of less than this is not worth the core that rewriting it takes.
		"--auto-aof-rewrite-min-size", "256mb")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, out, []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	died := make(chan error, 1)
	if err := startPinned(cmd, died); err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	e := &embedded{url: "unix://" + socket, stop: func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-died:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-died
		}
		clean()
		out.Close()
	}}
	if err := awaitRedis(ctx, socket, died); err != nil {
		e.stop()
		return nil, fmt.Errorf("start embedded redis: %w (its log is %s)", err, out.Name())
	}
	return e, nil
}

// lockWait is how long a start waits for the server of one that was killed: it still writes what it has, and takes its
// socket away when it ends.
const lockWait = 15 * time.Second

// lockFolder makes sure that one server uses a folder: two would write over each other, and the first would answer nobody.
// The lock is the server's, who holds it until it has ended.
func lockFolder(ctx context.Context, home string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(home, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(lockWait)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(deadline) {
			f.Close()
			return nil, fmt.Errorf("another dogwatch uses %s: %w", home, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// startPinned starts a child from a thread that lives as long as the child: the kernel ends a child with Pdeathsig when the
// thread that made it ends, and Go ends threads when it likes.
func startPinned(cmd *exec.Cmd, died chan<- error) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			died <- cmd.Wait()
			close(died)
		}
	}()
	return <-started
}

func serverBinary() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if bin, err := exec.LookPath(name); err == nil {
			return bin, nil
		}
	}
	return "", errNoServer
}

// socketPath is where the server listens. A socket's path has at most about 100 bytes, so a deep folder gets a short one.
func socketPath(home string) (path string, clean func(), err error) {
	path = filepath.Join(home, "redis.sock")
	if len(path) < 100 {
		return path, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "dogwatch")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "redis.sock"), func() { os.RemoveAll(dir) }, nil
}

// runningEmbedded is the address of the server that a running dogwatch has started below a folder; "" if there is none.
func runningEmbedded(dir string) string {
	home, err := filepath.Abs(filepath.Join(dir, "redis"))
	if err != nil {
		return ""
	}
	socket, err := os.ReadFile(filepath.Join(home, "socket"))
	if err != nil {
		return ""
	}
	c, err := net.DialTimeout("unix", string(socket), time.Second)
	if err != nil {
		return ""
	}
	c.Close()
	return "unix://" + string(socket)
}

// awaitRedis waits until the server answers, which after a restart is when it has loaded what it kept.
func awaitRedis(ctx context.Context, socket string, died <-chan error) error {
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1, DisableIdentity: true, DialTimeout: time.Second})
	defer c.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if c.Ping(ctx).Err() == nil {
			return nil
		}
		select {
		case err := <-died:
			return fmt.Errorf("it ended at once: %v", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// startInMemory runs a Redis inside this process, for a demo on a machine that has none.
func startInMemory() (*embedded, error) {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(net.JoinHostPort("127.0.0.1", "0")); err != nil {
		return nil, fmt.Errorf("start redis in memory: %w", err)
	}
	done := make(chan struct{})
	go func() {
		// Nothing expires in it by itself.
		const step = 500 * time.Millisecond
		t := time.NewTicker(step)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				m.FastForward(step)
			}
		}
	}()
	return &embedded{url: "redis://" + m.Addr() + "/0", inMemory: true, stop: func() { close(done); m.Close() }}, nil
}
