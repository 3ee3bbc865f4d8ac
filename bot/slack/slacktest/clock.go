package slacktest

import (
	"context"
	"sync"
	"time"
)

// Clock is real time plus what tests have moved it on by. Safe for concurrent use.
type Clock struct {
	mu     sync.Mutex
	base   func() time.Time
	offset time.Duration
	moved  chan struct{}
}

func newClock(base func() time.Time) *Clock {
	return &Clock{base: base, moved: make(chan struct{})}
}

// Now is the time of this Slack.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset)
}

// Advance moves the time on and wakes who waits for it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	close(c.moved)
	c.moved = make(chan struct{})
}

// Wait returns when d has passed on this clock, by real time or by Advance.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	until := c.Now().Add(d)
	for {
		c.mu.Lock()
		left, moved := until.Sub(c.base().Add(c.offset)), c.moved
		c.mu.Unlock()
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-moved:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
