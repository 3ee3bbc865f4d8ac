package schedules

import "time"

// stretch is a half-open range of seconds: of an instant, a wall time or a time of day, as the place says.
type stretch struct{ start, end int64 }

// interval is an Interval ready for use. It holds in windows: for each local day that fits, and each range of the clock,
// from the first occurrence of the start to the last occurrence of the end.
type interval struct {
	zone        *zone     // nil until bound to the schedule's
	times       []stretch // of a day, by start; an end beyond 24 h lies on the next day
	overnight   bool      // some end does
	weekdays    uint8     // bit 0 is Sunday; none set: any day
	months      uint16    // bit 1 is January; none set: any month
	daysOfMonth []numbers
	years       []numbers
}

// in is the interval with the schedule's zone where it has none of its own.
func (iv *interval) in(z *zone) *interval {
	if iv.zone != nil {
		return iv
	}
	bound := *iv
	bound.zone = z
	return &bound
}

// onDay says whether the days since 1970-01-01 are a day that fits.
func (iv *interval) onDay(days int64) bool {
	if iv.weekdays != 0 && iv.weekdays>>(floorMod(days+4, 7))&1 == 0 { // 1970-01-01 was a Thursday
		return false
	}
	if iv.months == 0 && iv.daysOfMonth == nil && iv.years == nil {
		return true
	}
	y, m, d := time.Unix(days*day, 0).UTC().Date()
	if iv.months != 0 && iv.months>>m&1 == 0 {
		return false
	}
	return fits(iv.years, y, 0) && fits(iv.daysOfMonth, d, daysIn(y, m))
}

// fits says whether n lies in one of the ranges. Negative ends count back from length, the length of the month.
func fits(ranges []numbers, n, length int) bool {
	for _, r := range ranges {
		if r.low < 0 {
			r.low += length + 1
		}
		if r.high < 0 {
			r.high += length + 1
		}
		if r.low <= n && n <= r.high {
			return true
		}
	}
	return ranges == nil
}

func daysIn(y int, m time.Month) int { return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// holds says whether an instant lies in a window.
func (iv *interval) holds(instant int64) bool {
	i := iv.zone.span(instant)
	wall := instant + iv.zone.offset[i]
	today := floorDiv(wall, day)
	if iv.zone.calm(i, instant) {
		return iv.covers(today, wall) || iv.overnight && iv.covers(today-1, wall)
	}
	// Near a change of the clock the wall time is no measure: an end's last occurrence may be up to a day away.
	c := clock{iv.zone, i}
	for d := today - 2; d <= today+1; d++ {
		if !iv.onDay(d) {
			continue
		}
		for _, t := range iv.times {
			if c.first(d*day+t.start) <= instant && instant < c.last(d*day+t.end) {
				return true
			}
		}
	}
	return false
}

// covers says whether a wall time lies in a window of the given day, where the clock does not change.
func (iv *interval) covers(days, wall int64) bool {
	if !iv.onDay(days) {
		return false
	}
	for _, t := range iv.times {
		if days*day+t.start <= wall && wall < days*day+t.end {
			return true
		}
	}
	return false
}

// calm says that the clock does not change within three days of an instant of span i.
func (z *zone) calm(i int, instant int64) bool {
	return z.from[i] <= instant-3*day && (i+1 == len(z.from) || instant+3*day < z.from[i+1])
}

// windows are the windows of one interval in the order of their starts, made one by one.
type windows struct {
	iv   *interval
	c    clock
	days int64
	next int // in iv.times
}

// from are the windows that end after an instant, and perhaps a few that end before it.
func (iv *interval) from(instant int64) windows {
	c := iv.zone.clock(instant)
	return windows{iv: iv, c: c, days: floorDiv(instant+c.offset[c.at], day) - 3}
}

// take is the next window; false once there is none that starts before limit.
func (w *windows) take(limit int64) (stretch, bool) {
	for ; w.days*day < limit+2*day; w.days, w.next = w.days+1, 0 {
		if w.next == 0 && !w.iv.onDay(w.days) {
			continue
		}
		for w.next < len(w.iv.times) {
			t := w.iv.times[w.next]
			w.next++
			s := stretch{w.c.first(w.days*day + t.start), w.c.last(w.days*day + t.end)}
			if s.start < s.end {
				return s, s.start < limit
			}
		}
	}
	return stretch{}, false
}

// union is the union of the windows of several intervals: in order, apart, never touching.
type union struct {
	parts []windows
	heads []stretch // the next window of each part; start is forever when there is none
	limit int64
}

// during is the union of the intervals' windows from an instant on. What starts at limit or later is left out.
func during(intervals []*interval, from, limit int64) *union {
	u := &union{limit: limit, parts: make([]windows, len(intervals)), heads: make([]stretch, len(intervals))}
	for i, iv := range intervals {
		u.parts[i] = iv.from(from)
		u.advance(i)
	}
	return u
}

func (u *union) advance(i int) {
	s, ok := u.parts[i].take(u.limit)
	if !ok {
		s = stretch{forever, forever}
	}
	u.heads[i] = s
}

// take is the next stretch of the union; it starts at forever when there is none. An end beyond the limit may be early.
func (u *union) take() stretch {
	s := stretch{forever, forever}
	for _, h := range u.heads {
		if h.start < s.start {
			s = h
		}
	}
	for grown := s.start < forever; grown && s.end < u.limit; {
		grown = false
		for i := range u.heads {
			for u.heads[i].start <= s.end {
				s.end = max(s.end, u.heads[i].end)
				u.advance(i)
				grown = true
			}
		}
	}
	return s
}
