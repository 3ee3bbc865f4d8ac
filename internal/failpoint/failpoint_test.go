package failpoint_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// build compiles testdata/hit with or without the tag: what counts is what a built binary does.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "hit")
	args := append(append([]string{"build", "-o", bin}, flags...), "./testdata/hit")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("build hit: %v\n%s", err, out)
	}
	return bin
}

// run gives the printed lines, the signal that ended or stopped the process, and its exit code.
func run(t *testing.T, bin, spec string) (passed int, sig syscall.Signal, code int) {
	t.Helper()
	cmd := exec.Command(bin)
	cmd.Env = []string{"DOGWATCH_FAILPOINT=" + spec}
	var out bytes.Buffer
	cmd.Stdout = &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		sig = status.Signal()
	}
	return strings.Count(out.String(), "passed"), sig, status.ExitStatus()
}

func TestOrdinaryBuildIgnoresTheVariable(t *testing.T) {
	if passed, sig, code := run(t, build(t), "pass=kill"); passed != 5 || sig != 0 || code != 0 {
		t.Fatalf("passed %d, signal %v, exit %d; want 5 and a clean end", passed, sig, code)
	}
}

func TestArmedBuild(t *testing.T) {
	bin := build(t, "-tags", "failpoint")
	for _, c := range []struct {
		spec   string
		passed int
		sig    syscall.Signal
		code   int
	}{
		{"", 5, 0, 0},
		{"another=kill", 5, 0, 0},
		{"pass=kill", 0, syscall.SIGKILL, -1},
		{"another=kill, pass=kill@3", 2, syscall.SIGKILL, -1},
		{"pass=kill@6", 5, 0, 0},
		{"pass=explode", 0, 0, 2},
		{"pass=kill@0", 0, 0, 2},
		{"pass", 0, 0, 2},
	} {
		passed, sig, code := run(t, bin, c.spec)
		if passed != c.passed || sig != c.sig || code != c.code {
			t.Errorf("%q: passed %d, signal %v, exit %d; want %d, %v, %d", c.spec, passed, sig, code, c.passed, c.sig, c.code)
		}
	}
}

func TestStopHoldsTheProcessUntilContinued(t *testing.T) {
	cmd := exec.Command(build(t, "-tags", "failpoint"))
	cmd.Env = []string{"DOGWATCH_FAILPOINT=pass=stop@2"}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
		t.Fatal(err)
	}
	if !status.Stopped() || status.StopSignal() != syscall.SIGSTOP {
		t.Fatalf("status %v, want stopped by SIGSTOP", status)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "passed"); got != 5 {
		t.Fatalf("passed %d times after going on, want 5", got)
	}
}
