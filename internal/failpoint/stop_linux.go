//go:build failpoint

package failpoint

import (
	"runtime"
	"syscall"
)

// stop stops the process before it returns: the signal goes to this very thread. One to the process may be taken by another
// thread, and this one would run on for a while.
func stop() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, _, errno := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(syscall.Getpid()), uintptr(syscall.Gettid()), uintptr(syscall.SIGSTOP))
	if errno != 0 {
		return errno
	}
	return nil
}
