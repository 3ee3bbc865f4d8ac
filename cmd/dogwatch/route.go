package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/incidents/intake"
)

// What `route` prints.
type (
	routeReport struct {
		At       time.Time     `json:"at"`
		Basis    string        `json:"basis"`
		Alerts   []routedAlert `json:"alerts"`
		Rejected []string      `json:"rejected,omitempty"`
	}
	routedAlert struct {
		Fingerprint string            `json:"fingerprint,omitempty"`
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Route       string            `json:"route"`
		GroupKey    string            `json:"group_key"`
		Severity    string            `json:"severity"`
		Policy      string            `json:"policy"`
		Channels    []string          `json:"channels"`
		Steps       []routedStep      `json:"steps"`
	}
	routedStep struct {
		Round  int          `json:"round"` // from 1
		Step   int          `json:"step"`  // from 1
		At     time.Time    `json:"at"`
		Notify []routedPage `json:"notify"`
		// Skipped says why nobody hears: "nobody", "condition"; "" when somebody does.
		Skipped string `json:"skipped,omitempty"`
	}
	routedPage struct {
		Person  string `json:"person,omitempty"` // empty for a channel
		Channel string `json:"channel"`
	}
)

func newRouteCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "route BODY.json|-", Short: a.say("route"), Args: cobra.ExactArgs(1)}
	output, where, at := a.formatFlag(c), a.placeFlags(c), &instant{}
	source := c.Flags().String("source", "", a.say("flag_source"))
	c.Flags().Var(at, "at", a.say("flag_at"))
	c.RunE = func(c *cobra.Command, args []string) error {
		if *source == "" {
			return usage("--source NAME is needed, one of those under sources")
		}
		if err := where.resolve(); err != nil {
			return err
		}
		if !at.set {
			at.Time = a.now().Truncate(time.Second)
		}
		body, err := a.readBody(args[0])
		if err != nil {
			return err
		}
		report, err := where.route(c.Context(), *source, body, at.Time)
		if err != nil {
			return err
		}
		return a.showRoute(report, output.value)
	}
	return c
}

func (a *app) readBody(name string) ([]byte, error) {
	from := a.in
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, failed("%v", err)
		}
		defer file.Close()
		from = file
	}
	body, err := io.ReadAll(io.LimitReader(from, maxAnswer))
	if err != nil {
		return nil, failed("read %s: %v", name, err)
	}
	return body, nil
}

// route answers from the file, or asks POST /api/v1/route.
func (p *place) route(ctx context.Context, source string, body []byte, at time.Time) (*routeReport, error) {
	if p.file == "" {
		report := &routeReport{}
		query := url.Values{"source": {source}, "at": {at.Format(time.RFC3339)}}
		return report, p.call(ctx, question{method: http.MethodPost, query: query, body: bytes.NewReader(body), path: []string{"route"}}, report)
	}
	c, err := p.app.load(p.file)
	if err != nil {
		return nil, err
	}
	return c.dryRun(source, body, at, basisFile)
}

// dryRun is what would become of a body that came from a source at a time. Nothing is stored or sent.
func (c *Config) dryRun(source string, body []byte, at time.Time, basis string) (*routeReport, error) {
	s, known := c.Sources[source]
	if !known {
		return nil, failed("there is no source %q (%s)", source, nearestOr(source, keys(c.Sources)))
	}
	batch, err := sourcePlugins[s.Type].decoder(c.Limits.intake())(body)
	if err != nil {
		var refused *intake.BodyError
		if errors.As(err, &refused) {
			return nil, failed("%s: %s", refused.Where, refused.Reason)
		}
		return nil, failed("read body: %v", err)
	}
	report := &routeReport{At: at, Basis: basis, Alerts: []routedAlert{}}
	for _, r := range batch.Rejected {
		report.Rejected = append(report.Rejected, r.Where+": "+r.Reason)
	}
	for i := range batch.Reports {
		r := &batch.Reports[i]
		d := c.router.Route(source, r, at)
		alert := routedAlert{
			Fingerprint: r.Fingerprint, Status: string(r.Status), Labels: r.Labels, Route: d.Name, GroupKey: d.GroupKey,
			Severity: d.Severity, Policy: d.Policy, Channels: append([]string{}, d.Channels...), Steps: []routedStep{},
		}
		if r.Status == incidents.Firing {
			sit := escalation.Situation{Severity: d.Severity, Source: source, Route: d.Name, Now: at}
			alert.Steps = steps(escalation.Preview(c.ladders[d.Policy], sit, c.roster()), c.fallback(d.Channels))
		}
		report.Alerts = append(report.Alerts, alert)
	}
	return report, nil
}

