package actions

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"dogwatch/internal/failpoint"
	"dogwatch/internal/state"
)

// unfit says why an approved request must not run now; "" if it may. Everything is judged again: the definition, what is stored
// against the digest, the requester's right, each approver's (a schedule's as of when they approved), and each approval's seal.
func (u *Setup) unfit(r *Request) Why {
	a, ok := u.Catalog.Get(r.Action)
	switch {
	case !ok || a.Version != r.Version:
		return WhyChanged
	case r.digest() != r.Digest:
		return WhyDigest
	case !(question{directory: u.Directory, person: r.Requester}).mayRequest().Allowed:
		return WhyRights
	case a.Approval.None:
		return ""
	}
	good := map[string]bool{}
	for _, c := range r.Approvals {
		sealed := hmac.Equal([]byte(c.seal), []byte(u.seal(r, c.Person)))
		if sealed && u.question(a.Approval, r.Requester, c.Person, c.At).mayApprove().Allowed {
			good[c.Person] = true
		}
	}
	if len(good) < a.Approval.Quorum {
		return WhyRights
	}
	return ""
}

// claim takes an approved request; false: somebody else has it, or it is over. A lost answer is asked for again under the same id.
func (s *Service) claim(ctx context.Context, r *Request, cfg WorkerConfig) (bool, error) {
	runID := "run-" + string(r.ID) // one run a request, for ever: whatever Redis forgets, the ledger knows it
	call := state.Call{
		Script: claimScript, Shard: r.ID.Shard(), Request: "rq-claim-" + newID(),
		Keys: append(s.keys.told(r.ID, r.Incident), s.keys.shard(r.ID.Shard(), "runs")),
		Args: []any{r.Digest, cfg.Name, cfg.Ledger.ID(), strconv.FormatInt(cfg.Lease.Milliseconds(), 10), runID},
	}
	f, err := s.store.Do(ctx, call)
	for range 3 {
		if err == nil || !state.Unavailable(err) || !pause(ctx, 50*time.Millisecond) {
			break
		}
		f, err = s.store.Do(ctx, call)
	}
	if err != nil {
		return false, fmt.Errorf("claim request %s: %w", r.ID, err)
	}
	failpoint.Hit("run_claimed")
	if f[0] != "ok" {
		return false, nil
	}
	r.epoch, r.RunID, r.State = num(f[1]), runID, Running
	return true, nil
}

// beat says that the worker still has the run. asked: a person wants it stopped.
func (s *Service) beat(ctx context.Context, r *Request, lease time.Duration) (lost, asked bool, err error) {
	f, err := s.store.Do(ctx, state.Call{
		Script: beatScript, Shard: r.ID.Shard(), Keys: []string{s.keys.request(r.ID), s.keys.shard(r.ID.Shard(), "runs")},
		Args: []any{strconv.FormatInt(r.epoch, 10), strconv.FormatInt(lease.Milliseconds(), 10)},
	})
	if err != nil {
		return false, false, fmt.Errorf("beat of run %s: %w", r.RunID, err)
	}
	return f[0] == "lost", f[1] != "", nil
}

// finish commits how a run ended; false: it was final already, or is not to be given up yet.
func (s *Service) finish(ctx context.Context, r *Request, e ending, onlyLapsed bool) (bool, error) {
	lapsed := ""
	if onlyLapsed {
		lapsed = "1"
	}
	f, err := s.store.Do(ctx, state.Call{
		Script: finishScript, Shard: r.ID.Shard(),
		Keys: append(s.keys.told(r.ID, r.Incident), s.keys.shard(r.ID.Shard(), "runs"), s.keys.output(r.ID)),
		Args: append([]any{strconv.FormatInt(r.epoch, 10), string(e.State), e.kind(), e.data(r.RunID), lapsed}, e.fields()...),
	})
	if err != nil {
		return false, fmt.Errorf("finish run %s: %w", r.RunID, err)
	}
	return f[0] == "ok", nil
}

