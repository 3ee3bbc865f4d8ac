package schedules

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// rotation is the row of handoffs of a layer: at start, and then each time the length has passed on the wall clock.
// Handoffs that fall on one instant are one handoff; the turns between them are numbered from 0 without a hole.
type rotation struct {
	zone   *zone
	start  int64 // wall time of handoff 0
	length int64 // wall seconds from one handoff to the next; 0 if months counts
	months int64
	// lost is, for each span of the zone, how many handoffs until its beginning fell together with the one before;
	// nil if none ever does.
	lost []int64
	// single says that all turns are the same, so that handoffs change nothing: there is only handoff 0.
	single bool
}

// The longest shift of each unit: ten years.
var longest = map[string]int64{"h": 87660, "d": 3653, "w": 522, "mo": 120}

var shiftSyntax = regexp.MustCompile(`^([0-9]{1,6})(h|d|w|mo)$`)

// setLength reads a shift such as "12h", "1d", "2w", "1mo". Hours are hours of the wall clock, so 24h is 1d.
func (r *rotation) setLength(shift string) *Fault {
	const hint = "a whole number and h, d, w or mo, as 12h, 1d, 1w, 1mo"
	m := shiftSyntax.FindStringSubmatch(shift)
	if m == nil {
		return &Fault{Message: fmt.Sprintf("%q is not a length of a shift", shift), Hint: hint}
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n == 0 || n > longest[m[2]] {
		return &Fault{Message: fmt.Sprintf("a shift of %q is not possible", shift), Hint: "1h to ten years"}
	}
	switch m[2] {
	case "h":
		r.length = n * hour
	case "d":
		r.length = n * day
	case "w":
		r.length = n * 7 * day
	case "mo":
		r.months = n
	}
	return nil
}

// countLost fills in lost, once start and length stand.
func (r *rotation) countLost() {
	if r.length == 0 {
		return // no change of the clock is so large that two months' handoffs fall into it
	}
	lost, total := make([]int64, len(r.zone.from)), int64(0)
	for i := 1; i < len(lost); i++ {
		// The clock jumps from before the peak to shown: what lies between falls on this one instant.
		shown := r.zone.from[i] + r.zone.offset[i]
		if together := r.handoff(shown) - r.handoff(r.zone.peak[i]); together > 1 {
			total += together - 1
		}
		lost[i] = total
	}
	if total > 0 {
		r.lost = lost
	}
}

// wall is the wall time of handoff k. Months are counted from the start and end on the month's last day where the start's
// day does not exist, so that a rotation from 31 January goes to 28 February and then to 31 March.
func (r *rotation) wall(k int64) int64 {
	if r.months == 0 {
		return r.start + k*r.length
	}
	y, m, d := time.Unix(r.start, 0).UTC().Date()
	m += time.Month(k * r.months)
	d = min(d, daysIn(y, m))
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() + floorMod(r.start, day)
}

// handoff is the number of the last handoff whose wall time is not after the given one; -1 before the first.
func (r *rotation) handoff(wall int64) int64 {
	switch {
	case wall < r.start:
		return -1
	case r.single:
		return 0
	case r.months == 0:
		return (wall - r.start) / r.length
	}
	y0, m0, _ := time.Unix(r.start, 0).UTC().Date()
	y, m, _ := time.Unix(wall, 0).UTC().Date()
	k := int64((y-y0)*12+int(m-m0)) / r.months
	if r.wall(k) > wall {
		k--
	}
	return k
}

// turn is the number of the turn that an instant belongs to; -1 before the start.
func (r *rotation) turn(instant int64) int64 {
	i := r.zone.span(instant)
	// What counts is the latest wall time shown so far: after the clock went back, handoffs have happened already.
	k := r.handoff(max(instant+r.zone.offset[i], r.zone.peak[i]))
	if r.lost != nil && k > 0 {
		k -= r.lost[i]
	}
	return k
}

// turns are the turns of a rotation in order, each with the instants between which it lies.
type turns struct {
	r      *rotation
	c      clock
	k      int64 // the handoff that ends the turn
	number int64
	stretch
}

// from are the turns beginning with the one an instant belongs to, or with the first.
func (r *rotation) from(instant int64) turns {
	t := turns{r: r, c: r.zone.clock(instant)}
	k := r.handoff(max(instant+r.zone.offset[t.c.at], r.zone.peak[t.c.at]))
	if t.number = r.turn(instant); t.number < 0 {
		k, t.number = 0, 0
	}
	t.start, t.k = t.c.first(r.wall(k)), k
	t.finish()
	return t
}

// finish finds the end of the turn: the next handoff that falls on a later instant than its start.
func (t *turns) finish() {
	if t.r.single {
		t.end = forever
		return
	}
	for t.end = t.start; t.end <= t.start; {
		t.k++
		t.end = t.c.first(t.r.wall(t.k))
	}
}

// advance goes on to the next turn.
func (t *turns) advance() {
	t.number++
	t.start = t.end
	t.finish()
}
