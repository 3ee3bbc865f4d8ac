//go:build failpoint && !linux

package failpoint

import "syscall"

// stop stops the process; where the signal cannot go to one thread, this one may run on for a moment.
func stop() error { return syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) }
