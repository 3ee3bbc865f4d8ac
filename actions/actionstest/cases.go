package actionstest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dogwatch/actions"
)

func testOutput(t *testing.T, r actions.Runner) {
	got := run(t.Context(), r, Order(patience, "both"))
	want(t, got, actions.Outcome{}, "one\ntwo\nthree\n")
	if got.Bytes != 14 {
		t.Fatalf("counted %d bytes, want 14", got.Bytes)
	}
}

func testExit(t *testing.T, r actions.Runner) {
	want(t, run(t.Context(), r, Order(patience, "exit", "7")), actions.Outcome{ExitCode: 7}, "")
}

func testSignal(t *testing.T, r actions.Runner) {
	want(t, run(t.Context(), r, Order(patience, "crash")), actions.Outcome{ExitCode: -1, Signal: "killed"}, "")
}

// Whatever a label holds arrives as one argument, and nothing reads it.
func testArguments(t *testing.T, r actions.Runner) {
	o := Order(patience, "args", "a b", "x; touch /tmp/pwned", "$(id)", "`id`", "-oProxyCommand=x", "two\nlines", "", "'\"\\", "中文 *")
	want(t, run(t.Context(), r, o), actions.Outcome{}, `0 "a b"
1 "x; touch /tmp/pwned"
2 "$(id)"
3 "`+"`id`"+`"
4 "-oProxyCommand=x"
5 "two\nlines"
6 ""
7 "'\"\\"
8 "中文 *"
`)
}

func testStartedOnce(t *testing.T, r actions.Runner) {
	w := NewWitness(t)
	ctx, cancel := context.WithCancel(t.Context())
	started := 0
	_, err := r.Run(ctx, Order(patience, "hang", string(w)), func() error {
		started++
		if n := w.Lived(t); n != 0 {
			t.Errorf("%d processes ran before started", n)
		}
		return nil
	}, func([]byte) { cancel() })
	if err != nil || started != 1 {
		t.Fatalf("started %d times, error %v", started, err)
	}
	w.gone(t, 1)
}

func testStartedRefuses(t *testing.T, r actions.Runner) {
	w := NewWitness(t)
	no := errors.New("the ledger is full")
	_, err := r.Run(t.Context(), Order(patience, "fork", string(w)), func() error { return no }, func([]byte) {})
	if !errors.Is(err, actions.ErrNotStarted) || !errors.Is(err, no) {
		t.Fatalf("error %v, want ErrNotStarted and the reason", err)
	}
	if n := w.Lived(t); n != 0 {
		t.Fatalf("%d processes ran", n)
	}
}

func testNotFound(t *testing.T, r actions.Runner) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"no-such-program-anywhere", "/no/such/program", plain, filepath.Dir(plain)} {
		o := Order(patience, "say")
		o.Argv[0] = name
		if got := run(t.Context(), r, o); !errors.Is(got.err, actions.ErrNotStarted) || got.started != 0 {
			t.Errorf("%s: error %v, started %d times", name, got.err, got.started)
		}
	}
}

func testRefusedOrders(t *testing.T, r actions.Runner) {
	for name, spoil := range map[string]func(*actions.Order){
		"no argv":        func(o *actions.Order) { o.Argv = nil },
		"empty argv[0]":  func(o *actions.Order) { o.Argv[0] = "" },
		"NUL in argv":    func(o *actions.Order) { o.Argv = append(o.Argv, "a\x00b") },
		"NUL in env":     func(o *actions.Order) { o.Env = map[string]string{"A": "b\x00"} },
		"odd env name":   func(o *actions.Order) { o.Env = map[string]string{"A=B": "c"} },
		"no timeout":     func(o *actions.Order) { o.Timeout = 0 },
		"missing dir":    func(o *actions.Order) { o.Dir = "/no/such/directory" },
		"no run id":      func(o *actions.Order) { o.RunID = "" },
		"run id as path": func(o *actions.Order) { o.RunID = "../../etc" },
	} {
		o := Order(patience, "say", "ran")
		spoil(&o)
		if got := run(t.Context(), r, o); !errors.Is(got.err, actions.ErrNotStarted) || got.started != 0 || got.out != "" {
			t.Errorf("%s: error %v, started %d times, output %q", name, got.err, got.started, got.out)
		}
	}
}

func testEndedBefore(t *testing.T, r actions.Runner) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := run(ctx, r, Order(patience, "say", "ran")); !errors.Is(got.err, actions.ErrNotStarted) || got.started != 0 {
		t.Fatalf("error %v, started %d times", got.err, got.started)
	}
}

