package schedules

import (
	"fmt"
	"slices"
	"time"
)

// Override puts one person on call alone, instead of whoever the layers say.
type Override struct {
	// ID names an override that is kept in Redis; "" for one of the file.
	ID string
	// Person is a person's ID. An override for somebody the directory does not know is as though it were not there, so
	// that the layers' people are on call rather than nobody.
	Person string
	// Start and End are instants, in any zone; End is exclusive. Parts of a second are cut off.
	Start, End time.Time
}

// Overlaps says whether two overrides have an instant in common.
func (o Override) Overlaps(other Override) bool {
	return o.Start.Unix() < other.End.Unix() && other.Start.Unix() < o.End.Unix()
}

// WithOverrides is the schedule with further overrides over those it has. Where two have an instant in common, the later
// in the list holds; one that ends no later than it starts does nothing. The receiver stays as it is.
func (c *Compiled) WithOverrides(more []Override) *Compiled {
	with := *c
	with.overrides = slices.Clone(c.overrides)
	for _, o := range more {
		start, end := o.Start.Unix(), o.End.Unix()
		if _, known := c.directory.Person(o.Person); !known || start >= end {
			continue
		}
		with.cover(shift{stretch{start, end}, []string{o.Person}, OverrideLayer})
		with.start = min(with.start, start)
	}
	return &with
}

// cover puts one override over the others, cutting those that it hides.
func (c *Compiled) cover(o shift) {
	if n := len(c.overrides); n == 0 || c.overrides[n-1].end <= o.start {
		c.overrides = append(c.overrides, o)
		return
	}
	var kept []shift
	for _, old := range c.overrides {
		before, after := old, old
		before.end = min(old.end, o.start)
		after.start = max(old.start, o.end)
		for _, part := range []shift{before, after} {
			if part.start < part.end {
				kept = append(kept, part)
			}
		}
	}
	at, _ := slices.BinarySearchFunc(kept, o.start, func(s shift, start int64) int { return int(s.start - start) })
	c.overrides = slices.Insert(kept, at, o)
}

// compileOverrides reads the overrides of the file. Two of them may not overlap on the wall clock; where the end of one is
// the start of the next and exists twice, the next begins at the first occurrence.
func (c *Compiled) compileOverrides(written []WrittenOverride, f *findings) []Override {
	all := make([]Override, len(written))
	walls := make([]stretch, len(written))
	for i, w := range written {
		path := fmt.Sprintf("overrides[%d]", i)
		if _, known := c.directory.Person(w.Person); !known {
			f.add(path+".person", c.directory.suggest(w.Person), "nobody is called %q under people", w.Person)
		}
		start, err := parseWall(w.Start)
		if err != nil {
			f.add(path+".start", wallHint, "%s", err)
		}
		end, errEnd := parseWall(w.End)
		if errEnd != nil {
			f.add(path+".end", wallHint, "%s", errEnd)
		}
		if err != nil || errEnd != nil {
			continue
		}
		if end <= start {
			f.add(path+".end", "", "the override ends before it starts")
			continue
		}
		walls[i] = stretch{start, end}
		for j, earlier := range walls[:i] {
			if start < earlier.end && earlier.start < end {
				f.add(path, "only one person can take the place of all others", "overlaps with overrides[%d]", j)
			}
		}
		clock := c.zone.clock(start)
		all[i] = Override{Person: w.Person, Start: time.Unix(clock.first(start), 0), End: time.Unix(clock.last(end), 0)}
	}
	slices.SortFunc(all, func(a, b Override) int { return a.Start.Compare(b.Start) })
	return all
}
