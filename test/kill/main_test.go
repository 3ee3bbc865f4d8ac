// Package kill shows what a crash costs: the built dogwatch runs as its own process against a real Redis, is ended with
// SIGKILL at a failpoint or from outside, is started again, and what the world around it recorded is compared.
//
// # Nouns
//
// A world is one Redis with everything fsynced, a fake Slack, a fake WeCom, an action that leaves a line in a file, and
// any number of replicas: processes of one binary, built once with the tag failpoint, each with a data folder of its own.
// The source posts alerts as Alertmanager does: again until it hears 2xx. A wire is a way to Redis that can lose answers
// or end in the middle of a pipeline.
//
// # What is compared
//
// What the source was told, what the API says, what the fakes were sent, what stands in the action's file, what the audit
// command says, and the bytes in Redis' file. None of the domain packages is used, so that a mistake in them is not repeated
// here. The crashes are those of guarantees.md 2.2, one test each (TestK1… to TestK19…); TestRandomKills plays thirty of them at
// random under load and holds the invariants I1 to I9; KILL_ROUNDS asks for another number.
//
// # Time
//
// Nothing sleeps for a fixed time: a test waits for what must become true. Several wait for leases of twenty and thirty
// seconds; they wait side by side.
package kill

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The binaries under test, and the action that they run.
var dogwatch, witness string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dogwatch-kill-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	dogwatch, witness = filepath.Join(dir, "dogwatch"), filepath.Join(dir, "witness")
	for _, args := range [][]string{
		{"build", "-tags", "failpoint", "-o", dogwatch, "dogwatch/cmd/dogwatch"},
		{"build", "-o", witness, "./testdata/witness"},
	} {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go %v: %v\n%s", args, err, out)
			return 1
		}
	}
	// Side by side they wait for leases and hardly use a processor, however few there are.
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
