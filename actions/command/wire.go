//go:build linux

package command

import "time"

// The supervisor's file descriptors, beyond the first three.
const (
	controlFD = 3 // it reads: the order as one JSON line, then single bytes; its end means that dogwatch has gone
	reportFD  = 4 // it writes: reports as JSON lines
	outputFD  = 5 // the command's stdout and stderr
)

// Bytes on the control pipe.
const (
	goAhead = 'g' // begin: started has said yes
	stopNow = 's' // TERM, grace, KILL
)

// marker sends a process into Main's supervisor; both must hold, so that a stray variable alone does nothing.
const (
	markerEnv  = "DOGWATCH_SUPERVISOR"
	markerArg0 = "dogwatch-supervisor"
)

// runIDEnv is in the environment of every process of a run, unless it cleans it; by it the rest of a tree is found whose
// supervisor was killed.
const runIDEnv = "DOGWATCH_RUN_ID"

// instruction is all that the supervisor needs to know.
type instruction struct {
	RunID         string        `json:"run_id"`
	Argv          []string      `json:"argv"`
	Path          string        `json:"path"`
	Env           []string      `json:"env"` // without HOME and TMPDIR where they are the private directory
	Dir           string        `json:"dir"` // "": a private one below TempRoot
	TempRoot      string        `json:"temp_root"`
	Timeout       time.Duration `json:"timeout"`
	Grace         time.Duration `json:"grace"`
	Account       *account      `json:"account,omitempty"`
	NewPrivileges bool          `json:"new_privileges"`
	OpenFiles     uint64        `json:"open_files"`
	FileSize      uint64        `json:"file_size"`
}

// reportKind says what a report means.
type reportKind string

const (
	ready   reportKind = "ready"   // everything that can fail without effect is done
	refused reportKind = "refused" // nothing ran and nothing will
	forked  reportKind = "forked"  // the command runs
	ended   reportKind = "ended"   // the whole tree has ended
)

// report is a line from the supervisor.
type report struct {
	Kind      reportKind `json:"kind"`
	Error     string     `json:"error,omitempty"`
	Private   string     `json:"private,omitempty"` // with ready: the directory to remove should the supervisor be killed
	ExitCode  int        `json:"exit_code"`
	Signal    string     `json:"signal,omitempty"`
	TimedOut  bool       `json:"timed_out,omitempty"`
	Stopped   bool       `json:"stopped,omitempty"`
	Survivors int        `json:"survivors,omitempty"`
	Left      int        `json:"left,omitempty"` // processes that could not be killed
}
