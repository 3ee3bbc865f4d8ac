package schedules

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// reference solves schedules in another way than the package: it lets a clock of the zone run, tick by tick, and watches
// it. It shares no code with the package, knows nothing of offsets, and is slow.
type reference struct {
	schedule  Schedule
	intervals map[string][]Interval
	zone      *time.Location
	step      time.Duration
	ticks     []time.Time
	on        [][]string // for each tick
}

const ticksBefore = 3 * 24 * time.Hour

// ticking is when the reference looks: from inclusive, to exclusive, every step.
type ticking struct {
	from, to time.Time
	step     time.Duration
}

// watch solves a schedule for the ticks of a time. Nothing in it may lie between two ticks, and no layer may start
// so early that watching from its start takes long.
func watch(s Schedule, intervals map[string][]Interval, when ticking) *reference {
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		panic(err)
	}
	r := &reference{schedule: s, intervals: intervals, zone: zone, step: when.step}
	begin := when.from
	for _, l := range s.Layers {
		if start := asUTC(l.Start); start.Before(begin) {
			begin = start
		}
	}
	for t := begin.Add(-ticksBefore).Truncate(time.Hour); t.Before(when.to.Add(ticksBefore)); t = t.Add(when.step) {
		r.ticks = append(r.ticks, t)
	}
	r.on = make([][]string, len(r.ticks))
	face := r.face(zone)
	for _, l := range s.Layers {
		r.layer(l, face)
	}
	for _, o := range s.Overrides {
		r.mark(face, o.Start, o.End, func(i int) { r.on[i] = []string{o.Person} })
	}
	first := slices.IndexFunc(r.ticks, func(t time.Time) bool { return !t.Before(when.from) })
	last := slices.IndexFunc(r.ticks, func(t time.Time) bool { return !t.Before(when.to) })
	r.ticks, r.on = r.ticks[first:last], r.on[first:last]
	return r
}

// face is what a clock of the zone shows at each tick, as a text that sorts like the time.
func (r *reference) face(zone *time.Location) []string {
	shown := make([]string, len(r.ticks))
	for i, t := range r.ticks {
		shown[i] = t.In(zone).Format(wallLayout)
	}
	return shown
}

// layer lets the clock run past the layer's handoffs: each tick at which one or more are reached begins a turn.
func (r *reference) layer(l Layer, face []string) {
	active := make([]bool, len(r.ticks))
	if len(l.During) == 0 {
		for i := range active {
			active[i] = true
		}
	}
	for _, name := range l.During {
		for _, iv := range r.intervals[name] {
			r.interval(iv, active)
		}
	}
	if l.End != "" {
		ended := slices.Repeat([]bool{true}, len(r.ticks))
		r.mark(face, face[0], l.End, func(i int) { ended[i] = false })
		for i := range active {
			active[i] = active[i] && !ended[i]
		}
	}
	turn, k, next := -1, 0, l.Start
	for i := range r.ticks {
		reached := false
		for face[i] >= next {
			reached = true
			k++
			next = nextHandoff(l, k)
		}
		if reached {
			turn++
		}
		if turn >= 0 && active[i] {
			r.on[i] = l.People[turn%len(l.People)]
		}
	}
}

// nextHandoff is the wall time of handoff k, counted on a calendar.
func nextHandoff(l Layer, k int) string {
	start := asUTC(l.Start)
	n, err := strconv.Atoi(strings.TrimRight(l.Shift, "hdwmo"))
	if err != nil {
		panic(err)
	}
	n *= k
	switch strings.TrimLeft(l.Shift, "0123456789") {
	case "h":
		start = start.Add(time.Duration(n) * time.Hour)
	case "d":
		start = start.AddDate(0, 0, n)
	case "w":
		start = start.AddDate(0, 0, 7*n)
	case "mo":
		want := time.Date(start.Year(), start.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC).Month()
		then := start.AddDate(0, n, 0)
		for then.Month() != want {
			then = then.AddDate(0, 0, -1)
		}
		start = then
	}
	return start.Format(wallLayout)
}

// interval marks the ticks in the windows of an interval, one calendar day after the other.
func (r *reference) interval(iv Interval, active []bool) {
	zone := r.zone
	if iv.Location != "" {
		zone, _ = time.LoadLocation(iv.Location)
	}
	face := r.face(zone)
	times := iv.Times
	if len(times) == 0 {
		times = []TimeRange{{"00:00", "24:00"}}
	}
	day := asUTC(face[0][:len("2006-01-02")] + "T00:00:00")
	for end := asUTC(face[len(face)-1]); day.Before(end); day = day.AddDate(0, 0, 1) {
		if !dayFits(iv, day) {
			continue
		}
		for _, t := range times {
			start, end := day.Format("2006-01-02")+"T"+t.Start+":00", day.Format("2006-01-02")+"T"+t.End+":00"
			if t.End < t.Start {
				end = day.AddDate(0, 0, 1).Format("2006-01-02") + "T" + t.End + ":00"
			}
			if t.End == "24:00" {
				end = day.AddDate(0, 0, 1).Format(wallLayout)
			}
			r.mark(face, start, end, func(i int) { active[i] = true })
		}
	}
}

// mark visits the ticks from the first at which the clock shows start, to the last at which it shows end; a time never
// shown is taken as the first shown after it.
func (r *reference) mark(face []string, start, end string, visit func(int)) {
	first, last := -1, -1
	for i, shown := range face {
		if first < 0 && shown >= start {
			first = i
		}
		if shown == end || last < 0 && shown > end {
			last = i
		}
	}
	if first < 0 {
		return
	}
	if last < 0 {
		last = len(face)
	}
	for i := first; i < last; i++ {
		visit(i)
	}
}

// dayFits reads an interval's days from a plain list of what holds.
func dayFits(iv Interval, day time.Time) bool {
	inLists := func(lists []string, value func(string) bool) bool {
		return len(lists) == 0 || slices.ContainsFunc(lists, value)
	}
	within := func(n int, read func(string) int) func(string) bool {
		return func(s string) bool {
			low, high, ranged := strings.Cut(s, ":")
			if !ranged {
				high = low
			}
			return read(low) <= n && n <= read(high)
		}
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	fromMonthEnd := func(s string) int {
		if n := number(s); n >= 0 {
			return n
		}
		return day.AddDate(0, 1, -day.Day()).Day() + number(s) + 1
	}
	named := func(s string) int {
		return slices.IndexFunc([]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"},
			func(n string) bool { return n == s })
	}
	return inLists(iv.Weekdays, within(int(day.Weekday()), named)) &&
		inLists(iv.Months, within(int(day.Month()), number)) &&
		inLists(iv.Years, within(day.Year(), number)) &&
		inLists(iv.DaysOfMonth, within(day.Day(), fromMonthEnd))
}

// shifts are the reference's own joined shifts, the last ones cut at to.
func (r *reference) shifts(to time.Time) []Shift {
	open := map[string]int{}
	var all []Shift
	for i, t := range r.ticks {
		for _, p := range slices.Sorted(slices.Values(r.on[i])) {
			if _, on := open[p]; !on {
				open[p] = len(all)
				all = append(all, Shift{Start: t, End: to, Person: p})
			}
		}
		for p, at := range open {
			if !slices.Contains(r.on[i], p) {
				all[at].End = t
				delete(open, p)
			}
		}
	}
	return all
}

func asUTC(wall string) time.Time {
	t, err := time.Parse(wallLayout, wall)
	if err != nil {
		panic(err)
	}
	return t
}
