package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"dogwatch/internal/audit"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
)

func (a *app) sayAudit(key string, pairs ...any) string {
	return text.Say(a.lang, "audit."+key, pairs...)
}

func newAuditCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: a.sayAudit("audit"), Args: knownCommand, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(newAuditVerifyCommand(a))
	return c
}

func newAuditVerifyCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "verify", Short: a.sayAudit("verify"), Long: a.sayAudit("verify_long"), Args: cobra.NoArgs}
	output := a.formatFlag(c)
	config := c.Flags().String("config.file", "", a.sayAudit("flag_config"))
	file := c.Flags().String("file", "", a.sayAudit("flag_file"))
	anchors := c.Flags().String("anchors", "", a.sayAudit("flag_anchor"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *config == "" && *file == "" {
			return usage("give --config.file, or --file to walk an exported file alone")
		}
		check := audit.Check{File: *file}
		var err error
		if *anchors != "" {
			if check.Anchors, err = a.readAll(*anchors); err != nil {
				return failed("read anchors: %v", err)
			}
		}
		return a.verifyAudit(c.Context(), *config, check, output.value)
	}
	return c
}

// readAll reads a file, or standard input where it is named "-". The result is not nil.
func (a *app) readAll(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(file)
}

func (a *app) verifyAudit(ctx context.Context, config string, check audit.Check, output string) error {
	shards := 0
	if config != "" {
		c, err := a.load(config)
		if err != nil {
			return err
		}
		if check.Store, err = a.openExisting(ctx, c); err != nil {
			return failed("%v (the exported file can be walked without Redis: --file FILE and no --config.file)", err)
		}
		defer check.Store.Close()
		shards = check.Store.Shards()
		placeAudit(&check, c.Server.Data)
	}
	report, err := audit.Verify(ctx, check)
	if err != nil {
		return failed("%v", err)
	}
	if output == "json" {
		err = a.printJSON(struct {
			audit.Report
			First *audit.Break `json:"first"`
		}{report, report.First()})
	} else {
		a.showAudit(report, check, shards)
	}
	if err == nil && !report.OK {
		err = &notGood{}
	}
	return err
}

// placeAudit says where the export and its checkpoints are: a file that was named may be a copy without checkpoints
// beside it, and is then held against those of the data folder.
func placeAudit(check *audit.Check, data string) {
	if check.File == "" {
		check.File = filepath.Join(data, audit.FileName)
		return
	}
	if !audit.Signed(filepath.Dir(check.File)) {
		check.Signed = data
	}
}

// openExisting connects to the Redis that a running dogwatch of this configuration uses. Of the secrets only its address
// is needed; others may be unset.
func (a *app) openExisting(ctx context.Context, c *Config) (*state.Store, error) {
	faults := c.Resolve(a.env, os.ReadFile)
	url := c.Store.Redis.URL()
	if c.Store.Redis.Embedded() {
		if url = runningEmbedded(c.Server.Data); url == "" {
			return nil, fmt.Errorf("the embedded Redis in %s is not running", c.Server.Data)
		}
	}
	if url == "" {
		return nil, fmt.Errorf("the address of Redis is not known: %w", faults)
	}
	store, err := state.Open(ctx, state.Config{URL: url, Prefix: c.Store.Prefix})
	if err != nil {
		return nil, fmt.Errorf("open Redis: %w", err)
	}
	return store, nil
}

// showAudit prints a verdict, then what it rests on.
func (a *app) showAudit(r audit.Report, check audit.Check, shards int) {
	say := func(key string, pairs ...any) { fmt.Fprintln(a.out, a.sayAudit(key, pairs...)) }
	if first := r.First(); first == nil {
		say("holds")
	} else {
		say("does_not_hold")
		say("first", "break", a.sayBreak(*first))
		for _, b := range r.Broken {
			if b != *first {
				say("further", "break", a.sayBreak(b))
			}
		}
	}
	if check.Store == nil {
		say("no_redis")
	} else {
		say("redis", "entries", r.Entries, "shards", shards, "linked", r.Linked, "unlinked", r.Unlinked)
	}
	switch {
	case r.File == "":
		say("no_file", "file", check.File)
	case check.Store == nil:
		say("file_only", "file", r.File, "exported", r.Exported)
	default:
		say("file", "file", r.File, "exported", r.Exported, "unexported", r.Unexported)
	}
	if r.LastCheckpoint == nil {
		say("no_checkpoints")
	} else {
		say("checkpoints", "count", r.Checkpoints, "key", r.Key, "at", r.LastCheckpoint.Format(time.RFC3339), "covered", r.Covered)
	}
	if check.Anchors != nil {
		say("anchors", "count", r.Anchors)
	}
}

// sayBreak is a sentence that names the place, the shard and the entry as far as they are known.
func (a *app) sayBreak(b audit.Break) string {
	key := "at_place"
	switch {
	case b.Shard >= 0 && b.Line > 0:
		key = "at_line"
	case b.Shard >= 0:
		key = "at_entry"
	case b.Line > 0:
		key = "at_place_line"
	case b.Number > 0:
		key = "at_number"
	}
	return a.sayAudit(key, "shard", b.Shard, "number", b.Number, "line", b.Line,
		"place", a.sayAudit("place_"+string(b.Place)), "what", a.sayAudit("kind_"+string(b.Kind)))
}
