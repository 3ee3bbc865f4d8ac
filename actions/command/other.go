//go:build !linux

package command

import (
	"errors"

	"dogwatch/actions"
)

// Main returns: there are no supervisors here.
func Main() {}

// Open fails: finding a whole process tree needs Linux.
func Open(func(any) error) (actions.Runner, error) {
	return nil, errors.New("open command runner: it needs Linux (PR_SET_CHILD_SUBREAPER and /proc)")
}
