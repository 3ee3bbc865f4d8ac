package actions_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"dogwatch/actions"
)

func openLedger(t *testing.T, dir string) *actions.Ledger {
	t.Helper()
	l, err := actions.OpenLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestLedgerRemembersAcrossOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	l := openLedger(t, dir)
	id := l.ID()
	for _, run := range []string{"r1", "r2"} {
		if err := l.Start(run, "digest-"+run); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Ended("r1", `{"exit_code":0}`); err != nil {
		t.Fatal(err)
	}
	l.Close()

	l = openLedger(t, dir)
	if l.ID() != id || id == "" {
		t.Fatalf("id %q after opening again, was %q", l.ID(), id)
	}
	r1, ok := l.State("r1")
	if !ok || !r1.Ended() || r1.Outcome != `{"exit_code":0}` || r1.Digest != "digest-r1" {
		t.Fatalf("r1: %+v %v", r1, ok)
	}
	if r2, ok := l.State("r2"); !ok || r2.Ended() || r2.StartedAt.IsZero() {
		t.Fatalf("r2: %+v %v", r2, ok)
	}
	if _, ok := l.State("r3"); ok {
		t.Fatal("r3 was never started")
	}
	if err := l.Start("r1", "other"); !errors.Is(err, actions.ErrAlreadyStarted) {
		t.Fatalf("second start: %v", err)
	}
	if l.Damaged() != nil {
		t.Fatalf("damaged: %v", l.Damaged())
	}
}

func TestLedgerIsPrivateAndHeldByOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	openLedger(t, dir)
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "ledger.jsonl"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
	}
	if _, err := actions.OpenLedger(dir); err == nil {
		t.Fatal("two holders of one ledger")
	}
}

func TestLedgerToleratesATornLastLine(t *testing.T) {
	dir := t.TempDir()
	l := openLedger(t, dir)
	if err := l.Start("r1", "d"); err != nil {
		t.Fatal(err)
	}
	l.Close()
	path := filepath.Join(dir, "ledger.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"run_id":"r2","event":"star`); err != nil {
		t.Fatal(err)
	}
	f.Close()

	l = openLedger(t, dir)
	if d := l.Damaged(); len(d) != 1 || !strings.Contains(d[0], `run "r2"`) {
		t.Fatalf("damaged: %v", d)
	}
	if e, ok := l.State("r2"); !ok || e.Ended() {
		t.Fatalf("a torn line must count as started: %+v %v", e, ok)
	}
	if err := l.Start("r3", "d"); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = openLedger(t, dir)
	if e, ok := l.State("r3"); !ok || e.Digest != "d" {
		t.Fatalf("the line after the torn one is lost: %+v %v", e, ok)
	}
	if d := l.Damaged(); len(d) != 1 {
		t.Fatalf("damaged: %v", d)
	}
}

func TestLedgerStartsARunOnceUnderRace(t *testing.T) {
	l := openLedger(t, t.TempDir())
	var won atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if l.Start("r1", "d") == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d starts of one run", won.Load())
	}
}

// A file-size limit plays the full disk: the kernel writes what fits and refuses the rest. It holds for a whole process, so
// the test is played in one of its own, by fullDisk.
func TestLedgerOnAFullDiskStartsNothingAndStaysWhole(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(self, "full-disk", t.TempDir()).CombinedOutput()
	if err != nil || string(out) != "whole\n" {
		t.Fatalf("%v: %s", err, out)
	}
}

func fullDisk(dir string) error {
	l, err := actions.OpenLedger(dir)
	if err != nil {
		return err
	}
	if err := l.Start("r1", "d"); err != nil {
		return err
	}
	path := filepath.Join(dir, "ledger.jsonl")
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(len(before) + 10), Max: old.Max}); err != nil {
		return err
	}
	if err := l.Start("r2", "d"); err == nil {
		return errors.New("a start was granted that could not be kept")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		return fmt.Errorf("the ledger is not as before: %q, was %q (%v)", after, before, err)
	}
	if _, ok := l.State("r2"); ok {
		return errors.New("r2 counts as started")
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := l.Start("r2", "d"); err != nil {
		return fmt.Errorf("after space is back: %w", err)
	}
	return l.Close()
}
