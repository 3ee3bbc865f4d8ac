package actions

import "errors"

// ErrNotStarted is in the chain of a Runner's error when nothing of the order ran, for certain: the order was refused, the
// program was not found, started said no, or the operating system refused to execute it. Any other error of a Runner
// means that the outcome is unknown.
var ErrNotStarted = errors.New("nothing was run")

// ErrAlreadyStarted is the ledger's answer to a second start of one run id. It is what keeps a run at most once on this
// machine, whatever Redis says.
var ErrAlreadyStarted = errors.New("run id is already in the ledger")
