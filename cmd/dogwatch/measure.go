package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dogwatch/bot"
)

// measured is a platform that counts how its messages fared and how long they took.
type measured struct {
	bot.Platform
	results [6]atomic.Int64 // by verdict, as in outcomes
	taken   prometheus.Histogram
}

// outcomes are the results of messages, for labels; "ok" is the first.
var outcomes = [6]string{"ok", "unknown", "retry", "limited", "refused", "misconfigured"}

func measure(name string, p bot.Platform) *measured {
	return &measured{Platform: p, taken: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "dogwatch_notification_latency_seconds", Help: "How long platforms took to take or refuse a message.",
		ConstLabels: prometheus.Labels{"channel": name}, Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})}
}

// Send is the platform's, counted.
func (m *measured) Send(ctx context.Context, message bot.Message) (bot.Ref, error) {
	begun := time.Now()
	ref, err := m.Platform.Send(ctx, message)
	m.note(begun, err)
	return ref, err
}

// Edit is the platform's, counted.
func (m *measured) Edit(ctx context.Context, at bot.Ref, message bot.Message) (bot.Ref, error) {
	begun := time.Now()
	ref, err := m.Platform.Edit(ctx, at, message)
	m.note(begun, err)
	return ref, err
}

// Budgets are the platform's; without any of its own it has none.
func (m *measured) Budgets(to string) []bot.Budget {
	if p, ok := m.Platform.(bot.Budgeter); ok {
		return p.Budgets(to)
	}
	return nil
}

// Threads says whether the platform has them.
func (m *measured) Threads() bool {
	p, ok := m.Platform.(bot.Threaded)
	return ok && p.Threads()
}

func (m *measured) note(begun time.Time, err error) {
	m.taken.Observe(time.Since(begun).Seconds())
	m.results[outcome(err)].Add(1)
}

// outcome is the number of a result in outcomes.
func outcome(err error) int {
	if err == nil {
		return 0
	}
	var verdict *bot.SendError
	if !errors.As(err, &verdict) {
		return 1
	}
	switch verdict.Kind {
	case bot.Retry:
		return 2
	case bot.RateLimited:
		return 3
	case bot.Refused, bot.Gone:
		return 4
	case bot.Misconfigured:
		return 5
	}
	return 1
}
