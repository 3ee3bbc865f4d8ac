package bot

import "sync/atomic"

// Counters are plain values for whoever measures.
type Counters struct {
	Sent     atomic.Int64 // new messages that a platform took
	Edited   atomic.Int64 // messages changed in place
	Replies  atomic.Int64 // lines told in threads
	Found    atomic.Int64 // messages found again after a lost answer
	Paged    atomic.Int64 // pages delivered
	Bundled  atomic.Int64 // of these, inside a digest
	Failed   atomic.Int64 // calls without a clear answer, and pages given up
	Limited  atomic.Int64 // messages that had to wait for their budget
	Refused  atomic.Int64 // messages a platform will never take
	Stale    atomic.Int64 // what a holder without a lease tried to write
	Presses  atomic.Int64
	Words    atomic.Int64
	Denied   atomic.Int64 // presses and words without effect: no right, no person, a bad signature
	LastDraw atomic.Int64 // when a card was last drawn, Unix ms by this process' clock
}

// Snapshot is the counters by name.
func (c *Counters) Snapshot() map[string]int64 {
	return map[string]int64{
		"sent": c.Sent.Load(), "edited": c.Edited.Load(), "replies": c.Replies.Load(), "found": c.Found.Load(),
		"paged": c.Paged.Load(), "bundled": c.Bundled.Load(), "failed": c.Failed.Load(), "limited": c.Limited.Load(),
		"refused": c.Refused.Load(), "stale": c.Stale.Load(), "presses": c.Presses.Load(), "words": c.Words.Load(),
		"denied": c.Denied.Load(), "last_draw_ms": c.LastDraw.Load(),
	}
}
