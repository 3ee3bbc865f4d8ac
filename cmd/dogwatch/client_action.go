package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dogwatch/actions"
)

func newActionCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "action", Short: a.ask("action"), Args: knownCommand, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(
		a.liveCommand("list", "action_list", cobra.NoArgs, a.actionList),
		a.liveCommand("show REQUEST", "action_show", cobra.ExactArgs(1), func(ctx context.Context, l *live, args []string) error {
			var r actions.Request
			if err := l.get(ctx, &r, nil, "requests", args[0]); err != nil {
				return err
			}
			return a.showRequest(l, &r)
		}),
		a.actionRequest(),
		a.actionApprove(),
		a.requestVerb("reject REQUEST [REASON]", "action_reject", "reject"),
		a.requestVerb("cancel REQUEST [REASON]", "action_cancel", "cancel"),
		a.requestVerb("pause REQUEST", "action_pause", "pause"),
		a.requestVerb("resume REQUEST", "action_resume", "resume"),
		a.requestVerb("retry REQUEST", "action_retry", "retry"),
		a.actionLogs(),
	)
	return c
}

func (a *app) actionList(ctx context.Context, l *live, _ []string) error {
	var all struct {
		Actions []struct {
			Name     string                   `json:"name"`
			Title    string                   `json:"title"`
			Runner   string                   `json:"runner"`
			Argv     []string                 `json:"argv"`
			Params   map[string]actions.Param `json:"params"`
			Approval approvalView             `json:"approval"`
		} `json:"actions"`
	}
	if err := l.get(ctx, &all, nil, "actions"); err != nil {
		return err
	}
	if l.output.value == "json" {
		return a.printJSON(all)
	}
	rows := [][]string{{a.ask("col_action"), a.ask("col_title"), a.ask("col_params"), a.ask("col_approvers")}}
	for _, x := range all.Actions {
		approvers := strings.Join(x.Approval.Approvers, ",")
		if x.Approval.None {
			approvers = a.ask("no_approval")
		}
		rows = append(rows, []string{x.Name, x.Title, strings.Join(keys(x.Params), ","), approvers})
	}
	return a.table(rows)
}

// actionRequest is `action request NAME [k=v …]`.
func (a *app) actionRequest() *cobra.Command {
	var incident, reason string
	c := a.liveCommand("request ACTION [NAME=VALUE …]", "action_request", cobra.MinimumNArgs(1), func(ctx context.Context, l *live, args []string) error {
		params := map[string]string{}
		for _, kv := range args[1:] {
			k, v, ok := strings.Cut(kv, "=")
			if !ok {
				return usage("a parameter is written name=value, not %q", kv)
			}
			params[k] = v
		}
		body := map[string]any{"params": params, "reason": reason}
		if incident != "" {
			body["incident"] = strings.TrimPrefix(incident, "#")
		}
		var r actions.Request
		if err := l.post(ctx, body, &r, "actions", args[0], "requests"); err != nil {
			return err
		}
		return a.showRequest(l, &r)
	})
	c.Flags().StringVar(&incident, "incident", "", a.ask("flag_incident"))
	c.Flags().StringVar(&reason, "reason", "", a.ask("flag_reason"))
	return c
}

// actionApprove shows what will run and approves exactly that: the digest goes along.
func (a *app) actionApprove() *cobra.Command {
	var digest string
	c := a.liveCommand("approve REQUEST", "action_approve", cobra.ExactArgs(1), func(ctx context.Context, l *live, args []string) error {
		var r actions.Request
		if err := l.get(ctx, &r, nil, "requests", args[0]); err != nil {
			return err
		}
		if digest == "" {
			digest = r.Digest
		}
		if err := l.post(ctx, map[string]string{"digest": digest}, &r, "requests", args[0], "approve"); err != nil {
			return err
		}
		return a.showRequest(l, &r)
	})
	c.Flags().StringVar(&digest, "digest", "", a.ask("flag_digest"))
	return c
}

func (a *app) requestVerb(use, key, verb string) *cobra.Command {
	return a.liveCommand(use, key, cobra.MinimumNArgs(1), func(ctx context.Context, l *live, args []string) error {
		var r actions.Request
		if err := l.post(ctx, map[string]string{"reason": strings.Join(args[1:], " ")}, &r, "requests", args[0], verb); err != nil {
			return err
		}
		return a.showRequest(l, &r)
	})
}

// actionLogs prints an output; with --follow until the run has ended.
func (a *app) actionLogs() *cobra.Command {
	var follow bool
	c := a.liveCommand("logs REQUEST", "action_logs", cobra.ExactArgs(1), func(ctx context.Context, l *live, args []string) error {
		cursor := ""
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			var page struct {
				Output string `json:"output"`
				Cursor string `json:"cursor"`
				Ended  bool   `json:"ended"`
			}
			if err := l.get(ctx, &page, url.Values{"cursor": {cursor}}, "requests", args[0], "logs"); err != nil {
				return err
			}
			fmt.Fprint(a.out, page.Output)
			more := page.Cursor != cursor && page.Output != ""
			if cursor = page.Cursor; page.Ended || !follow && !more {
				return nil
			}
			if more {
				continue
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
	c.Flags().BoolVarP(&follow, "follow", "f", false, a.ask("flag_follow"))
	return c
}

func (a *app) showRequest(l *live, r *actions.Request) error {
	if l.output.value == "json" {
		return a.printJSON(r)
	}
	rows := [][]string{
		{a.ask("col_request"), string(r.ID)}, {a.ask("col_state"), a.ask("state_" + string(r.State))}, {a.ask("col_action"), r.Action},
		{a.ask("col_argv"), printable(strings.Join(r.Argv, " "))}, {a.ask("col_requester"), r.Requester}, {a.ask("col_digest"), r.Digest},
		{a.ask("col_expires"), r.ExpiresAt.Local().Format(time.RFC3339)},
	}
	for _, c := range r.Approvals {
		rows = append(rows, []string{a.ask("col_approved"), c.Person + " " + c.At.Local().Format(time.RFC3339)})
	}
	if r.ExitCode != nil {
		rows = append(rows, []string{a.ask("col_exit"), fmt.Sprint(*r.ExitCode)})
	}
	return a.table(rows)
}