// The command waits for a word that the test gives only after it has seen the first line.
func testLive(t *testing.T, r actions.Runner) {
	fifo := filepath.Join(t.TempDir(), "go-on")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	first := make(chan struct{})
	var once sync.Once
	go func() {
		<-first
		if err := os.WriteFile(fifo, []byte("go on\n"), 0); err != nil {
			t.Error(err)
		}
	}()
	var out strings.Builder
	outcome, err := r.Run(t.Context(), Order(patience, "slow", fifo), func() error { return nil }, func(p []byte) {
		out.Write(p)
		if strings.Contains(out.String(), "line 1\n") {
			once.Do(func() { close(first) })
		}
	})
	if err != nil || outcome.ExitCode != 0 || out.String() != "line 1\nline 2\n" {
		t.Fatalf("%+v, %v, output %q", outcome, err, out.String())
	}
}

func testSurroundings(t *testing.T, r actions.Runner) {
	got := run(t.Context(), r, Order(patience, "surround"))
	lines := strings.Split(got.out, "\n")
	if got.err != nil || len(lines) != 5 || lines[0] != "stdin 0 bytes, <nil>" || lines[1] != "terminal absent" || lines[3] != "entries 0" {
		t.Fatalf("%v, output %q", got.err, got.out)
	}
	dir := strings.TrimPrefix(lines[2], "dir ")
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the private directory %s is left: %v", dir, err)
	}
}

func testDeadline(t *testing.T, r actions.Runner) {
	w := NewWitness(t)
	got := run(t.Context(), r, Order(500*time.Millisecond, "hang", string(w)))
	want(t, got, actions.Outcome{ExitCode: -1, Signal: "killed", TimedOut: true}, "hanging\n")
	w.gone(t, 1)
}

func testStopped(t *testing.T, r actions.Runner) {
	w := NewWitness(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		Until(t, "the command runs", func() bool { return w.Lived(t) == 3 })
		cancel()
	}()
	got := run(ctx, r, Order(patience, "daemonise", string(w), "stay"))
	if got.err != nil || !got.Stopped || got.TimedOut || got.Signal != "killed" {
		t.Fatalf("%+v, %v", got.Outcome, got.err)
	}
	w.gone(t, 3)
}

func testBackground(t *testing.T, r actions.Runner) {
	w := NewWitness(t)
	got := run(t.Context(), r, Order(patience, "fork", string(w)))
	if got.err != nil || got.ExitCode != 0 || got.Survivors != 1 || !strings.Contains(got.out, "leaving\n") {
		t.Fatalf("%+v, %v, output %q", got.Outcome, got.err, got.out)
	}
	w.gone(t, 1)
}

func testDaemonLeft(t *testing.T, r actions.Runner) {
	w := NewWitness(t)
	got := run(t.Context(), r, Order(patience, "daemonise", string(w), "leave"))
	if got.err != nil || got.ExitCode != 0 || got.Survivors != 1 {
		t.Fatalf("%+v, %v", got.Outcome, got.err)
	}
	w.gone(t, 3)
}

func testDaemonAtDeadline(t *testing.T, r actions.Runner) {
	w := NewWitness(t)
	got := run(t.Context(), r, Order(4*time.Second, "daemonise", string(w), "stay"))
	if got.err != nil || !got.TimedOut || got.Signal != "killed" {
		t.Fatalf("%+v, %v", got.Outcome, got.err)
	}
	w.gone(t, 3)
}

func testBurst(t *testing.T, r actions.Runner) {
	w := NewWitness(t)
	got := run(t.Context(), r, Order(patience, "burst", string(w), "40"))
	if got.err != nil || got.ExitCode != 0 || got.Survivors != 40 {
		t.Fatalf("%+v, %v", got.Outcome, got.err)
	}
	w.gone(t, 40)
}

func testFlood(t *testing.T, r actions.Runner) {
	got := run(t.Context(), r, Order(time.Second, "flood"))
	if got.err != nil || !got.TimedOut || got.Bytes < 1<<20 {
		t.Fatalf("%+v, %v", got.Outcome, got.err)
	}
}

func testMany(t *testing.T, r actions.Runner) {
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := run(t.Context(), r, Order(patience, "say", "hello")); got.err != nil || got.out != "hello\n" {
				t.Errorf("%+v, %v, output %q", got.Outcome, got.err, got.out)
			}
		})
	}
	all.Wait()
}
