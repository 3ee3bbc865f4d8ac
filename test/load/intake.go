package main

import (
	"context"
	"time"
)

// intake is alerts as fast as they are taken, or at a rate.
type intake struct {
	n, batch int
	unique   int     // 0: all new
	rate     float64 // requests a second; 0: as fast as it goes
	reach    float64 // alerts a second
	times    float64 // Alertmanager's
	p99      float64 // ms
}

// groups is over how many incidents intake spreads its alerts.
const groups = 100

func newPopulation(seed string) population {
	return population{seed: seed, epoch: time.Now().UTC().Truncate(24 * time.Hour)}
}

// first is the load that sends each distinct alert once.
func (l load) first() *load {
	l.n, l.rate = l.unique, 0
	return &l
}

// enter writes the figures that every load has.
func (l *line) enter(o *outcome, n int) {
	l.Seconds = round(o.took().Seconds())
	l.Rate = round(float64(n) / o.took().Seconds())
	l.P50, l.P99 = quantile(o.latency, 0.50), quantile(o.latency, 0.99)
}

func (i intake) play(ctx context.Context, b *bench, l *line) error {
	p, err := open(ctx, b, setting{})
	if err != nil {
		return err
	}
	defer p.close()
	one := load{to: p.door(), token: sourceToken, alerts: newPopulation("a"), n: b.size(i.n, 10), batch: i.batch, unique: i.unique,
		groups: groups, conns: b.conns, rate: i.rate}
	l.N, l.Batch = one.n, one.batch
	received, distinct := one.n, one.n
	if i.unique > 0 {
		received, distinct = one.n+i.unique, i.unique
		if _, err := one.first().run(ctx); err != nil {
			return err
		}
	}
	m := measure(p.replicas[0].process, p.redis)
	o, err := one.run(ctx)
	if err != nil {
		return err
	}
	l.enter(o, one.n)
	m.enter(l, one.n, o.took())
	blocks := (distinct + i.batch - 1) / i.batch
	if err := p.crash(ctx); err != nil {
		return err
	}
	if err := p.expect(ctx, received, distinct, min(groups, blocks)); err != nil {
		return err
	}
	p.close()
	b.compare(ctx, l, one)
	i.judge(l)
	return nil
}

func (i intake) judge(l *line) {
	if i.reach > 0 {
		l.atLeast("alerts_per_s", l.Rate, i.reach)
	}
	if i.p99 > 0 {
		l.atMost("p99_ms", l.P99, i.p99)
	}
	if l.Rival != nil && l.Rival.Rate > 0 && i.times > 0 {
		l.Ratio = round(l.Rate / l.Rival.Rate)
		l.atLeast("ratio", l.Ratio, i.times)
	}
}
