// Command witness is the action of the kill tests: it leaves one line, "RUN_ID PID", in a file opened for appending, and
// with a second argument it then stays until that file is gone.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	if err := witness(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func witness(args []string) error {
	f, err := os.OpenFile(args[0], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "%s %d\n", os.Getenv("DOGWATCH_RUN_ID"), os.Getpid()); err != nil {
		return err
	}
	fmt.Println("a line was left")
	if len(args) < 2 {
		return f.Close()
	}
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		if _, err := os.Stat(args[1]); err != nil {
			return f.Close()
		}
	}
}