// intake are the limits that decoders hold.
func (l limitsConfig) intake() intake.Limits {
	return intake.Limits{
		Alerts: l.Alerts, Labels: l.Labels, Name: int(l.LabelName), Value: int(l.LabelValue), Annotation: int(l.Annotation), Depth: l.JSONDepth,
	}
}

// fallback are the channels that hear when a whole round reaches nobody.
func (c *Config) fallback(incident []string) []string {
	if c.Server.Fallback != "" {
		return []string{c.Server.Fallback}
	}
	if last := c.Routes[len(c.Routes)-1].Channels; len(last) > 0 {
		return last[:1]
	}
	return incident
}

// steps writes a previewed ladder as it is printed: first the steps that page nobody, then the one that does.
func steps(rungs []escalation.Rung, fallback []string) []routedStep {
	out := []routedStep{}
	for _, r := range rungs {
		for _, skip := range r.Skips {
			out = append(out, routedStep{Round: skip.Round + 1, Step: skip.Step + 1, At: r.At, Notify: []routedPage{}, Skipped: skip.Reason})
		}
		var paging *routedStep
		for _, call := range r.Calls {
			if call.Nobody {
				continue // told to the fallback, in the row of the step that was skipped
			}
			if paging == nil {
				out = append(out, routedStep{Round: call.Round + 1, Step: call.Step + 1, At: r.At})
				paging = &out[len(out)-1]
			}
			paging.Notify = append(paging.Notify, routedPage{call.Person, call.Address})
		}
		if told := len(r.Calls) > 0 && r.Calls[len(r.Calls)-1].Nobody; told {
			last := &out[len(out)-1]
			for _, c := range fallback {
				last.Notify = append(last.Notify, routedPage{Channel: c})
			}
		}
	}
	return out
}

func (a *app) showRoute(r *routeReport, output string) error {
	if output == "json" {
		return a.printJSON(r)
	}
	for _, alert := range r.Alerts {
		fmt.Fprintln(a.out, alert.GroupKey)
		fmt.Fprintf(a.out, "  %s %s  %s %s  %s %s  %s %s\n", a.say("col_route"), alert.Route, a.say("col_severity"), alert.Severity,
			a.say("col_policy"), alert.Policy, a.say("col_channels"), strings.Join(alert.Channels, " "))
		for _, s := range alert.Steps {
			fmt.Fprintf(a.out, "  %s  %s\n", s.At.Format(time.RFC3339), a.say("step", "round", s.Round, "step", s.Step, "who", a.who(s)))
		}
		if len(alert.Steps) == 0 {
			fmt.Fprintln(a.out, "  "+a.say("resolved_pages_nobody"))
		}
	}
	for _, line := range r.Rejected {
		fmt.Fprintln(a.out, a.say("rejected", "why", line))
	}
	a.basis(r.Basis)
	return nil
}

// who is a step in words: whom it pages, or why nobody.
func (a *app) who(s routedStep) string {
	if s.Skipped != "" {
		return a.skipped(s)
	}
	var order []string
	by := map[string][]string{}
	for _, p := range s.Notify {
		if _, known := by[p.Person]; !known {
			order = append(order, p.Person)
		}
		by[p.Person] = append(by[p.Person], p.Channel)
	}
	var all []string
	for _, person := range order {
		all = append(all, strings.TrimSpace(person+" "+strings.Join(by[person], " ")))
	}
	return strings.Join(all, ", ")
}

// skipped is why a step pages nobody, and who is told when that ends a round in which nobody was paged.
func (a *app) skipped(s routedStep) string {
	if len(s.Notify) == 0 {
		return a.say("skipped_" + s.Skipped)
	}
	var told []string
	for _, p := range s.Notify {
		told = append(told, p.Channel)
	}
	return a.say("round_reached_nobody", "channels", strings.Join(told, " "))
}
