package actions

import (
	"context"
	"time"
)

// Runner carries out one run on its own kind of target (a local command, SSH, Kubernetes …). It is called at most once
// for a run id. It never decides whether something may run: an Order exists only after approval.
type Runner interface {
	// Run carries the order out and blocks until its whole effect has ended (no process of it is left).
	// It calls started exactly once, after everything that can fail without effect and immediately before the effect
	// begins; if started returns an error nothing may run and Run returns that error wrapped in ErrNotStarted.
	// out receives the output as it comes, stdout and stderr in order of arrival, raw; it never blocks for long.
	// ctx done means: stop now (TERM, after a grace KILL, the whole tree). The returned error is nil whenever the outcome is
	// known, also when the command failed; an error means that the outcome is unknown, unless it is ErrNotStarted.
	Run(ctx context.Context, o Order, started func() error, out func(chunk []byte)) (Outcome, error)
}

// Order is exactly what was approved.
type Order struct {
	RunID   string
	Action  string
	Argv    []string          // Argv[0] is looked up on the runner's PATH when it has no slash
	Env     map[string]string // added to the runner's allow-list; nil for none
	Dir     string            // "" for an empty private directory
	Timeout time.Duration     // > 0
}

// Outcome is how a run ended.
type Outcome struct {
	ExitCode  int    // -1 when a signal ended it
	Signal    string // "killed", "terminated" …; "" without one
	TimedOut  bool   // ended by us at the deadline
	Stopped   bool   // ended by us because it was cancelled
	Survivors int    // processes of its tree that had to be killed after the main one had ended
	Bytes     int64  // output in all, also what was not kept
}
