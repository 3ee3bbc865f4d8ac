//go:build linux

package command

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is one process of this machine for its whole life: the start time tells it from a later one with its number.
type process struct {
	pid   int
	start string // clock ticks since boot, as the kernel writes it
}

// stat is what we need of /proc/PID/stat.
type stat struct {
	process
	parent int
	dead   bool // a zombie: it has ended and waits to be reaped
}

// readStat reads one process; false when it has gone.
func readStat(pid int) (stat, bool) {
	body, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	// The second field is the program's name in parentheses and may itself hold spaces and parentheses.
	i := bytes.LastIndexByte(body, ')')
	if i < 0 {
		return stat{}, false
	}
	fields := strings.Fields(string(body[i+1:]))
	if len(fields) < 20 {
		return stat{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, false
	}
	return stat{process: process{pid, fields[19]}, parent: parent, dead: strings.ContainsAny(fields[0], "ZXx")}, true
}

// pids are the numbers of all processes.
func pids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var all []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// descendants are the living processes below root.
func descendants(root int) []process {
	children := map[int][]stat{}
	for _, pid := range pids() {
		if s, ok := readStat(pid); ok {
			children[s.parent] = append(children[s.parent], s)
		}
	}
	var living []process
	for next := []int{root}; len(next) > 0; next = next[1:] {
		for _, s := range children[next[0]] {
			if !s.dead {
				living = append(living, s.process)
			}
			next = append(next, s.pid)
		}
	}
	return living
}

// carrying are the living processes whose environment at their start held the run id.
func carrying(runID string) []process {
	entry := []byte("\x00" + runIDEnv + "=" + runID + "\x00")
	var found []process
	for _, pid := range pids() {
		env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		if err != nil || !bytes.Contains(append([]byte{0}, env...), entry) {
			continue
		}
		if s, ok := readStat(pid); ok && !s.dead {
			found = append(found, s.process)
		}
	}
	return found
}

// signal sends sig to exactly this process. A process that has gone, or whose number now belongs to another, is left alone.
func (p process) signal(sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // an old kernel, or a filter that does not know the call
		if s, ok := readStat(p.pid); !ok || s.start != p.start {
			return nil
		}
		return ignoreGone(unix.Kill(p.pid, sig))
	}
	if err != nil {
		return ignoreGone(err)
	}
	defer unix.Close(fd)
	if s, ok := readStat(p.pid); !ok || s.start != p.start {
		return nil
	}
	return ignoreGone(unix.PidfdSendSignal(fd, sig, nil, 0))
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// freeze stops processes until no new one appears, so that a tree that keeps forking cannot outrun the kill. Bounded: what is
// new after the last pass is found when its parent is reaped.
func freeze(list func() []process) []process {
	seen := map[process]bool{}
	for range 50 {
		grew := false
		for _, p := range list() {
			if !seen[p] {
				seen[p], grew = true, true
				p.signal(unix.SIGSTOP) // refused or gone: the kill that follows decides
			}
		}
		if !grew {
			break
		}
	}
	all := make([]process, 0, len(seen))
	for p := range seen {
		all = append(all, p)
	}
	return all
}
