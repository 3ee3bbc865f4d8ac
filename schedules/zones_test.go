package schedules

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// century and later bound what the tests about all zones look at.
var (
	century = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	later   = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
)

// change is one change of a zone's clock.
type change struct {
	zone   string
	at     time.Time
	before time.Time // the last second before
}

// everyKindOfChange goes through all zones and years and keeps a few examples of each kind: what the clock showed, what it
// showed then, and the day of the week.
func everyKindOfChange(t *testing.T) []change {
	const examples = 2
	kept := map[string]int{}
	var all []change
	for _, name := range ianaZones(t) {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range zoneChanges(loc) {
			before := at.Add(-time.Second)
			kind := before.Format("Mon 15:04:05") + at.Format(" to Mon 15:04:05")
			if kept[kind]++; kept[kind] <= examples {
				all = append(all, change{name, at, before})
			}
		}
	}
	return all
}

func zoneChanges(loc *time.Location) []time.Time {
	var all []time.Time
	for _, t := century.In(loc).ZoneBounds(); !t.IsZero() && t.Before(later); _, t = t.ZoneBounds() {
		_, now := t.Zone()
		if _, before := t.Add(-time.Second).Zone(); before != now {
			all = append(all, t)
		}
	}
	return all
}

// TestEveryKindOfChange puts schedules on every kind of change that any zone makes in forty years, and compares each
// answer with the reference.
func TestEveryKindOfChange(t *testing.T) {
	people := lettersDirectory(t)
	all := everyKindOfChange(t)
	if len(all) < 100 {
		t.Fatalf("only %d changes found; are the zone tables there?", len(all))
	}
	intervals := map[string][]Interval{
		"nights": {{Times: []TimeRange{{"22:00", "02:15"}}}, {Times: []TimeRange{{"02:45", "03:00"}}}},
		"days":   {{Times: []TimeRange{{"00:00", "01:00"}, {"08:00", "20:00"}}, Weekdays: []string{"saturday", "sunday"}}},
	}
	abc := [][]string{{"a"}, {"b"}, {"c"}}
	for _, c := range all {
		start := c.before.AddDate(0, 0, -6).Format("2006-01-02T")
		for _, layers := range [][]Layer{
			{{People: abc, Start: start + "00:00:00", Shift: "1h"}},
			{{People: abc, Start: start + "00:30:00", Shift: "1h"}},
			{{People: abc, Start: start + "00:00:00", Shift: "1d"}, {People: [][]string{{"d"}, {"e"}}, Start: start + "02:30:00", Shift: "2h", During: []string{"nights"}}},
			{{People: abc, Start: start + "23:30:00", Shift: "12h"}, {People: [][]string{{"d"}, {"a"}}, Start: start + "00:00:00", Shift: "1d", During: []string{"days"}}},
		} {
			t.Run(fmt.Sprintf("%s/%s", c.zone, c.at.UTC().Format("2006-01-02")), func(t *testing.T) {
				compareWithReference(t, people, Schedule{Timezone: c.zone, Layers: layers}, intervals, c.at)
			})
		}
	}
}

// TestTurnsNeverBreak: in every zone, through forty years, a daily rotation has exactly one person at each instant, each
// turn follows the one before, and each handoff is at midnight or, where there is none, right after the gap.
func TestTurnsNeverBreak(t *testing.T) {
	people := lettersDirectory(t)
	tested := map[string]bool{}
	for _, name := range ianaZones(t) {
		z, err := openZone(name)
		if err != nil {
			t.Fatal(err)
		}
		rules := fmt.Sprint(zoneChanges(z.loc))
		if tested[rules] {
			continue
		}
		tested[rules] = true
		c, faults := Compile(Schedule{Timezone: name, Layers: []Layer{
			{People: [][]string{{"a"}, {"b"}, {"c"}}, Start: "1999-12-25T00:00:00", Shift: "1d"}}}, people, nil)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		shifts := c.Shifts(century, later)
		for i, s := range shifts[1:] {
			before := shifts[i]
			if !s.Start.Equal(before.End) || !s.End.After(s.Start) {
				t.Fatalf("%s: %v does not follow %v", name, s, before)
			}
			if followed := letters[(slices.Index(letters, before.Person)+1)%3]; s.Person != followed {
				t.Fatalf("%s: at %s %s follows %s", name, s.Start, s.Person, before.Person)
			}
			if h, m, sec := s.Start.Clock(); h+m+sec == 0 {
				continue
			}
			shown, short := s.Start.Format("15:04"), s.Start.Add(-time.Second)
			if short.Format("15:04") < shown && short.Day() == s.Start.Day() {
				t.Fatalf("%s: handoff at %s, and midnight was there", name, s.Start)
			}
		}
	}
}

