package main

import (
	"context"
	"fmt"
	"time"
)

// post is from the POST of an alert to the post at the chat, each alert its own incident.
type post struct{ rate float64 }

// postSetting is the configuration that the figure is about.
func postSetting(chat *sink) setting {
	return setting{channels: "['slack:C0OPS']", show: "[sent_ns]", slack: chat.url, budget: "none", steps: "[{after: 1h, notify: ['schedule:primary']}]"}
}

func (c post) play(ctx context.Context, b *bench, l *line) error {
	chat, err := newSink()
	if err != nil {
		return err
	}
	defer chat.close()
	p, err := open(ctx, b, postSetting(chat))
	if err != nil {
		return err
	}
	defer p.close()
	n := int(c.rate) * b.size(10, 3)
	one := load{to: p.door(), token: sourceToken, alerts: newPopulation("c"), n: n, batch: 1, groups: n, conns: b.conns, rate: c.rate}
	l.N, l.Batch = n, 1
	m := measure(p.replicas[0].process, p.redis)
	o, err := one.run(ctx)
	if err != nil {
		return err
	}
	if err := c.arrive(ctx, chat, n); err != nil {
		return err
	}
	l.Seconds, l.Rate = round(o.took().Seconds()), round(float64(n)/o.took().Seconds())
	late := chat.arrived()
	l.P50, l.P99 = quantile(late, 0.50), quantile(late, 0.99)
	l.figure("answer_p99_ms", quantile(o.latency, 0.99))
	l.figure("posts", len(chat.all()))
	m.enter(l, n, o.took())
	if err := p.crash(ctx); err != nil {
		return err
	}
	if err := p.expect(ctx, n, n, n); err != nil {
		return err
	}
	p.close()
	l.atMost("p50_ms", l.P50, 3)
	l.atMost("p99_ms", l.P99, 10)
	c.compare(ctx, b, l, one)
	return nil
}

func (c post) arrive(ctx context.Context, chat *sink, n int) error {
	return until(ctx, time.Minute, fmt.Sprintf("all %d alerts are posted", n), func() (bool, error) { return len(chat.arrived()) >= n, nil })
}

// compare sends the same to an Alertmanager whose webhook is the chat.
func (c post) compare(ctx context.Context, b *bench, l *line, one load) {
	if b.rival == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, rivalLimit)
	defer cancel()
	l.Rival = &line{Load: "alertmanager", N: one.n, Good: true}
	if err := c.playRival(ctx, b, l.Rival, one); err != nil {
		l.Rival.Good, l.Rival.Failed = false, err.Error()
	}
}

func (c post) playRival(ctx context.Context, b *bench, l *line, one load) error {
	chat, err := newSink()
	if err != nil {
		return err
	}
	defer chat.close()
	r, err := b.startRival(ctx, chat.url)
	if err != nil {
		return err
	}
	defer r.close()
	one.to, one.token, one.alerts.v2 = r.url+"/api/v2/alerts", "", true
	m := measure(r.process)
	o, err := one.run(ctx)
	if err != nil {
		return err
	}
	if err := c.arrive(ctx, chat, one.n); err != nil {
		return err
	}
	late := chat.arrived()
	l.P50, l.P99 = quantile(late, 0.50), quantile(late, 0.99)
	m.enter(l, one.n, o.took())
	return nil
}
