package slacktest

import (
	"math"
	"time"
)

// bucket allows burst calls at once and one more every interval.
type bucket struct {
	tokens float64
	at     time.Time
}

// take spends a token; with none left it says after how long there is one.
func (b *bucket) take(now time.Time, burst int, every time.Duration) (wait time.Duration, ok bool) {
	if b.at.IsZero() {
		b.tokens, b.at = float64(burst), now
	}
	b.tokens = math.Min(float64(burst), b.tokens+float64(now.Sub(b.at))/float64(every))
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		return 0, true
	}
	return time.Duration((1 - b.tokens) * float64(every)), false
}

// limit is the wait that a call has to observe first; ok means none. The caller holds the mutex.
func (s *Server) limit(c *call) (time.Duration, bool) {
	if s.opt.NoLimits {
		return 0, true
	}
	now := s.Clock.Now()
	if c.method == "chat.postMessage" {
		return s.bucket("post "+c.args["channel"]).take(now, s.opt.Burst, time.Second)
	}
	n := perMinute[reference.Methods[c.method].Tier]
	if n == 0 {
		return 0, true
	}
	return s.bucket(c.method).take(now, n, time.Minute/time.Duration(n))
}

func (s *Server) bucket(name string) *bucket {
	b := s.buckets[name]
	if b == nil {
		b = &bucket{}
		s.buckets[name] = b
	}
	return b
}
