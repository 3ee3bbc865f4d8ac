//go:build linux

package command

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unkillable is how long the supervisor tries before it reports that processes are left.
const unkillable = 10 * time.Second

// death is one process that was reaped.
type death struct {
	pid    int
	status syscall.WaitStatus
}

// watch follows one tree from the fork to its last process. All fields belong to the goroutine of run.
type watch struct {
	main    int
	grace   time.Duration
	deaths  chan death // closed when no child is left: then the tree is gone
	control chan byte  // closed when dogwatch has gone
	stops   chan os.Signal

	deadline, kill, giveUp <-chan time.Time
	over                   bool // the main process has ended
	killing                bool
	killed                 map[process]bool
	end                    report
}

func newWatch(s *supervisor, child int, stops chan os.Signal) *watch {
	w := &watch{
		main: child, grace: s.Grace, stops: stops,
		deaths: make(chan death, 64), control: make(chan byte, 4),
		deadline: time.After(s.Timeout), killed: map[process]bool{},
		end: report{Kind: ended, ExitCode: -1},
	}
	go reap(w.deaths)
	go func() {
		defer close(w.control)
		for {
			b, err := s.control.ReadByte()
			if err != nil {
				return
			}
			w.control <- b
		}
	}()
	return w
}

// reap waits for every child, the command and all orphans below it, until there is none. Orphans come to us before their
// parent's death is reported, so "no child" means an empty tree.
func reap(deaths chan<- death) {
	defer close(deaths)
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == nil:
			deaths <- death{pid, status}
		case !errors.Is(err, unix.EINTR):
			return
		}
	}
}

// run returns when the tree is gone, or cannot be ended.
func (w *watch) run() report {
	for {
		select {
		case d, ok := <-w.deaths:
			if !ok {
				return w.end
			}
			w.died(d)
		case b, ok := <-w.control:
			if !ok {
				w.control = nil
				w.killTree()
			} else if b == stopNow {
				w.stop(&w.end.Stopped)
			}
		case <-w.stops:
			w.stop(&w.end.Stopped)
		case <-w.deadline:
			w.stop(&w.end.TimedOut)
		case <-w.kill:
			w.killTree()
		case <-w.giveUp:
			w.end.Left = len(descendants(os.Getpid()))
			return w.end
		}
	}
}

// died takes note of a death. The main process's ends the run; any other while killing may have freed newly forked
// children, so the tree is walked again.
func (w *watch) died(d death) {
	if d.pid == w.main {
		w.over = true
		if d.status.Signaled() {
			w.end.Signal = d.status.Signal().String()
		} else {
			w.end.ExitCode = d.status.ExitStatus()
		}
	}
	if w.over || w.killing {
		w.killTree()
	}
}

// stop asks the whole tree to end and sets the time of the kill. The first reason counts.
func (w *watch) stop(reason *bool) {
	if w.over || w.killing || w.kill != nil {
		return
	}
	*reason = true
	w.kill = time.After(w.grace)
	for _, p := range descendants(os.Getpid()) {
		p.signal(unix.SIGTERM) // refused: the kill after the grace is refused too, and that is reported
	}
}

// killTree kills every living descendant; those first seen after the main process's end count as survivors.
func (w *watch) killTree() {
	if !w.killing {
		w.killing, w.kill = true, nil
		w.giveUp = time.After(unkillable)
	}
	for _, p := range freeze(func() []process { return descendants(os.Getpid()) }) {
		if !w.killed[p] {
			w.killed[p] = true
			if w.over {
				w.end.Survivors++
			}
		}
		p.signal(unix.SIGKILL) // refused: giveUp counts what is left
	}
}
