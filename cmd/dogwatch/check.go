package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCheckCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "check F…", Short: a.say("check"), Args: cobra.MinimumNArgs(1)}
	output := a.formatFlag(c)
	c.RunE = func(_ *cobra.Command, files []string) error { return a.check(files, output.value) }
	return c
}

// check prints every fault of every file.
func (a *app) check(files []string, output string) error {
	all := Faults{}
	for _, file := range files {
		_, faults := loadConfig(file)
		all = append(all, faults...)
		if output == "json" {
			continue
		}
		for _, f := range faults {
			fmt.Fprintln(a.out, f)
		}
		if len(faults) == 0 {
			fmt.Fprintln(a.out, a.say("check_good", "file", file))
		}
	}
	if output == "json" {
		if err := a.printJSON(all); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		return &notGood{}
	}
	return nil
}