// carry takes one claimed run from its start to its committed end. ctx ending means: stop what runs.
func (w *Worker) carry(ctx context.Context, r *Request) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, flow := w.output(r)
	side, endSide := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	beside.Go(func() { flow.run(side, out.Flush) })
	beside.Go(func() { w.keepLease(side, r, cancel) })

	outcome, err := w.cfg.Runners[r.Runner].Run(ctx, w.order(r), func() error { return w.begin(ctx, r) }, out.Write)
	e := conclude(outcome, err, context.Cause(ctx))
	w.remember(r, e)
	failpoint.Hit("run_ended")
	out.Close()
	endSide()
	beside.Wait()
	w.commit(r, e, flow)
	failpoint.Hit("run_committed")
}

// output makes the way of a run's output: raw, clean, to Redis.
func (w *Worker) output(r *Request) (*Output, *live) {
	flow := newLive(w.s, r)
	secrets := append([]string(nil), w.cfg.Secrets...)
	if a, ok := w.s.setup.Load().Catalog.Get(r.Action); ok {
		for _, s := range a.Env {
			secrets = append(secrets, s.Reveal())
		}
	}
	return NewOutput(secrets, flow.add), flow
}

// order is exactly what was approved; only the values of its environment come from the configuration.
func (w *Worker) order(r *Request) Order {
	env := map[string]string{}
	if a, ok := w.s.setup.Load().Catalog.Get(r.Action); ok {
		for name, s := range maps.All(a.Env) {
			env[name] = s.Reveal()
		}
	}
	return Order{RunID: r.RunID, Action: r.Action, Argv: r.Argv, Env: env, Dir: r.Dir, Timeout: time.Duration(r.TimeoutMS) * time.Millisecond}
}

// begin is the last word before the effect: the run is still ours, and the ledger holds it on disk.
func (w *Worker) begin(ctx context.Context, r *Request) error {
	asOf := time.Now()
	lost, asked, err := w.s.beat(ctx, r, w.cfg.Lease)
	switch {
	case err != nil:
		return err
	case lost:
		return errLost
	case asked:
		return errAsked
	}
	if err := w.cfg.Ledger.Start(r.RunID, r.Digest); err != nil {
		return err
	}
	failpoint.Hit("run_in_ledger")
	// A process that was stopped in between must not begin what others have given up meanwhile.
	if late := time.Since(asOf); late > w.cfg.Lease/2 {
		return fmt.Errorf("%w: %v passed before the start", errLost, late)
	}
	return nil
}

// keepLease beats until the run has ended, and stops it when it is no longer ours or a person asks.
func (w *Worker) keepLease(ctx context.Context, r *Request, cancel context.CancelCauseFunc) {
	for pause(ctx, w.cfg.Beat) {
		lost, asked, err := w.s.beat(ctx, r, w.cfg.Lease)
		switch {
		case err != nil && ctx.Err() == nil:
			w.log.Warn("keep lease", "request", r.ID, "incident", r.Incident, "error", err)
		case lost:
			w.log.Error("run was given up by others; stopping it", "request", r.ID, "incident", r.Incident)
			cancel(errLost)
			return
		case asked:
			cancel(errAsked)
		}
	}
}

// remember writes the end into the ledger, so that it is committed even if this process dies now.
func (w *Worker) remember(r *Request, e ending) {
	if _, begun := w.cfg.Ledger.State(r.RunID); !begun || e.Why == WhyAlreadyRan {
		return
	}
	body, err := json.Marshal(e)
	if err == nil {
		err = w.cfg.Ledger.Ended(r.RunID, string(body))
	}
	if err != nil {
		w.log.Error("write end of run into ledger", "request", r.ID, "error", err)
	}
}

// commitTime bounds how long a worker tries to commit an end before it leaves that to settle, which has it from the ledger.
const commitTime = time.Minute

// commit hands over the rest of the output and the end.
func (w *Worker) commit(r *Request, e ending, flow *live) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTime)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := flow.send(ctx)
		if err == nil || !state.Unavailable(err) {
			_, end := w.s.finish(ctx, r, e, false)
			err = errors.Join(err, end)
			if end == nil {
				w.count(r, e)
				w.log.Info("run ended", "request", r.ID, "incident", r.Incident, "action", r.Action, "state", e.State, "why", e.Why,
					"exit_code", e.Outcome.ExitCode)
				return
			}
		}
		w.log.Warn("commit end of run", "request", r.ID, "incident", r.Incident, "error", err)
		if !pause(ctx, wait) {
			return
		}
	}
}
