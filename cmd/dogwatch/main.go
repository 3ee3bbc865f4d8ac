// Command dogwatch is how dogwatch is put together: configuration, plugins, start, stop, and the command line.
//
// Files here are named after what they do: config*.go read and check the one YAML file, plugins.go is the only file that
// names concrete sources, platforms and runners, and every command has a file of its own.
//
// # Exit
//
// 0 good, 1 the thing asked about is not good (an invalid file, nobody on call, a broken chain), 2 wrong usage.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	_ "time/tzdata" // so that zones are known on machines without them

	"github.com/spf13/cobra"

	"dogwatch/internal/text"
)

// app is what commands share: where they write, in which language, and the outside world, which tests replace.
type app struct {
	out, err io.Writer
	in       io.Reader
	env      func(string) (string, bool)
	now      func() time.Time
	lang     text.Lang
	// started says that flags and arguments were accepted; an error before that is wrong usage.
	started bool
}

// notGood ends a command with exit 1. An empty message says that everything was printed already.
type notGood struct{ message string }

func (e *notGood) Error() string { return e.message }

// failed is an error of exit 1.
func failed(format string, args ...any) error { return &notGood{fmt.Sprintf(format, args...)} }

// badUse is an error of exit 2.
type badUse struct{ error }

func usage(format string, args ...any) error { return &badUse{fmt.Errorf(format, args...)} }

// commands are all there are, in the order of the help.
var commands = []func(*app) *cobra.Command{
	newCheckCommand,
	newRouteCommand,
	newOncallCommand,
	newShiftsCommand,
	newGapsCommand,
	newAuditCommand,
	newSchemaCommand,
	newDemoCommand,
	newServeCommand,
	newIncidentCommand,
	newActionCommand,
	newSampleCommand,
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:              "dogwatch",
		Short:            a.say("root"),
		SilenceErrors:    true,
		SilenceUsage:     true,
		Args:             knownCommand,
		RunE:             func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) { a.started = true },
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetIn(a.in)
	root.PersistentFlags().String("lang", string(a.lang), a.say("flag_lang"))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &badUse{err} })
	for _, command := range commands {
		root.AddCommand(command(a))
	}
	strictCompletion(root)
	return root
}

// strictCompletion makes a shell that the library does not know wrong usage; by itself it prints its help and is content.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = knownCommand
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
}

// knownCommand refuses words that are no command, with the nearest that is one.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return usage("there is no command %q (%s)", args[0], nearestOr(args[0], names))
}

// run is the whole program with its exit code.
func run(a *app, args []string) int {
	a.lang = language(args, a.env)
	root := newRoot(a)
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	var bad *badUse
	var wrong *notGood
	if message := err.Error(); !errors.As(err, &wrong) || message != "" {
		fmt.Fprintln(a.err, "dogwatch: "+message)
	}
	if errors.As(err, &bad) || !a.started {
		fmt.Fprintln(a.err, a.say("see_help"))
		return 2
	}
	return 1
}

func main() {
	superviseCommand() // ends here in a process that supervises a command
	os.Exit(run(&app{out: os.Stdout, err: os.Stderr, in: os.Stdin, env: os.LookupEnv, now: time.Now}, os.Args[1:]))
}
