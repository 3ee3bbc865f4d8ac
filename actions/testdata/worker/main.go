// Command worker is a dogwatch of one role, the runner, for the tests that kill it: worker REDIS-URL LEDGER-DIR TOOL WITNESS.
// It prints "up" when it is at work and ends well on SIGTERM.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dogwatch/actions"
	"dogwatch/actions/actionstest"
	"dogwatch/actions/command"
	"dogwatch/internal/state"
	"dogwatch/schedules"
)

func main() {
	command.Main()
	actionstest.Main()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := work(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func work(ctx context.Context, url, dir string) error {
	store, err := state.Open(ctx, state.Config{URL: url})
	if err != nil {
		return err
	}
	defer store.Close()
	ledger, err := actions.OpenLedger(dir)
	if err != nil {
		return err
	}
	defer ledger.Close()
	runner, err := command.Open(nil)
	if err != nil {
		return err
	}
	directory, catalog := setup(os.Args[3], os.Args[4])
	service := actions.New(store)
	service.Use(actions.Setup{Catalog: catalog, Directory: directory})
	fmt.Println("up")
	return actions.NewWorker(service, actions.WorkerConfig{Name: "killed", Ledger: ledger,
		Runners: map[string]actions.Runner{"command": runner}}).Run(ctx)
}

// setup is people and actions, the same in the test: "record" appends to the witness and ends, "stay" leaves a daemon up.
func setup(tool, witness string) (*schedules.Directory, *actions.Catalog) {
	directory, faults := schedules.NewDirectory([]schedules.Person{
		{ID: "alice", Roles: schedules.Roles{schedules.Responder}}, {ID: "bob", Roles: schedules.Roles{schedules.Approver}},
	}, nil)
	if len(faults) > 0 {
		panic(faults)
	}
	consent := actions.Approval{Approvers: []string{"person:bob"}}
	catalog, faults := actions.NewCatalog([]actions.Definition{
		{Name: "record", Runner: "command", Argv: []string{tool, "actionstest:record", witness}, Timeout: time.Minute, Approval: consent},
		{Name: "stay", Runner: "command", Argv: []string{tool, "actionstest:daemonise", witness, "stay"}, Timeout: time.Minute, Approval: consent},
	})
	if len(faults) > 0 {
		panic(faults)
	}
	return directory, catalog
}