// TestZoneTable compares the table of each zone with Go's own answers, also for years that Go computes by rule.
func TestZoneTable(t *testing.T) {
	for _, name := range ianaZones(t) {
		z, err := openZone(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < lastYear-1; at = at.Add(83 * 24 * time.Hour) {
			_, want := at.In(z.loc).Zone()
			if got := z.offset[z.span(at.Unix())]; got != int64(want) {
				t.Fatalf("%s: offset %d at %s, Go says %d", name, got, at, want)
			}
		}
		for i, off := range z.offset {
			if off < -reach || off > reach {
				t.Fatalf("%s: offset %d of span %d is out of reach", name, off, i)
			}
			if i == 0 {
				continue
			}
			_, before := z.time(z.from[i] - 1).Zone()
			_, after := z.time(z.from[i]).Zone()
			if z.from[i] <= z.from[i-1] || int64(before) != z.offset[i-1] || int64(after) != off {
				t.Fatalf("%s: the change at %s is from %d to %d, Go says from %d to %d", name, z.time(z.from[i]), z.offset[i-1], off, before, after)
			}
		}
	}
}

// TestQuestionsEnd asks what makes a careless solver run for ever or for hours.
func TestQuestionsEnd(t *testing.T) {
	people := lettersDirectory(t)
	intervals, faults := CompileIntervals(map[string][]Interval{
		"never": {{Months: []string{"february"}, DaysOfMonth: []string{"30:31"}}},
		"past":  {{Years: []string{"1980"}}},
		"night": {{Times: []TimeRange{{"18:00", "06:00"}}}},
		"day":   {{Times: []TimeRange{{"06:00", "18:00"}}}},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	ab := [][]string{{"a"}, {"b"}}
	aab := [][]string{{"a"}, {"a", "b"}}
	centuries := []time.Time{{}, century, later, time.Date(2499, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(1<<62, 0), time.Unix(-1<<62, 0)}
	for _, zone := range []string{"America/Santiago", "Pacific/Apia"} {
		for _, layers := range [][]Layer{
			{{People: ab, Start: "1970-01-01T00:00:00", Shift: "1mo", During: []string{"never"}}},
			{{People: ab, Start: "1970-01-01T00:00:00", Shift: "1d", During: []string{"past"}}},
			{{People: ab[:1], Start: "1990-01-01T00:00:00", Shift: "1h", During: []string{"day"}},
				{People: ab[:1], Start: "1990-01-01T00:00:00", Shift: "1h", During: []string{"night"}}},
			{{People: aab, Start: "2000-01-01T00:00:00", Shift: "12h"}},
		} {
			c, faults := Compile(Schedule{Timezone: zone, Layers: layers}, people, intervals)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			for _, at := range centuries {
				if got, want := len(c.At(at)), len(c.On(at)); got != want {
					t.Fatalf("%s, %v at %s: %d duties, %d on call", zone, layers, at, got, want)
				}
			}
			c.Gaps(time.Unix(-1<<62, 0), time.Unix(1<<62, 0))
		}
	}
}

// TestACenturyOfHours: the shortest shift over a hundred years is every hour's person in turn.
func TestACenturyOfHours(t *testing.T) {
	c, faults := Compile(Schedule{Timezone: "UTC", Layers: []Layer{
		{People: [][]string{{"a"}, {"b"}}, Start: "2000-01-01T00:00:00", Shift: "1h"}}}, lettersDirectory(t), nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	shifts := c.Shifts(century, century.AddDate(100, 0, 0))
	if want := int(century.AddDate(100, 0, 0).Sub(century) / time.Hour); len(shifts) != want {
		t.Fatalf("%d shifts, want %d", len(shifts), want)
	}
	if got := c.On(century.AddDate(300, 0, 0).Add(time.Hour)); !slices.Equal(got, []string{"b"}) {
		t.Fatalf("on call three hundred years on: %v", got)
	}
}
