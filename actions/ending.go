package actions

import (
	"encoding/json"
	"errors"
	"strconv"
)

// ending is how a run ended, as the ledger keeps it and finish.lua commits it.
type ending struct {
	State   State   `json:"state"`
	Why     Why     `json:"why,omitempty"`
	Detail  string  `json:"detail,omitempty"`
	Known   bool    `json:"known"` // Outcome is what happened
	Outcome Outcome `json:"outcome"`
}

// errAsked is the cause of a stop that a person asked for; any other stop is dogwatch's own.
var errAsked = errors.New("a person asked to cancel the run")

// errLost is the cause of a stop because the run was given to, or given up by, somebody else.
var errLost = errors.New("the run is no longer this worker's")

// conclude says what a runner's answer means. cause is why the run was asked to stop; nil if it was not.
func conclude(o Outcome, err, cause error) ending {
	asked := errors.Is(cause, errAsked) || errors.Is(err, errAsked)
	switch {
	case errors.Is(err, ErrAlreadyStarted):
		return ending{State: Unknown, Why: WhyAlreadyRan, Detail: err.Error()}
	case errors.Is(err, ErrNotStarted) && asked:
		return ending{State: Cancelled, Why: WhyNotStarted}
	case errors.Is(err, ErrNotStarted):
		return ending{State: Failed, Why: WhyNotStarted, Detail: err.Error()}
	case err != nil:
		return ending{State: Unknown, Why: WhyOutcome, Detail: err.Error()}
	}
	e := ending{Known: true, Outcome: o}
	switch {
	case o.TimedOut:
		e.State, e.Why = Failed, WhyTimeout
	case o.Stopped && asked:
		e.State = Cancelled
	case o.Stopped:
		e.State, e.Why = Unknown, WhyInterrupted
	case o.Signal != "":
		e.State, e.Why = Failed, WhySignal
	case o.ExitCode != 0:
		e.State, e.Why = Failed, WhyExit
	default:
		e.State = Succeeded
	}
	return e
}

// recovered says what the ledger knows of a run whose worker is gone.
func recovered(entry LedgerEntry, found bool) ending {
	if !found {
		return ending{State: Failed, Why: WhyNotStarted}
	}
	var e ending
	if !entry.Ended() || json.Unmarshal([]byte(entry.Outcome), &e) != nil || !e.State.Final() {
		return ending{State: Unknown, Why: WhyInterrupted}
	}
	return e
}

// fields are what finish.lua keeps.
func (e ending) fields() []any {
	f := []any{"why", string(e.Why), "detail", words(e.Detail, 500)}
	if e.Known {
		f = append(f, "exit_code", strconv.Itoa(e.Outcome.ExitCode), "signal", e.Outcome.Signal,
			"bytes", strconv.FormatInt(e.Outcome.Bytes, 10), "survivors", strconv.Itoa(e.Outcome.Survivors))
	}
	return f
}

// data is the history line's.
func (e ending) data(runID string) string {
	m := map[string]any{"run": runID}
	if e.Why != "" {
		m["why"] = e.Why
	}
	if e.Known {
		m["exit_code"] = e.Outcome.ExitCode
		if e.Outcome.Signal != "" {
			m["signal"] = e.Outcome.Signal
		}
	}
	return string(canonical(m))
}

// kind of the history line.
func (e ending) kind() string { return "run_" + string(e.State) }
