package actions_test

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/actions/actionstest"
	"dogwatch/internal/redistest"
	"dogwatch/schedules"
)

// house is a worker as its own process, that can be killed, and this test as the one who asks and approves.
type house struct {
	*bench
	bin, ledger string
	url         string
	witness     actionstest.Witness
}

func newHouse(t *testing.T) *house {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "worker")
	if out, err := exec.Command("go", "build", "-tags", "failpoint", "-o", bin, "./testdata/worker").CombinedOutput(); err != nil {
		t.Fatalf("build worker: %v\n%s", err, out)
	}
	server := redistest.Start(t)
	h := &house{bench: &bench{}, bin: bin, ledger: t.TempDir(), url: server.URL()}
	h.begin(t, server.Open(nil))
	return h
}

// start starts the worker with a failpoint, or "", and returns when it is at work.
func (h *house) start(failpoint string) *exec.Cmd {
	h.Helper()
	cmd := exec.Command(h.bin, h.url, h.ledger, h.bin, string(h.witness))
	cmd.Env = []string{"DOGWATCH_FAILPOINT=" + failpoint, "PATH=/usr/bin:/bin"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = cmd.Process.Kill() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		h.Fatalf("worker said %q, %v", line, err)
	}
	return cmd
}

// killed waits for a worker's end by SIGKILL.
func (h *house) killed(cmd *exec.Cmd) {
	h.Helper()
	_ = cmd.Wait() // its status tells
	if st := cmd.ProcessState.Sys().(syscall.WaitStatus); !st.Signaled() || st.Signal() != syscall.SIGKILL {
		h.Fatalf("worker ended with %v, want SIGKILL", cmd.ProcessState)
	}
}

// approved asks for an action and approves it. The definitions are those of testdata/worker.
func (h *house) approved(action string) actions.Request {
	h.Helper()
	directory, faults := schedules.NewDirectory([]schedules.Person{
		{ID: "alice", Roles: schedules.Roles{schedules.Responder}}, {ID: "bob", Roles: schedules.Roles{schedules.Approver}},
	}, nil)
	if len(faults) > 0 {
		h.Fatal(faults)
	}
	consent := actions.Approval{Approvers: []string{"person:bob"}}
	catalog, faults := actions.NewCatalog([]actions.Definition{
		{Name: "record", Runner: "command", Argv: []string{h.bin, "actionstest:record", string(h.witness)}, Timeout: time.Minute, Approval: consent},
		{Name: "stay", Runner: "command", Argv: []string{h.bin, "actionstest:daemonise", string(h.witness), "stay"}, Timeout: time.Minute, Approval: consent},
	})
	if len(faults) > 0 {
		h.Fatal(faults)
	}
	h.s.Use(actions.Setup{Catalog: catalog, Directory: directory})
	r, err := h.s.Request(h.Context(), by("alice", ""), actions.Ask{Action: action})
	if err != nil {
		h.Fatal(err)
	}
	if r, err = h.s.Approve(h.Context(), r.ID, by("bob", ""), r.Digest); err != nil {
		h.Fatal(err)
	}
	return r
}

// The process is killed at each step of a run and started again: the effect is there at most once, and the state says what is
// known (K11, K12, K14, K15).
func TestKilledAtEveryStepOfARun(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		failpoint string
		state     actions.State
		why       actions.Why
		least     int // runs; most is 1
	}{
		{"run_claimed=kill", actions.Failed, actions.WhyNotStarted, 0},
		{"run_in_ledger=kill", actions.Unknown, actions.WhyInterrupted, 0},
		{"run_before_fork=kill", actions.Unknown, actions.WhyInterrupted, 0},
		{"run_after_fork=kill", actions.Unknown, actions.WhyInterrupted, 0},
		{"run_ended=kill", actions.Succeeded, "", 1},
		{"run_committed=kill", actions.Succeeded, "", 1},
	} {
		t.Run(c.failpoint, func(t *testing.T) {
			h.T, h.witness = t, actionstest.NewWitness(t)
			dead := h.start(c.failpoint)
			r := h.approved("record")
			h.killed(dead)
			again := h.start("")
			got := h.until(r.ID, c.state)
			if got.Outcome != c.why {
				t.Errorf("%+v", got)
			}
			next := h.approved("record") // what follows runs; what was lost does not run behind it
			h.until(next.ID, actions.Succeeded)
			if runs := h.witness.Lived(t) - 1; runs < c.least || runs > 1 {
				t.Errorf("%d runs", runs)
			}
			h.stands(r.ID, c.state)
			if err := again.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := again.Wait(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// K13: the whole tree dies with dogwatch, and the run is unknown, not run again.
func TestKilledDuringTheAction(t *testing.T) {
	h := newHouse(t)
	h.witness = actionstest.NewWitness(t)
	dead := h.start("")
	r := h.approved("stay")
	redistest.Until(t, 20*time.Second, "the daemon to be up", func() bool { return h.witness.Lived(t) == 3 })
	if err := dead.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	h.killed(dead)
	redistest.Until(t, 20*time.Second, "the tree to be gone", func() bool { return h.witness.Alone(t) })
	h.start("")
	if got := h.until(r.ID, actions.Unknown); got.Outcome != actions.WhyInterrupted {
		t.Fatalf("%+v", got)
	}
	if n := h.witness.Lived(t); n != 3 {
		t.Fatalf("%d processes lived, want 3", n)
	}
}
