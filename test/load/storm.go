package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// stormOneGroup is everything at once for one reason: what people should see is one card.
func stormOneGroup(ctx context.Context, b *bench, l *line) error {
	chat, err := newSink()
	if err != nil {
		return err
	}
	defer chat.close()
	s := postSetting(chat)
	p, err := open(ctx, b, s)
	if err != nil {
		return err
	}
	defer p.close()
	n := b.size(100_000, 5)
	one := load{to: p.door(), token: sourceToken, alerts: newPopulation("s"), n: n, batch: 100, groups: 1, conns: b.conns}
	l.N, l.Batch = n, one.batch
	m := measure(p.replicas[0].process, p.redis)
	o, err := one.run(ctx)
	if err != nil {
		return err
	}
	l.enter(o, n)
	m.enter(l, n, o.took())
	// The last news of a storm may wait for a card's next turn; then there is silence.
	if err := until(ctx, time.Minute, "the chat is quiet", func() (bool, error) { return chat.quiet() > 4*time.Second, nil }); err != nil {
		return err
	}
	posts, bytes := chat.all(), 0
	for _, one := range posts {
		bytes += one.size
	}
	first := ms(posts[0].at.Sub(o.began))
	l.figure("first_card_ms", first)
	l.figure("posts", len(posts))
	l.figure("bytes_out", bytes)
	if err := p.crash(ctx); err != nil {
		return err
	}
	if err := p.expect(ctx, n, n, 1); err != nil {
		return err
	}
	l.atMost("seconds", l.Seconds, 1.5)
	l.atMost("first_card_ms", first, 50)
	l.atMost("posts", float64(len(posts)), 10)
	l.atMost("bytes_out", float64(bytes), 100_000)
	p.close()
	b.compare(ctx, l, one)
	return nil
}

// urgent is what the page in the middle of a storm is told by.
const urgent = "the core database is gone"

// stormManyGroups is a bad hour pressed into a minute: 500 things break, everyone pages, and one of them is a P0.
func stormManyGroups(ctx context.Context, b *bench, l *line) error {
	chat, err := newSink()
	if err != nil {
		return err
	}
	defer chat.close()
	p, err := open(ctx, b, setting{channels: "['slack:C0OPS']", slack: chat.url})
	if err != nil {
		return err
	}
	defer p.close()
	n, span := b.size(100_000, 10), time.Duration(b.size(60, 10))*time.Second
	one := load{to: p.door(), token: sourceToken, alerts: newPopulation("m"), n: n, batch: 20, groups: 500, conns: b.conns,
		rate: float64(n) / 20 / span.Seconds()}
	l.N, l.Batch = n, one.batch
	m := measure(p.replicas[0].process, p.redis)
	var sent time.Time
	var failure error
	var wg sync.WaitGroup
	wg.Go(func() { sent, failure = sendUrgent(ctx, p, span/2) })
	o, err := one.run(ctx)
	wg.Wait()
	if err != nil || failure != nil {
		return fmt.Errorf("send the storm: %w", firstOf(err, failure))
	}
	l.enter(o, n)
	m.enter(l, n, o.took())
	var paged time.Time
	err = until(ctx, time.Minute, "the P0 is paged", func() (bool, error) { paged = pagedAt(chat.all()); return !paged.IsZero(), nil })
	if err != nil {
		return err
	}
	for channel, times := range byChannel(chat.all()) {
		l.figure("posts_"+channel, len(times))
		if over := overBudget(times, 20, time.Second); over > 1 {
			return fmt.Errorf("count posts to %s: %d more than one a second with bursts of 20", channel, over)
		}
	}
	if err := p.crash(ctx); err != nil {
		return err
	}
	if err := p.expect(ctx, n+1, n+1, 501); err != nil {
		return err
	}
	l.figure("incidents", 501)
	l.figure("p0_page_ms", ms(paged.Sub(sent)))
	l.atMost("p0_page_ms", ms(paged.Sub(sent)), 2000)
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// sendUrgent posts one P0 after a while and says when.
func sendUrgent(ctx context.Context, p *place, after time.Duration) (time.Time, error) {
	select {
	case <-time.After(after):
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	c, err := newClient(p.door(), sourceToken)
	if err != nil {
		return time.Time{}, err
	}
	defer c.close()
	population, now := newPopulation("u"), time.Now()
	status, err := c.post(ctx, population.append(nil, body{n: 1, severity: "page", summary: urgent}, now))
	if err == nil && status != 200 {
		err = fmt.Errorf("send the P0: status %d", status)
	}
	return now, err
}

// pagedAt is when the person on call was told of the P0.
func pagedAt(posts []posted) time.Time {
	for _, p := range posts {
		if p.channel == "U0ALICE" && strings.Contains(p.text, urgent) {
			return p.at
		}
	}
	return time.Time{}
}

// byChannel is when new messages came to each channel. Edits of a card are told by their path.
func byChannel(posts []posted) map[string][]time.Time {
	out := map[string][]time.Time{}
	for _, p := range posts {
		if p.channel != "" {
			out[p.channel] = append(out[p.channel], p.at)
		}
	}
	return out
}

// overBudget is by how many posts a channel got more at some time than a bucket of burst, refilled by one in each interval,
// allows.
func overBudget(times []time.Time, burst float64, interval time.Duration) int {
	tokens, worst := burst, 0.0
	for i, at := range times {
		if i > 0 {
			tokens = min(burst, tokens+at.Sub(times[i-1]).Seconds()/interval.Seconds())
		}
		tokens--
		worst = min(worst, tokens)
	}
	return int(-worst + 0.5)
}
