package main

import "context"

// memory is what active alerts take, in Redis and in the process.
func memory(ctx context.Context, b *bench, l *line) error {
	p, err := open(ctx, b, setting{})
	if err != nil {
		return err
	}
	defer p.close()
	n := b.size(1_000_000, 10)
	// 200 alerts an incident, so that all their labels are kept.
	one := load{to: p.door(), token: sourceToken, alerts: newPopulation("w"), n: n, batch: 100, groups: n / 200, conns: b.conns}
	l.N, l.Batch = n, one.batch
	before, err := p.usedMemory(ctx)
	if err != nil {
		return err
	}
	m := measure(p.replicas[0].process, p.redis)
	o, err := one.run(ctx)
	if err != nil {
		return err
	}
	l.enter(o, n)
	after, err := p.usedMemory(ctx)
	if err != nil {
		return err
	}
	m.enter(l, n, o.took())
	each := round((after - before) / float64(n))
	l.figure("redis_bytes_per_alert", each)
	if err := p.crash(ctx); err != nil {
		return err
	}
	l.figure("rss_after_restart_mib", p.replicas[0].usage().rss)
	if err := p.expect(ctx, n, n, n/200); err != nil {
		return err
	}
	l.atMost("redis_bytes_per_alert", each, 1200)
	l.atMost("rss_mib", l.RSS, 96)
	return nil
}
