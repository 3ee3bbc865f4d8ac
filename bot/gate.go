package bot

import (
	"math/rand/v2"
	"sync"
	"time"
)

// gate keeps us from hammering a platform that is down: after failures in a row it stays shut for a while that grows, with
// jitter so that replicas do not come back together, and then lets one call through to try.
type gate struct {
	platform Platform

	mu     sync.Mutex
	fails  int
	since  time.Time // of the first failure in a row
	until  time.Time
	trying bool
}

const (
	firstPause = 200 * time.Millisecond
	longPause  = 20 * time.Second
	// brokenPause is for a platform that an operator must mend: a wrong token does not get better by trying.
	brokenPause = 60 * time.Second
)

// shut says how long nothing can be sent; 0: it may be tried.
func (g *gate) shut() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.left()
}

func (g *gate) left() time.Duration {
	if d := time.Until(g.until); d > 0 {
		return d
	}
	if g.trying {
		return firstPause
	}
	return 0
}

// enter is shut, and takes the one try that there is after failures. Whoever entered calls ok or failed.
func (g *gate) enter() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if d := g.left(); d > 0 {
		return d
	}
	g.trying = g.fails > 0
	return 0
}

// ok: the platform answered, whatever it said.
func (g *gate) ok() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fails, g.trying, g.until = 0, false, time.Time{}
}

// failed: it did not answer. The result is how long the gate stays shut.
func (g *gate) failed(broken bool) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fails == 0 {
		g.since = time.Now()
	}
	g.fails++
	g.trying = false
	pause := min(firstPause<<min(g.fails-1, 10), longPause)
	if broken {
		pause = brokenPause
	}
	pause = pause/2 + rand.N(pause)
	g.until = time.Now().Add(pause)
	return pause
}
