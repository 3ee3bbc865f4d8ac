package main

import (
	"context"
	"time"

	"dogwatch/actions"
	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// seedable is a store that can be opened once more with a clock of its own, to make a past.
type seedable struct {
	*state.Store
	config state.Config
}

// past is one report of the demo's past.
type past struct {
	ago      time.Duration
	labels   map[string]string
	summary  string
	resolved bool
}

// story is what has happened before a demo begins, in the order in which it happened.
var story = []past{
	{3 * time.Hour, map[string]string{"alertname": "CertificateExpiresSoon", "team": "web", "severity": "warning", "instance": "web-2"}, "Certificate of shop.example.org expires in 6 days", false},
	{2*time.Hour + 20*time.Minute, map[string]string{"alertname": "QueueGrows", "team": "data", "severity": "critical", "instance": "kafka-1"}, "Queue orders has 120,000 messages waiting", false},
	{2 * time.Hour, map[string]string{"alertname": "QueueGrows", "team": "data", "severity": "critical", "instance": "kafka-1"}, "Queue orders has 120,000 messages waiting", true},
	{50 * time.Minute, map[string]string{"alertname": "LatencyHigh", "team": "web", "severity": "critical", "cluster": "eu-1", "instance": "web-3"}, "p99 of checkout is 4.2 s", false},
	{48 * time.Minute, map[string]string{"alertname": "LatencyHigh", "team": "web", "severity": "critical", "cluster": "eu-1", "instance": "web-4"}, "p99 of checkout is 3.9 s", false},
	{4 * time.Minute, map[string]string{"alertname": "ServiceDown", "team": "web", "severity": "page", "cluster": "eu-1", "instance": "web-1"}, "nginx on web-1 does not answer", false},
}

// seed gives a store that is used for the first time a small past: incidents of different severity and age. A store that holds
// anything is left as it is.
func seed(ctx context.Context, s *seedable, cfg *Config, empty bool) error {
	if empty {
		return nil
	}
	first := incidents.New(s.Store, incidents.Config{})
	if list, _, err := first.List(ctx, incidents.Filter{Limit: 1}); err != nil || len(list) > 0 {
		return err
	}
	now, err := s.Now(ctx, 0)
	if err != nil {
		return err
	}
	at := now
	c := s.config
	c.Clock = func() time.Time { return at }
	then, err := state.Open(ctx, c)
	if err != nil {
		return err
	}
	defer then.Close()
	if err := then.AllowTestClock(ctx); err != nil {
		return err
	}
	if err := tell(ctx, then, cfg, now, func(t time.Time) { at = t }); err != nil {
		return err
	}
	return then.ForbidTestClock(ctx)
}

// tell plays the story on a store whose clock set moves.
func tell(ctx context.Context, then *state.Store, cfg *Config, now time.Time, set func(time.Time)) error {
	in := incidents.New(then, incidents.Config{})
	in.Use(cfg.directory)
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		_ = in.Run(running) // it ends with its context only
		close(done)
	}()
	defer func() { stop(); <-done }()
	for _, p := range story {
		t := now.Add(-p.ago)
		set(t)
		r := incidents.Report{Status: incidents.Firing, StartsAt: t, Labels: p.labels, Annotations: map[string]string{"summary": p.summary}}
		if p.resolved {
			r.Status, r.StartsAt, r.EndsAt = incidents.Resolved, t.Add(-20*time.Minute), t
		}
		_, err := in.Ingest(ctx, "prom", incidents.Batch{Reports: []incidents.Report{r}}, func(source string, r *incidents.Report) incidents.Decision {
			return cfg.route(source, r, t)
		})
		if err != nil {
			return err
		}
	}
	return acknowledged(ctx, in, now, set)
}

// acknowledged lets somebody have taken the slow checkout on.
func acknowledged(ctx context.Context, in *incidents.Service, now time.Time, set func(time.Time)) error {
	list, _, err := in.List(ctx, incidents.Filter{Query: "checkout"})
	if err != nil || len(list) == 0 {
		return err
	}
	set(now.Add(-45 * time.Minute))
	by := incidents.By{Actor: incidents.Actor{Person: "bob", Via: "web"}, Request: "seed-ack"}
	if err := in.Acknowledge(ctx, list[0].ID, by, ""); err != nil {
		return err
	}
	set(now.Add(-40 * time.Minute))
	by.Request = "seed-note"
	return in.Note(ctx, list[0].ID, by, "Payment provider is slow, their status page says so.")
}

// seedRequest leaves an approval to give: bob has asked for a restart of what is down.
func (h *house) seedRequest(ctx context.Context) error {
	list, _, err := h.incidents.List(ctx, incidents.Filter{Query: "web-1", States: []incidents.State{incidents.Triggered}})
	if err != nil || len(list) == 0 {
		return err
	}
	open, err := h.actions.ListForIncident(ctx, list[0].ID)
	if err != nil || len(open) > 0 {
		return err
	}
	by := incidents.By{Actor: incidents.Actor{Person: "bob", Via: "web"}, Request: "seed-request-" + string(list[0].ID)}
	_, err = h.actions.Request(ctx, by, actions.Ask{Action: "sample-restart", Params: map[string]any{"unit": "nginx.service"}, Incident: list[0].ID,
		Reason: "It hangs since the last deploy"})
	return err
}
