package schedules

import (
	"cmp"
	"slices"
	"time"
)

// Duty is one person's being on call at an instant, with the whole shift that it is part of.
type Duty struct {
	Person string
	// Layer is the layer that decides at the instant, or OverrideLayer.
	Layer string
	// Start and End bound the time during which this person is on call without a break, whichever layers decide, in the
	// schedule's zone. End is zero if there is no end.
	Start, End time.Time
}

// Shift is a time during which one person is on call without a break; Start inclusive, End exclusive, schedule's zone.
type Shift struct {
	Start, End time.Time
	Person     string
	// Layer is the one that decides at Start, or OverrideLayer.
	Layer string
}

// Gap is a time during which nobody is on call; Start inclusive, End exclusive, schedule's zone.
type Gap struct{ Start, End time.Time }

// On says who is on call at an instant: nobody, one person, or the several of one turn in the order in which they were
// written. Before 1969 and from 2500 on it is nobody. The result must not be changed.
func (c *Compiled) On(t time.Time) []string {
	return c.at(seconds(t)).people
}

// at is the choice at an instant; its stretch is not filled in.
func (c *Compiled) at(instant int64) shift {
	if instant < beginning || instant >= horizon {
		return shift{}
	}
	i, _ := slices.BinarySearchFunc(c.overrides, instant, func(o shift, at int64) int {
		if o.end <= at {
			return -1
		}
		return 1
	})
	if i < len(c.overrides) && c.overrides[i].start <= instant {
		return c.overrides[i]
	}
	for i := len(c.layers) - 1; i >= 0; i-- {
		if l := c.layers[i]; l.active(instant) {
			if turn := l.rotation.turn(instant); turn >= 0 {
				return shift{people: l.turns[turn%int64(len(l.turns))], layer: l.name}
			}
		}
	}
	return shift{}
}

// active says whether the end and the intervals of a layer leave it active; its start is the rotation's to say.
func (l *layer) active(instant int64) bool {
	if instant >= l.end {
		return false
	}
	for _, iv := range l.during {
		if iv.holds(instant) {
			return true
		}
	}
	return len(l.during) == 0
}

// At is On with the layer that decides and the bounds of each person's shift.
func (c *Compiled) At(t time.Time) []Duty {
	instant := seconds(t)
	now := c.at(instant) // nobody beyond the horizon, so the searches for bounds stay within it
	var all []Duty
	for _, person := range now.people {
		d := Duty{Person: person, Layer: now.layer, Start: c.zone.time(c.startOf(person, instant))}
		if end := c.endOf(person, instant); end < horizon {
			d.End = c.zone.time(end)
		}
		all = append(all, d)
	}
	return all
}

// startOf is when the shift began in which the person is on call at an instant. It looks back in steps that double, so
// the work is in proportion to the shift.
func (c *Compiled) startOf(person string, instant int64) int64 {
	for back := int64(8 * day); ; back *= 2 {
		from := max(instant-back, min(c.start, instant))
		start := from
		for s := range c.walk(from, instant+1) {
			if !slices.Contains(s.people, person) {
				start = s.end
			}
		}
		if start > from || from <= c.start {
			return start
		}
	}
}

// endOf is when that shift ends; horizon if it does not end before.
func (c *Compiled) endOf(person string, instant int64) int64 {
	for from, ahead := instant, int64(8*day); from < horizon; ahead *= 2 {
		to := min(from+ahead, horizon)
		for s := range c.walk(from, to) {
			if !slices.Contains(s.people, person) {
				return s.start
			}
		}
		from = to
	}
	return horizon
}

// Shifts are the final shifts between two instants, cut to them, by start and then person. Adjacent shifts of one person
// are joined, also over layers; several people at once have an entry each; times with nobody on call are absent.
// The range is cut to the years 1969 to 2500.
func (c *Compiled) Shifts(from, to time.Time) []Shift {
	cut := newCut(from, to)
	if cut.from >= cut.to {
		return nil
	}
	// Room for three shifts a day, up to a year, made once: growing step by step costs more than all the arithmetic.
	all := make([]Shift, 0, min(3*(cut.to-cut.from)/day+4, 1100))
	var open []int // in all: shifts that have not ended
	var before []string
	for s := range c.walk(cut.from, cut.to) {
		if slices.Equal(before, s.people) {
			continue
		}
		before = s.people
		open = slices.DeleteFunc(open, func(i int) bool {
			if slices.Contains(s.people, all[i].Person) {
				return false
			}
			all[i].End = c.zone.time(s.start)
			return true
		})
		first := len(all)
		for _, person := range s.people {
			if !slices.ContainsFunc(open, func(i int) bool { return all[i].Person == person }) {
				all = append(all, Shift{Start: c.zone.time(s.start), Person: person, Layer: s.layer})
			}
		}
		slices.SortFunc(all[first:], func(a, b Shift) int { return cmp.Compare(a.Person, b.Person) })
		for i := first; i < len(all); i++ {
			open = append(open, i)
		}
	}
	for _, i := range open {
		all[i].End = c.zone.time(cut.to)
	}
	for i := range all {
		all[i].Start, all[i].End = cut.exact(all[i].Start), cut.exact(all[i].End)
	}
	return all
}

// Gaps are the times between two instants at which nobody is on call, cut to them, in order and apart.
// The range is cut to the years 1969 to 2500.
func (c *Compiled) Gaps(from, to time.Time) []Gap {
	var all []Gap
	open := false
	cut := newCut(from, to)
	for s := range c.walk(cut.from, cut.to) {
		switch empty := len(s.people) == 0; {
		case empty && !open:
			all = append(all, Gap{Start: c.zone.time(s.start)})
		case !empty && open:
			all[len(all)-1].End = c.zone.time(s.start)
		}
		open = len(s.people) == 0
	}
	if open {
		all[len(all)-1].End = c.zone.time(cut.to)
	}
	for i := range all {
		all[i].Start, all[i].End = cut.exact(all[i].Start), cut.exact(all[i].End)
	}
	return all
}

// cut is a range of instants in whole seconds, with what was asked for.
type cut struct {
	from, to           int64
	askedFrom, askedTo time.Time
}

func newCut(from, to time.Time) cut {
	c := cut{from: max(seconds(from), beginning), to: seconds(to), askedFrom: from, askedTo: to}
	if !from.Before(to) {
		c.to = c.from
		return c
	}
	if to.Nanosecond() > 0 {
		c.to++
	}
	c.to = min(c.to, horizon)
	return c
}

// exact gives a bound the part of a second back that was cut off from the question's own bounds.
func (c cut) exact(t time.Time) time.Time {
	switch t.Unix() {
	case c.from:
		if c.askedFrom.After(t) {
			return c.askedFrom.In(t.Location())
		}
	case c.to:
		if c.askedTo.Before(t) {
			return c.askedTo.In(t.Location())
		}
	}
	return t
}

// seconds is an instant in whole seconds, kept far from the ends of int64.
func seconds(t time.Time) int64 { return min(max(t.Unix(), -forever/2), forever/2) }
