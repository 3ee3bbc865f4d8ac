package main

import (
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

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
	"dogwatch/internal/expression"
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
		Round  int          `json:"round"`
		Step   int          `json:"step"`
		At     time.Time    `json:"at"`
		Notify []routedPage `json:"notify"`
		// Skipped says why nobody hears: "if" or "nobody"; "" when somebody does.
		Skipped string `json:"skipped,omitempty"`
	}
	routedPage struct {
		Target string `json:"target"`
		// Person is empty for a channel.
		Person string `json:"person,omitempty"`
		// By are the addresses that reach the person on the configured platforms, or the channel itself.
		By []string `json:"by"`
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
		return report, p.call(ctx, http.MethodPost, strings.NewReader(string(body)), report, query, "route")
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
		names := &stepNames{Severity: d.Severity, Labels: r.Labels, Source: source, Route: d.Name}
		alert := routedAlert{
			Fingerprint: r.Fingerprint, Status: string(r.Status), Labels: r.Labels, Route: d.Name, GroupKey: d.GroupKey,
			Severity: d.Severity, Policy: d.Policy, Channels: append([]string{}, d.Channels...), Steps: []routedStep{},
		}
		if r.Status == incidents.Firing {
			alert.Steps = c.ladder(c.Policies[d.Policy], names, at)
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

// ladder is every step of every round of a policy, as it would be walked from an instant while nobody acknowledges.
func (c *Config) ladder(p policyConfig, names *stepNames, start time.Time) []routedStep {
	var steps []routedStep
	at := start
	for round := 1; round <= p.Repeat+1; round++ {
		nobody := false
		for i, s := range p.Steps {
			if !nobody {
				at = at.Add(s.After.Std())
			}
			if i == 0 && round > 1 {
				at = at.Add(p.Pause() - s.After.Std())
			}
			step := routedStep{Round: round, Step: i + 1, At: at, Notify: []routedPage{}}
			if s.If != "" && !c.holds(s.If, names) {
				step.Skipped = "if"
			} else {
				for _, target := range s.Notify {
					step.Notify = append(step.Notify, c.pages(target, at)...)
				}
				if len(step.Notify) == 0 {
					step.Skipped = "nobody"
				}
			}
			nobody = step.Skipped != ""
			steps = append(steps, step)
		}
	}
	return steps
}

// holds evaluates a step's condition; one that fails holds, so that somebody hears.
func (c *Config) holds(source string, names *stepNames) bool {
	p, err := expression.Compile(source, expression.Bool, &stepNames{})
	if err != nil {
		return true
	}
	ok, err := p.Bool(names)
	return ok || err != nil
}

// pages are who hears of one target at an instant.
func (c *Config) pages(target string, at time.Time) []routedPage {
	kind, name, _ := strings.Cut(target, ":")
	var people []string
	switch kind {
	case "channel":
		return []routedPage{{Target: target, By: []string{name}}}
	case "schedule":
		people = c.compiled[name].On(at)
	case "team":
		people = c.Teams[name].Members
	case "person":
		people = []string{name}
	}
	var pages []routedPage
	for _, id := range people {
		page := routedPage{Target: target, Person: id, By: []string{}}
		for _, platform := range keys(c.Platforms) {
			if account := c.People[id].account(platform, id); account != "" {
				page.By = append(page.By, platform+":"+account)
			}
		}
		pages = append(pages, page)
	}
	return pages
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

func (a *app) who(s routedStep) string {
	switch s.Skipped {
	case "if":
		return a.say("skipped_if")
	case "nobody":
		return a.say("skipped_nobody")
	}
	var all []string
	for _, p := range s.Notify {
		if p.Person == "" {
			all = append(all, p.Target)
			continue
		}
		all = append(all, fmt.Sprintf("%s (%s: %s)", p.Person, p.Target, strings.Join(p.By, " ")))
	}
	return strings.Join(all, ", ")
}
