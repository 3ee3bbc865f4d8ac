package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"dogwatch/incidents"
	"dogwatch/internal/text"
)

// live is a running dogwatch that a command speaks to.
type live struct {
	*place
	output *format
}

// ask is what the commands about incidents and actions say of themselves.
func (a *app) ask(key string, pairs ...any) string { return text.Say(a.lang, "client."+key, pairs...) }

// liveCommand makes a command that speaks to a running dogwatch.
func (a *app) liveCommand(use, key string, args cobra.PositionalArgs, run func(ctx context.Context, l *live, args []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: a.ask(key), Args: args}
	l := &live{place: &place{app: a}, output: a.formatFlag(c)}
	c.Flags().StringVar(&l.url, "url", "", a.ask("flag_url"))
	c.Flags().StringVar(&l.auth, "token", "", a.ask("flag_token"))
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := l.resolve(); err != nil {
			return err
		}
		return run(c.Context(), l, args)
	}
	return c
}

func (l *live) get(ctx context.Context, into any, query url.Values, path ...string) error {
	return l.call(ctx, question{method: http.MethodGet, query: query, path: path}, into)
}

func (l *live) post(ctx context.Context, body, into any, path ...string) error {
	out, err := json.Marshal(body)
	if err != nil {
		return failed("%v", err)
	}
	return l.call(ctx, question{method: http.MethodPost, body: bytes.NewReader(out), path: path}, into)
}

func newIncidentCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "incident", Short: a.ask("incident"), Args: knownCommand, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.incidentList(), a.liveCommand("show N", "incident_show", cobra.ExactArgs(1), func(ctx context.Context, l *live, args []string) error {
		var w incidentWhole
		if err := l.get(ctx, &w, nil, "incidents", args[0]); err != nil {
			return err
		}
		return a.showIncident(&w, l.output.value)
	}))
	for _, v := range []struct{ use, verb string }{{"ack", "acknowledge"}, {"resolve", "resolve"}, {"reopen", "reopen"}, {"escalate", "escalate"}} {
		c.AddCommand(a.incidentVerb(v.use+" N [REASON]", v.verb, cobra.MinimumNArgs(1), func(args []string) any {
			if v.verb == "escalate" {
				return map[string]string{}
			}
			return map[string]string{"reason": strings.Join(args, " ")}
		}))
	}
	c.AddCommand(
		a.incidentVerb("snooze N DURATION", "snooze", cobra.ExactArgs(2), func(args []string) any { return map[string]string{"for": args[0]} }),
		a.incidentVerb("assign N PERSON", "assign", cobra.ExactArgs(2), func(args []string) any { return map[string]string{"person": args[0]} }),
		a.incidentVerb("note N TEXT", "notes", cobra.MinimumNArgs(2), func(args []string) any { return map[string]string{"text": strings.Join(args, " ")} }),
	)
	return c
}

// incidentVerb is a command that changes one incident and shows how it stands then. Its first word names its sentence too.
func (a *app) incidentVerb(use, verb string, args cobra.PositionalArgs, body func(args []string) any) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	return a.liveCommand(use, "incident_"+name, args, func(ctx context.Context, l *live, args []string) error {
		var w incidentWhole
		if err := l.post(ctx, body(args[1:]), &w, "incidents", strings.TrimPrefix(args[0], "#"), verb); err != nil {
			return err
		}
		if l.output.value == "json" {
			return a.printJSON(w)
		}
		return a.table(incidentRows(a, []incidents.Incident{w.Incident}))
	})
}

func (a *app) incidentList() *cobra.Command {
	var state, severity, q string
	var limit int
	c := a.liveCommand("list", "incident_list", cobra.NoArgs, func(ctx context.Context, l *live, _ []string) error {
		query := url.Values{"state": {state}, "severity": {severity}, "q": {q}, "limit": {strconv.Itoa(limit)}}
		var page incidentPage
		if err := l.get(ctx, &page, query, "incidents"); err != nil {
			return err
		}
		if l.output.value == "json" {
			return a.printJSON(page)
		}
		return a.table(incidentRows(a, page.Incidents))
	})
	c.Flags().StringVar(&state, "state", "open", a.ask("flag_state"))
	c.Flags().StringVar(&severity, "severity", "", a.ask("flag_severity"))
	c.Flags().StringVar(&q, "q", "", a.ask("flag_q"))
	c.Flags().IntVar(&limit, "limit", 50, a.ask("flag_limit"))
	return c
}

func incidentRows(a *app, list []incidents.Incident) [][]string {
	rows := [][]string{{a.ask("col_number"), a.ask("col_severity"), a.ask("col_state"), a.ask("col_since"), a.ask("col_alerts"), a.ask("col_assignees"), a.ask("col_title")}}
	for _, i := range list {
		rows = append(rows, []string{strconv.FormatInt(i.Number, 10), i.Severity, a.ask("state_" + string(i.State)), i.CreatedAt.Local().Format("2006-01-02 15:04 MST"),
			strconv.FormatInt(i.Alerts.Firing, 10) + "/" + strconv.FormatInt(i.Alerts.Total, 10), strings.Join(i.Assignees, ","), printable(i.Title)})
	}
	return rows
}

// showIncident prints an incident with its history.
func (a *app) showIncident(w *incidentWhole, output string) error {
	if output == "json" {
		return a.printJSON(w)
	}
	if err := a.table(incidentRows(a, []incidents.Incident{w.Incident})); err != nil {
		return err
	}
	rows := [][]string{}
	for _, l := range w.Timeline {
		who := l.Actor.Person
		if who == "" {
			who = l.Actor.Via
		}
		rows = append(rows, []string{l.At.Local().Format("15:04:05"), l.Kind, printable(who), printable(string(l.Data))})
	}
	return a.table(rows)
}

// printable makes a terminal show text as text: no controls, no escapes, no change of direction.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f {
			return -1
		}
		return r
	}, s)
}
