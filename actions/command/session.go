//go:build linux

package command

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"dogwatch/actions"
)

// errRefused is in the chain of the supervisor's own "nothing ran".
var errRefused = errors.New("refused")

// session is dogwatch's side of one supervisor.
type session struct {
	cmd     *exec.Cmd
	control *os.File
	output  *os.File
	reports chan report // closed when the supervisor has ended
	read    chan int64  // gets the number of output bytes once, when the output has ended
	stderr  *lastWords
	gone    chan struct{} // closed when the supervisor is reaped
	private string        // the run's own directory, "" without one; the supervisor removes it unless it is killed
}

// lastWords keeps the beginning of what a dying supervisor says.
type lastWords struct{ text []byte }

func (l *lastWords) Write(p []byte) (int, error) {
	if room := 2000 - len(l.text); room > 0 {
		l.text = append(l.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// launch starts a supervisor and tells it the order. It begins nothing until goAhead.
func launch(in instruction, out func([]byte)) (*session, error) {
	ours, theirs, err := pipes()
	if err != nil {
		return nil, fmt.Errorf("make pipes: %w", err)
	}
	s := &session{
		control: ours[0], output: ours[2],
		reports: make(chan report, 4), read: make(chan int64, 1), gone: make(chan struct{}), stderr: &lastWords{},
	}
	s.cmd = exec.Command("/proc/self/exe")
	s.cmd.Args = []string{markerArg0}
	s.cmd.Env = []string{markerEnv + "=1"}
	s.cmd.Stderr = s.stderr
	s.cmd.ExtraFiles = theirs
	s.cmd.WaitDelay = time.Second
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = s.cmd.Start()
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		for _, f := range ours {
			f.Close()
		}
		return nil, fmt.Errorf("start supervisor: %w", err)
	}
	go s.listen(ours[1])
	go s.pump(out)
	if err := json.NewEncoder(s.control).Encode(in); err != nil {
		s.close()
		return nil, fmt.Errorf("tell supervisor the order: %w", err)
	}
	return s, nil
}

// pipes makes the three pipes: control, reports, output; our ends and the supervisor's.
func pipes() (ours, theirs []*os.File, err error) {
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			for _, f := range append(ours, theirs...) {
				f.Close()
			}
			return nil, nil, err
		}
		if i == 0 { // controlFD is read by the supervisor, the others are written
			r, w = w, r
		}
		ours, theirs = append(ours, r), append(theirs, w)
	}
	return ours, theirs, nil
}

// listen passes reports on until the supervisor is gone, and reaps it.
func (s *session) listen(from *os.File) {
	defer from.Close()
	lines := json.NewDecoder(bufio.NewReader(from))
	for {
		var r report
		if lines.Decode(&r) != nil { // the end of the pipe; a torn line means the same
			break
		}
		s.reports <- r
	}
	_ = s.cmd.Wait() // how the supervisor itself ended says nothing about the run; its reports do
	close(s.gone)
	close(s.reports)
}

// pump reads the output to its end, always, so that the command is never blocked for long.
func (s *session) pump(out func([]byte)) {
	var n int64
	buf := make([]byte, 32<<10)
	for {
		k, err := s.output.Read(buf)
		if k > 0 {
			n += int64(k)
			out(buf[:k])
		}
		if err != nil {
			s.read <- n
			return
		}
	}
}

// expect waits for the next report, which must be of this kind.
func (s *session) expect(kind reportKind) error {
	select {
	case r, ok := <-s.reports:
		switch {
		case !ok:
			return fmt.Errorf("the supervisor ended early: %s", s.stderr.text)
		case r.Kind == refused:
			return fmt.Errorf("%w: %s", errRefused, r.Error)
		case r.Kind != kind:
			return fmt.Errorf("the supervisor said %q instead of %q", r.Kind, kind)
		}
		if kind == ready {
			s.private = r.Private
		}
		return nil
	case <-time.After(answerTime):
		return errors.New("the supervisor does not answer")
	}
}

func (s *session) send(b byte) error {
	_, err := s.control.Write([]byte{b})
	return err
}

// drain waits for the end of the output. The tree is gone, so it has come; only a process outside the tree that was handed
// the pipe could hold it open, and it is not waited for.
func (s *session) drain() int64 {
	_ = s.output.SetReadDeadline(time.Now().Add(2 * time.Second)) // pipes have deadlines
	n := <-s.read
	s.read <- n
	return n
}

// lost ends a run whose supervisor can no longer be trusted: it is killed, and with it, found by the run id they carry, the processes
// that it leaves behind. Nobody knows how the run ended.
func (s *session) lost(o actions.Order, why error) (actions.Outcome, error) {
	_ = s.cmd.Process.Kill() // already gone is fine
	<-s.gone
	left := sweep(o.RunID)
	s.drain()
	if s.private != "" {
		_ = os.RemoveAll(s.private) // what a command made unremovable stays in the temporary folder
	}
	if left > 0 {
		return actions.Outcome{}, fmt.Errorf("run %s: %w; %d processes could not be killed", o.RunID, why, left)
	}
	return actions.Outcome{}, fmt.Errorf("run %s: %w", o.RunID, why)
}

// sweep kills every process that carries the run id and returns how many are left after unkillable.
func sweep(id string) int {
	patience := time.After(unkillable)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		found := freeze(func() []process { return carrying(id) })
		if len(found) == 0 {
			return 0
		}
		for _, p := range found {
			p.signal(syscall.SIGKILL) // refused: it is counted as left
		}
		select {
		case <-again.C:
		case <-patience:
			return len(found)
		}
	}
}

// close ends the session: the supervisor sees the end of the control pipe, and whatever still runs is killed by it.
func (s *session) close() {
	s.control.Close()
	select {
	case <-s.gone:
	case <-time.After(answerTime):
		_ = s.cmd.Process.Kill() // it hangs; nothing else can be done
		<-s.gone
	}
	s.drain()
	s.output.Close()
}

var _ io.Writer = (*lastWords)(nil)
