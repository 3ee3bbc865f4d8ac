package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// load is a number of alerts on their way to one address.
type load struct {
	to, token string
	alerts    population
	n, batch  int
	unique    int     // distinct alerts; 0 is n
	groups    int     // over how many alert names they spread; a request's alerts share one
	conns     int     // each with one request under way
	rate      float64 // requests a second; 0 is as fast as the connections go
}

// outcome is what came of a load.
type outcome struct {
	began, ended time.Time
	latency      []time.Duration // one a request
}

func (o *outcome) took() time.Duration { return o.ended.Sub(o.began) }

// body of request number r; n is 0 behind the last.
func (l *load) body(r int) body {
	if r*l.batch >= l.n {
		return body{}
	}
	unique := l.unique
	if unique == 0 {
		unique = l.n
	}
	blocks := (unique + l.batch - 1) / l.batch
	block := r % blocks
	first := block * l.batch
	return body{group: block % l.groups, first: first, n: min(l.batch, unique-first, l.n-r*l.batch)}
}

// run sends everything. An error means that not all of it was accepted.
func (l *load) run(ctx context.Context) (*outcome, error) {
	var next atomic.Int64
	var mu sync.Mutex
	var failures []error
	o := &outcome{began: time.Now()}
	var wg sync.WaitGroup
	for range l.conns {
		c, err := newClient(l.to, l.token)
		if err != nil {
			return nil, err
		}
		wg.Go(func() {
			defer c.close()
			latency, err := l.work(ctx, c, func() int { return int(next.Add(1) - 1) }, o.began)
			mu.Lock()
			defer mu.Unlock()
			o.latency = append(o.latency, latency...)
			if err != nil {
				failures = append(failures, err)
			}
		})
	}
	wg.Wait()
	o.ended = time.Now()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("send all: %d requests in %s: %w", len(o.latency), o.took().Round(time.Second), err)
	}
	return o, errors.Join(failures...)
}

// work sends requests one after the other until there are none. A request whose connection was late, because the one
// before took long, counts from when it was due; one that was waited for counts from the waking, since oversleeping is not
// the server's.
func (l *load) work(ctx context.Context, c *client, next func() int, began time.Time) ([]time.Duration, error) {
	var latency []time.Duration
	var buffer []byte
	timer := time.NewTimer(0)
	<-timer.C
	for {
		r := next()
		b := l.body(r)
		if b.n == 0 || ctx.Err() != nil {
			return latency, nil
		}
		var due time.Time
		if l.rate > 0 {
			due = began.Add(time.Duration(float64(r) / l.rate * float64(time.Second)))
			if wait := time.Until(due); wait > 0 {
				timer.Reset(wait)
				<-timer.C
				due = time.Time{}
			}
		}
		now := time.Now()
		buffer = l.alerts.append(buffer[:0], b, now)
		if due.IsZero() {
			due = time.Now()
		}
		status, err := c.post(ctx, buffer)
		latency = append(latency, time.Since(due))
		if err != nil {
			return latency, fmt.Errorf("send request %d: %w", r, err)
		}
		if status/100 != 2 {
			return latency, fmt.Errorf("send request %d: status %d", r, status)
		}
	}
}
