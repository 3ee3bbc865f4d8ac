//go:build linux

package command

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Main takes over, and never returns, in a process that was started as a supervisor; in any other it returns at once. Call it
// first in main, and in the TestMain of packages that run commands.
func Main() {
	if os.Getenv(markerEnv) == "" || os.Args[0] != markerArg0 {
		return
	}
	// "No new privileges" and the child's death signal belong to the thread that forks.
	runtime.LockOSThread()
	syscall.Exit(supervisorMain()) // at once: the run waits for this, and nothing is left to flush
}

// supervisor is this process's one run.
type supervisor struct {
	instruction
	control *bufio.Reader
	reports *json.Encoder
	program string // the file to execute
	private string // the private directory to remove, "" without one
}

func supervisorMain() int {
	for _, fd := range []int{controlFD, reportFD, outputFD} {
		unix.CloseOnExec(fd)
	}
	s := &supervisor{
		control: bufio.NewReader(os.NewFile(controlFD, "control")),
		reports: json.NewEncoder(os.NewFile(reportFD, "reports")),
	}
	// A service manager sends SIGTERM to every process of the service. The supervisor must outlive its tree.
	stops := make(chan os.Signal, 4)
	signal.Notify(stops, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer s.clean()
	if err := s.prepare(); err != nil {
		s.say(report{Kind: refused, Error: err.Error()})
		return 0
	}
	s.say(report{Kind: ready, Private: s.private})
	if b, err := s.control.ReadByte(); err != nil || b != goAhead {
		return 0
	}
	child, err := s.fork()
	unix.Close(outputFD)
	if err != nil {
		s.say(report{Kind: refused, Error: err.Error()})
		return 0
	}
	s.say(report{Kind: forked})
	w := newWatch(s, child, stops)
	end := w.run()
	s.clean()
	s.say(end)
	return 0
}

// say reports. When dogwatch has gone nobody reads; then the control pipe has ended too and that decides.
func (s *supervisor) say(r report) { _ = s.reports.Encode(r) }

// prepare does everything that can fail without effect.
func (s *supervisor) prepare() error {
	body, err := s.control.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	if err := json.Unmarshal(body, &s.instruction); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	if !s.NewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("give up new privileges: %w", err)
		}
	}
	if err := s.limit(); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	return s.find()
}

// limit bounds this process, and with it whatever it starts; never above what it may already use.
func (s *supervisor) limit() error {
	for _, l := range []struct {
		name     string
		resource int
		value    uint64
	}{{"core", unix.RLIMIT_CORE, 0}, {"open files", unix.RLIMIT_NOFILE, s.OpenFiles}, {"file size", unix.RLIMIT_FSIZE, s.FileSize}} {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(l.resource, &now); err != nil {
			return fmt.Errorf("read limit of %s: %w", l.name, err)
		}
		value := min(l.value, now.Max)
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("set limit of %s: %w", l.name, err)
		}
	}
	return nil
}

// enter makes the private directory, or sees that the given one is there.
func (s *supervisor) enter() error {
	if s.Dir == "" {
		dir, err := os.MkdirTemp(s.TempRoot, "dogwatch-run-")
		if err != nil {
			return fmt.Errorf("make private directory: %w", err)
		}
		s.Dir, s.private = dir, dir
		if s.Account != nil {
			if err := os.Chown(dir, int(s.Account.UID), int(s.Account.GID)); err != nil {
				return fmt.Errorf("give private directory away: %w", err)
			}
		}
	}
	info, err := os.Stat(s.Dir)
	if err != nil {
		return fmt.Errorf("enter directory: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("enter directory %s: not a directory", s.Dir)
	}
	s.Env = append(s.Env, "PWD="+s.Dir)
	for _, name := range []string{"HOME", "TMPDIR"} {
		if s.private != "" && !hasName(s.Env, name) {
			s.Env = append(s.Env, name+"="+s.private)
		}
	}
	return nil
}

func hasName(env []string, name string) bool {
	for _, e := range env {
		if strings.HasPrefix(e, name+"=") {
			return true
		}
	}
	return false
}

// find settles which file argv[0] is. The current directory is never searched for a bare name.
func (s *supervisor) find() error {
	name := s.Argv[0]
	var tries []string
	switch {
	case filepath.IsAbs(name):
		tries = []string{name}
	case strings.Contains(name, "/"):
		tries = []string{filepath.Join(s.Dir, name)}
	default:
		for dir := range strings.SplitSeq(s.Path, ":") {
			tries = append(tries, filepath.Join(dir, name))
		}
	}
	for _, file := range tries {
		info, err := os.Stat(file)
		if err == nil && info.Mode().IsRegular() && unix.Access(file, unix.X_OK) == nil {
			s.program = file
			return nil
		}
	}
	if len(tries) == 1 {
		return fmt.Errorf("find program: %s is not an executable file", tries[0])
	}
	return fmt.Errorf("find program: %q is not on the path %s", name, s.Path)
}

// fork starts the command in a session of its own, without a terminal.
func (s *supervisor) fork() (pid int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, fmt.Errorf("open empty input: %w", err)
	}
	defer null.Close()
	attr := &syscall.ProcAttr{
		Dir: s.Dir, Env: s.Env, Files: []uintptr{null.Fd(), outputFD, outputFD},
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
	if a := s.Account; a != nil {
		attr.Sys.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	}
	pid, err = syscall.ForkExec(s.program, s.Argv, attr)
	if err != nil {
		return 0, fmt.Errorf("execute %s: %w", s.program, err)
	}
	return pid, nil
}

// clean removes the private directory. What a command made unremovable stays in the temporary folder.
func (s *supervisor) clean() {
	if s.private != "" {
		if err := os.RemoveAll(s.private); err != nil && !errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "remove private directory: %v\n", err)
		}
		s.private = ""
	}
}
