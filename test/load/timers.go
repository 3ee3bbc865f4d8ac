package main

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall"
	"time"
)

// timers is many incidents whose first step is due within twenty seconds, walked by two replicas of which one is killed in
// the middle.
func timers(ctx context.Context, b *bench, l *line) error {
	n, span := b.size(100_000, 50), 20*time.Second
	wait := 60 * time.Second
	if b.short {
		span, wait = 4*time.Second, 10*time.Second
	}
	p, err := open(ctx, b, setting{groupBy: "[instance]", limits: "open_incidents: 1000000",
		steps: fmt.Sprintf("[{after: %ds, notify: ['person:alice']}]", int(wait.Seconds()))})
	if err != nil {
		return err
	}
	defer p.close()
	if _, err := p.add(ctx); err != nil {
		return err
	}
	one := load{to: p.door(), token: sourceToken, alerts: newPopulation("t"), n: n, batch: 50, groups: 100, conns: b.conns,
		rate: float64(n) / 50 / span.Seconds()}
	l.N, l.Batch = n, one.batch
	m := measure(p.replicas[0].process, p.redis, p.replicas[1].process)
	o, err := one.run(ctx)
	if err != nil {
		return err
	}
	l.enter(o, n)
	l.figure("due_within_s", l.Seconds)
	middle := time.NewTimer(time.Until(o.began.Add(wait + o.took()/2)))
	defer middle.Stop()
	select {
	case <-middle.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.replicas[1].end(syscall.SIGKILL)
	killed := time.Now()
	m.enter(l, n, killed.Sub(o.began))
	p.replicas = p.replicas[:1]
	end := time.NewTimer(time.Until(o.ended.Add(wait + 2*time.Second)))
	defer end.Stop()
	select {
	case <-end.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return judgeTimers(ctx, p, l, wait)
}

// judgeTimers reads every incident's history for when its step took effect.
func judgeTimers(ctx context.Context, p *place, l *line, wait time.Duration) error {
	a := newAPI(p.replicas[0].url)
	all, err := a.list(ctx)
	if err != nil {
		return err
	}
	var late []time.Duration
	none, early, twice := 0, 0, 0
	err = a.each(ctx, all, func(in *incident) {
		fired := 0
		for _, t := range in.Timeline {
			var page struct{ Step, Round int }
			if t.Kind != "page" || json.Unmarshal(t.Data, &page) != nil {
				continue
			}
			if fired++; fired > 1 {
				continue
			}
			d := t.At.Sub(in.CreatedAt) - wait
			late = append(late, d)
			if d < 0 {
				early++
			}
		}
		switch {
		case fired == 0:
			none++
		case fired > 1:
			twice++
		}
	})
	if err != nil {
		return err
	}
	l.P50, l.P99 = quantile(late, 0.50), quantile(late, 0.99)
	l.figure("p999_ms", quantile(late, 0.999))
	l.figure("latest_ms", quantile(late, 1))
	l.figure("not_fired", none)
	l.atMost("p99_ms", l.P99, 10)
	if len(all) != l.N || none+early+twice > 0 {
		return fmt.Errorf("count timers: %d incidents of %d, %d not fired, %d early, %d twice", len(all), l.N, none, early, twice)
	}
	return nil
}
