package actionstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dogwatch/actions"
)

// patience is how long a test waits for what must come soon.
const patience = 30 * time.Second

// Runner puts a runner through everything that actions.Runner promises. open gives a fresh one; its grace should be short.
// The runner must be able to execute this test binary on this machine (an SSH runner: through a server started here).
func Runner(t *testing.T, open func(t *testing.T) actions.Runner) {
	for name, test := range map[string]func(*testing.T, actions.Runner){
		"output and exit code":         testOutput,
		"exit code":                    testExit,
		"signal":                       testSignal,
		"arguments arrive unread":      testArguments,
		"started once, before effect":  testStartedOnce,
		"started says no":              testStartedRefuses,
		"program not found":            testNotFound,
		"orders that make no sense":    testRefusedOrders,
		"context ended before":         testEndedBefore,
		"first line while running":     testLive,
		"no input and no terminal":     testSurroundings,
		"deadline against a deaf one":  testDeadline,
		"stopped":                      testStopped,
		"background child is killed":   testBackground,
		"daemon is killed at the end":  testDaemonLeft,
		"daemon is killed at deadline": testDaemonAtDeadline,
		"many processes":               testBurst,
		"flood":                        testFlood,
		"twenty at once":               testMany,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var ids atomic.Int64

// Order makes an order with a new run id that plays a behaviour.
func Order(timeout time.Duration, behaviour string, args ...string) actions.Order {
	return actions.Order{
		RunID: fmt.Sprintf("test-%d-%d", os.Getpid(), ids.Add(1)), Action: "play",
		Argv: Command(behaviour, args...), Timeout: timeout,
	}
}

// result is everything that can be seen of one run.
type result struct {
	actions.Outcome
	err     error
	out     string
	started int
	took    time.Duration
}

func run(ctx context.Context, r actions.Runner, o actions.Order) result {
	var res result
	var mu sync.Mutex
	var out bytes.Buffer
	begin := time.Now()
	res.Outcome, res.err = r.Run(ctx, o, func() error { res.started++; return nil }, func(p []byte) {
		mu.Lock()
		defer mu.Unlock()
		if out.Len() < 1<<20 {
			out.Write(p)
		}
	})
	res.took = time.Since(begin)
	mu.Lock()
	defer mu.Unlock()
	res.out = out.String()
	return res
}

// want compares an outcome, without its byte count, and the output.
func want(t *testing.T, got result, outcome actions.Outcome, out string) {
	t.Helper()
	if got.err != nil {
		t.Fatal(got.err)
	}
	outcome.Bytes = got.Bytes
	if got.Outcome != outcome || got.out != out || got.started != 1 {
		t.Fatalf("%+v, output %q, started %d times; want %+v, output %q, once", got.Outcome, got.out, got.started, outcome, out)
	}
}

// Witness is a file that processes of a run hold a lock on while they live.
type Witness string

// NewWitness makes one.
func NewWitness(t *testing.T) Witness { return Witness(filepath.Join(t.TempDir(), "witness")) }

// Lived is how many processes have held it so far.
func (w Witness) Lived(t *testing.T) int {
	t.Helper()
	body, err := os.ReadFile(string(w))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Count(string(body), "\n")
}

// Alone says whether no living process holds it.
func (w Witness) Alone(t *testing.T) bool {
	t.Helper()
	f, err := os.OpenFile(string(w), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Fatal(err)
	}
	return err == nil
}

// gone fails unless n processes lived and none does.
func (w Witness) gone(t *testing.T, n int) {
	t.Helper()
	if lived := w.Lived(t); lived != n {
		t.Errorf("%d processes lived, want %d", lived, n)
	}
	if !w.Alone(t) {
		t.Error("a process of the run is left")
	}
}

// Until waits for a condition.
func Until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not: %s", what)
		}
	}
}
