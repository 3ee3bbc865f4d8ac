package state_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

// A repeat writes nothing of its own, and still must not be reported as kept while no replica has what it repeats, whichever
// connection it takes.
func TestRepeatIsReplicatedToo(t *testing.T) {
	master := redistest.Start(t)
	_, port, _ := net.SplitHostPort(master.Addr)
	replica := redistest.Start(t, "--replicaof", "127.0.0.1", port)
	first := redistest.OpenURL(t, state.Config{URL: master.URL(), Wait: 1})
	redistest.Until(t, 20*time.Second, "the replica to follow", func() bool {
		n, err := first.Replicas(context.Background())
		return err == nil && n == 1
	})
	count(t, first, 0, "before")
	replica.Signal(syscall.SIGSTOP)
	t.Cleanup(func() { replica.Signal(syscall.SIGCONT) })
	other := redistest.OpenURL(t, state.Config{URL: master.URL(), Wait: 0})
	call := state.Call{Script: countScript, Shard: 0, Request: "again", Keys: []string{first.Key(0, "n")}}
	if _, err := other.Do(context.Background(), call); err != nil { // its answer, or its wait, was lost
		t.Fatal(err)
	}
	again := redistest.OpenURL(t, state.Config{URL: master.URL(), Wait: 1})
	if got, err := again.Do(context.Background(), call); !errors.Is(err, state.ErrNotReplicated) {
		t.Fatalf("the repeat gave %v, %v though no replica has it", got, err)
	}
	replica.Signal(syscall.SIGCONT)
	redistest.Until(t, 20*time.Second, "the repeat to be kept", func() bool {
		got, err := again.Do(context.Background(), call)
		return err == nil && got[0] == "2"
	})
}

// With auto, a replica that comes later counts from then on; one that goes does not release us.
func TestWaitFollowsReplicasThatComeLater(t *testing.T) {
	master := redistest.Start(t)
	_, port, _ := net.SplitHostPort(master.Addr)
	s := redistest.OpenURL(t, state.Config{URL: master.URL(), Wait: -1})
	count(t, s, 0, "alone")
	replica := redistest.Start(t, "--replicaof", "127.0.0.1", port)
	redistest.Until(t, 20*time.Second, "the replica to follow", func() bool {
		n, err := s.Replicas(context.Background())
		return err == nil && n == 1
	})
	if _, err := s.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	replica.Kill()
	_, err := s.Do(context.Background(), state.Call{Script: countScript, Shard: 0, Request: "later", Keys: []string{s.Key(0, "n")}})
	if !errors.Is(err, state.ErrNotReplicated) {
		t.Fatalf("a write that no replica has: %v", err)
	}
}
