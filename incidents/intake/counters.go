package intake

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// Counts are one source's requests by how they ended, and its alerts, since the start of the process. They survive
// a change of the sources. A request that has been answered is counted in Requests and in exactly one of Taken,
// Unauthorized, TooLarge, TooSlow, Broken, Invalid, Overloaded and Failed.
type Counts struct {
	Source string // "" gathers the requests for sources that are not configured

	Requests     uint64
	Taken        uint64 // answered 200
	Unauthorized uint64 // 401
	TooLarge     uint64 // 413
	TooSlow      uint64 // 408
	Broken       uint64 // the connection or the compression broke while the body was read, or 415
	Invalid      uint64 // 400 by the decoder
	Overloaded   uint64 // 503 because too much is under way, or the doors are closed
	Failed       uint64 // 503 by Take or Bury

	Panicked  uint64 // decoder panics, also counted in Invalid
	Accepted  uint64 // alerts that Take accepted
	Rejected  uint64 // alerts that the decoder left out
	Truncated uint64 // alerts that the source said it left out
	Marked    uint64 // things shortened or replaced in taken alerts
	Bytes     uint64 // body bytes read, inflated
}

// Load is what is under way now.
type Load struct {
	Requests int64 // whose bodies have come and that wait for their answer
	Bytes    int64 // of bodies, as read and as decoded
}

// tally is Counts while they count.
type tally struct {
	requests, taken, unauthorized, tooLarge, tooSlow, broken, invalid, overloaded, failed atomic.Uint64
	panicked, accepted, rejected, truncated, marked, bytes                                atomic.Uint64

	// The times of the last notes, in nanoseconds since the doors were made; 0: never.
	notedUnauthorized, notedTooLarge atomic.Int64
}

func (t *tally) counts(source string) Counts {
	return Counts{
		Source:       source,
		Requests:     t.requests.Load(),
		Taken:        t.taken.Load(),
		Unauthorized: t.unauthorized.Load(),
		TooLarge:     t.tooLarge.Load(),
		TooSlow:      t.tooSlow.Load(),
		Broken:       t.broken.Load(),
		Invalid:      t.invalid.Load(),
		Overloaded:   t.overloaded.Load(),
		Failed:       t.failed.Load(),
		Panicked:     t.panicked.Load(),
		Accepted:     t.accepted.Load(),
		Rejected:     t.rejected.Load(),
		Truncated:    t.truncated.Load(),
		Marked:       t.marked.Load(),
		Bytes:        t.bytes.Load(),
	}
}

// due tells whether a note is due, and if so marks it as given. Of several at once one gets true.
func due(last *atomic.Int64, now, every time.Duration) bool {
	before := last.Load()
	if before != 0 && int64(now)-before < int64(every) {
		return false
	}
	return last.CompareAndSwap(before, max(int64(now), 1))
}

// Counters gives the counts of every configured source, in the order of their names, after those of requests for
// sources that are not configured.
func (d *Doors) Counters() []Counts {
	all := []Counts{d.unknown.counts("")}
	for name, door := range *d.doors.Load() {
		all = append(all, door.tally.counts(name))
	}
	slices.SortFunc(all, func(a, b Counts) int { return cmp.Compare(a.Source, b.Source) })
	return all
}

// Load gives what is under way at this moment.
func (d *Doors) Load() Load { return Load{Requests: d.requests.Load(), Bytes: d.bytes.Load()} }
