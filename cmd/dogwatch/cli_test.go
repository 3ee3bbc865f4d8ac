package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"dogwatch"
)

// TestMain lets scripts run this program as the command dogwatch.
func TestMain(m *testing.M) {
	superviseCommand() // ends here in a process that supervises a command
	testscript.Main(m, map[string]func(){"dogwatch": main})
}

// The command line as its users meet it: testdata/cli/*.txtar, each with its files and what must come out.
func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "cli"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLE", "example.yaml")
			e.Setenv("LANG", "C")
			return os.WriteFile(filepath.Join(e.WorkDir, "example.yaml"), dogwatch.Example, 0o600)
		},
	})
}
