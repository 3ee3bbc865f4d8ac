package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// newSampleCommand is what the sample action of config.example.yaml runs: it changes nothing anywhere, and prints a few
// lines over some seconds so that there is something to watch.
func newSampleCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "sample NAME ARG", Hidden: true, Args: cobra.ExactArgs(2)}
	pace := c.Flags().Duration("pace", 500*time.Millisecond, a.say("flag_pace"))
	c.RunE = func(c *cobra.Command, args []string) error {
		if *pace <= 0 {
			return usage("--pace must be positive")
		}
		name, arg := args[0], args[1]
		tick := time.NewTicker(*pace)
		defer tick.Stop()
		for _, line := range []string{
			"%[1]s %[2]s: a sample, nothing is changed",
			"%[1]s %[2]s: looking at the present state",
			"%[1]s %[2]s: asking it to stop",
			"%[1]s %[2]s: stopped",
			"%[1]s %[2]s: starting it again",
			"%[1]s %[2]s: done",
		} {
			fmt.Fprintf(a.out, line+"\n", name, arg)
			select {
			case <-tick.C:
			case <-c.Context().Done():
				return failed("sample %s %s: interrupted", name, arg)
			}
		}
		return nil
	}
	return c
}
