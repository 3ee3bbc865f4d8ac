//go:build linux

package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"dogwatch/actions"
	"dogwatch/internal/failpoint"
)

// answerTime is how long a supervisor may be silent beyond what the order allows before it is given up.
const answerTime = unkillable + 10*time.Second

// Run implements actions.Runner.
func (r *runner) Run(ctx context.Context, o actions.Order, started func() error, out func([]byte)) (actions.Outcome, error) {
	in, err := r.instruct(o)
	if err != nil {
		return actions.Outcome{}, notStarted(o, err)
	}
	if err := ctx.Err(); err != nil {
		return actions.Outcome{}, notStarted(o, err)
	}
	s, err := launch(in, out)
	if err != nil {
		return actions.Outcome{}, notStarted(o, err)
	}
	defer s.close()
	if err := s.expect(ready); err != nil {
		return actions.Outcome{}, notStarted(o, err)
	}
	if err := started(); err != nil {
		return actions.Outcome{}, notStarted(o, err)
	}
	failpoint.Hit("run_before_fork")
	if err := s.send(goAhead); err != nil {
		return actions.Outcome{}, notStarted(o, err) // the supervisor is gone and never heard that it may begin
	}
	if err := s.expect(forked); err != nil {
		if errors.Is(err, errRefused) {
			return actions.Outcome{}, notStarted(o, err)
		}
		return s.lost(o, err)
	}
	failpoint.Hit("run_after_fork")
	return r.follow(ctx, o, s)
}

// follow waits for the end of the tree and passes a stop on.
func (r *runner) follow(ctx context.Context, o actions.Order, s *session) (actions.Outcome, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.send(stopNow) }) // a supervisor that cannot hear is found lost below
	defer stop()
	overdue := time.NewTimer(o.Timeout + r.grace + answerTime)
	defer overdue.Stop()
	select {
	case end, ok := <-s.reports:
		if !ok {
			return s.lost(o, errors.New("the supervisor ended without a report"))
		}
		bytes := s.drain()
		if end.Left > 0 {
			return actions.Outcome{}, fmt.Errorf("run %s: %d processes could not be killed", o.RunID, end.Left)
		}
		return actions.Outcome{
			ExitCode: end.ExitCode, Signal: end.Signal, TimedOut: end.TimedOut, Stopped: end.Stopped,
			Survivors: end.Survivors, Bytes: bytes,
		}, nil
	case <-overdue.C:
		return s.lost(o, errors.New("the supervisor does not answer"))
	}
}

func notStarted(o actions.Order, err error) error {
	return fmt.Errorf("start run %s: %w: %w", o.RunID, actions.ErrNotStarted, err)
}

var runID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// instruct checks an order and makes the supervisor's instruction of it.
func (r *runner) instruct(o actions.Order) (instruction, error) {
	switch {
	case !runID.MatchString(o.RunID):
		return instruction{}, fmt.Errorf("run id %q is not made of letters, digits, dot, dash and underscore", o.RunID)
	case len(o.Argv) == 0 || o.Argv[0] == "":
		return instruction{}, errors.New("argv is empty")
	case o.Timeout <= 0:
		return instruction{}, errors.New("timeout is not above 0")
	case o.Dir != "" && !filepath.IsAbs(o.Dir):
		return instruction{}, fmt.Errorf("dir %q is not absolute", o.Dir)
	case strings.ContainsRune(o.Dir+o.Action, 0):
		return instruction{}, errors.New("dir or action holds a NUL")
	}
	for i, a := range o.Argv {
		if strings.ContainsRune(a, 0) {
			return instruction{}, fmt.Errorf("argv[%d] holds a NUL", i)
		}
	}
	env, err := r.environment(o)
	if err != nil {
		return instruction{}, err
	}
	return instruction{
		RunID: o.RunID, Argv: o.Argv, Path: r.path, Env: env, Dir: o.Dir, TempRoot: r.tempRoot,
		Timeout: o.Timeout, Grace: r.grace, Account: r.account, NewPrivileges: r.newPrivs,
		OpenFiles: r.files, FileSize: r.fileSize,
	}, nil
}

// environment is the allow-list, then what is let through, then the order's own; later ones win, but nobody names the run's own
// marks.
func (r *runner) environment(o actions.Order) ([]string, error) {
	env := map[string]string{"PATH": r.path, "LANG": "C.UTF-8"}
	for _, name := range append([]string{"LANG"}, r.env...) {
		if v, ok := os.LookupEnv(name); ok {
			env[name] = v
		}
	}
	for name, v := range o.Env {
		if !envName.MatchString(name) || strings.HasPrefix(name, "DOGWATCH_") {
			return nil, fmt.Errorf("env %q cannot be set", name)
		}
		if strings.ContainsRune(v, 0) {
			return nil, fmt.Errorf("env %s holds a NUL", name) // the value may be secret: only the name is told
		}
		env[name] = v
	}
	env[runIDEnv], env["DOGWATCH_ACTION"] = o.RunID, o.Action
	list := make([]string, 0, len(env))
	for name, v := range env {
		list = append(list, name+"="+v)
	}
	sort.Strings(list)
	return list, nil
}
