package schedules

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests shall not depend on the machine's tables

	"pgregory.net/rapid"
)

// ianaZones are all names of the IANA data base.
func ianaZones(t testing.TB) []string {
	body, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(body))
}

var letters = []string{"a", "b", "c", "d", "e"}

func lettersDirectory(t testing.TB) *Directory {
	var people []Person
	for _, id := range letters {
		people = append(people, Person{ID: id})
	}
	d, faults := NewDirectory(people, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return d
}

// changes are the instants in [from, to) at which a zone's offset changes, found without the package.
func changes(zone string, from, to time.Time) []time.Time {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	offset := func(t time.Time) int { _, o := t.In(loc).Zone(); return o }
	var all []time.Time
	for t := from; t.Before(to); t = t.Add(12 * time.Hour) {
		if offset(t) == offset(t.Add(12*time.Hour)) {
			continue
		}
		for u := t; u.Before(t.Add(12 * time.Hour)); u = u.Add(time.Minute) {
			if offset(u) != offset(u.Add(time.Minute)) {
				all = append(all, u.Add(time.Minute))
			}
		}
	}
	return all
}

// drawSchedule draws a schedule whose boundaries crowd around an instant of the zone's wall clock.
func drawSchedule(t *rapid.T, zone string, near time.Time) (Schedule, map[string][]Interval) {
	wall := func(label string, days int) string {
		minutes := rapid.IntRange(-days*24*4, days*24*4).Draw(t, label) * 15
		return near.Add(time.Duration(minutes) * time.Minute).Format(wallLayout)
	}
	clock := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%02d:%02d", rapid.SampledFrom([]int{0, 1, 2, 3, 8, 22, 23}).Draw(t, "hour"),
			rapid.SampledFrom([]int{0, 15, 30, 45}).Draw(t, "minute"))
	})
	intervals := map[string][]Interval{}
	for _, name := range []string{"x", "y"} {
		var iv Interval
		for range rapid.IntRange(0, 2).Draw(t, "ranges") {
			r := TimeRange{clock.Draw(t, "from"), clock.Draw(t, "to")}
			if r.Start == r.End {
				r.End = "24:00"
			}
			iv.Times = append(iv.Times, r)
		}
		iv.Weekdays = rapid.SampledFrom([][]string{nil, nil, {"monday:friday"}, {"saturday", "sunday"}, {"sunday:tuesday"}}).Draw(t, "weekdays")
		iv.DaysOfMonth = rapid.SampledFrom([][]string{nil, nil, nil, {"1:15"}, {"-7:-1"}, {"5", "-1"}}).Draw(t, "days")
		iv.Months = rapid.SampledFrom([][]string{nil, nil, nil, {"3:10"}}).Draw(t, "months")
		iv.Location = rapid.SampledFrom([]string{"", "", "Asia/Shanghai", "Australia/Lord_Howe"}).Draw(t, "location")
		intervals[name] = []Interval{iv}
	}
	s := Schedule{Name: "drawn", Timezone: zone}
	for i := range rapid.IntRange(1, 3).Draw(t, "layers") {
		l := Layer{Name: fmt.Sprintf("layer-%d", i), Start: wall("start", 12)}
		l.Shift = rapid.SampledFrom([]string{"1h", "2h", "5h", "12h", "1d", "25h", "2d", "1w", "1mo"}).Draw(t, "shift")
		l.People = rapid.SampledFrom([][][]string{
			{{"a"}}, {{"a"}, {"b"}}, {{"a"}, {"b"}, {"c"}}, {{"a", "b"}, {"c"}, {"a"}}, {{"d"}, {"e", "a"}},
		}).Draw(t, "people")
		l.During = rapid.SampledFrom([][]string{nil, {"x"}, {"y"}, {"x", "y"}}).Draw(t, "during")
		if rapid.Bool().Draw(t, "ends") {
			end := asUTC(l.Start).Add(time.Duration(rapid.IntRange(1, 20*24*4).Draw(t, "end")) * 15 * time.Minute)
			l.End = end.Format(wallLayout)
		}
		s.Layers = append(s.Layers, l)
	}
	if rapid.Bool().Draw(t, "override") {
		start := wall("override", 2)
		end := asUTC(start).Add(time.Duration(rapid.IntRange(1, 96).Draw(t, "length")) * 15 * time.Minute)
		s.Overrides = []WrittenOverride{{Start: start, End: end.Format(wallLayout), Person: "e"}}
	}
	return s, intervals
}

// TestAgreesWithReference draws schedules around clock changes of all zones and compares every answer with the reference.
func TestAgreesWithReference(t *testing.T) {
	all := ianaZones(t)
	people := lettersDirectory(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(all).Draw(t, "zone")
		year := rapid.IntRange(2000, 2039).Draw(t, "year")
		from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		moments := append(changes(zone, from, from.AddDate(1, 0, 0)), from.AddDate(0, 1, 28))
		moment := rapid.SampledFrom(moments).Draw(t, "moment")
		loc, _ := time.LoadLocation(zone)
		s, intervals := drawSchedule(t, zone, asUTC(moment.In(loc).Format(wallLayout)))
		compareWithReference(t, people, s, intervals, moment)
	})
}

// compareWithReference compares On, Shifts, Gaps and At over the days around a moment.
func compareWithReference(t rapid.TB, people *Directory, s Schedule, intervals map[string][]Interval, moment time.Time) {
	named, faults := CompileIntervals(intervals)
	if len(faults) > 0 {
		t.Fatalf("intervals: %v", faults)
	}
	c, faults := Compile(s, people, named)
	if len(faults) > 0 {
		t.Fatalf("schedule: %v", faults)
	}
	from, to := moment.Add(-40*time.Hour).Truncate(time.Hour), moment.Add(40*time.Hour).Truncate(time.Hour)
	step := 15 * time.Minute
	if moment.Minute()%15 != 0 {
		step = time.Minute // St John's changed its clocks at one minute past midnight
	}
	r := watch(s, intervals, ticking{from, to, step})
	for i, tick := range r.ticks {
		if got := c.On(tick); !slices.Equal(got, r.on[i]) {
			t.Fatalf("on call at %s: %v, the reference says %v", tick.In(r.zone), got, r.on[i])
		}
		if late := tick.Add(step - time.Second); !slices.Equal(c.On(late), r.on[i]) {
			t.Fatalf("on call at %s: %v, the reference says %v", late.In(r.zone), c.On(late), r.on[i])
		}
	}
	want := r.shifts(to)
	got := c.Shifts(from, to)
	if len(got) != len(want) {
		t.Fatalf("shifts:\n%v\nreference:\n%v", got, want)
	}
	for i := range got {
		if !got[i].Start.Equal(want[i].Start) || !got[i].End.Equal(want[i].End) || got[i].Person != want[i].Person {
			t.Fatalf("shift %d: %v, the reference says %v", i, got[i], want[i])
		}
	}
	checkGaps(t, c, r, from, to)
	for _, s := range got {
		checkDuty(t, c, s, from, to)
	}
}

// checkGaps: an instant is in a gap exactly if the reference has nobody.
func checkGaps(t rapid.TB, c *Compiled, r *reference, from, to time.Time) {
	gaps := c.Gaps(from, to)
	for i, tick := range r.ticks {
		inGap := slices.ContainsFunc(gaps, func(g Gap) bool { return !tick.Before(g.Start) && tick.Before(g.End) })
		if inGap != (len(r.on[i]) == 0) {
			t.Fatalf("gap at %s: %v, the reference has %v on call", tick.In(r.zone), inGap, r.on[i])
		}
	}
	for i := 1; i < len(gaps); i++ {
		if !gaps[i-1].End.Before(gaps[i].Start) {
			t.Fatalf("gaps %v and %v touch", gaps[i-1], gaps[i])
		}
	}
}

// checkDuty: asked in the middle of a shift, At gives its bounds where the range did not cut them.
func checkDuty(t rapid.TB, c *Compiled, s Shift, from, to time.Time) {
	middle := s.Start.Add(s.End.Sub(s.Start) / 2)
	duties := c.At(middle)
	i := slices.IndexFunc(duties, func(d Duty) bool { return d.Person == s.Person })
	if i < 0 {
		t.Fatalf("at %s: %v, but the shift is %v", middle, duties, s)
	}
	d := duties[i]
	if s.Start.After(from) && !d.Start.Equal(s.Start) || d.Start.After(s.Start) {
		t.Fatalf("duty %v begins otherwise than its shift %v", d, s)
	}
	if s.End.Before(to) && !d.End.Equal(s.End) || !d.End.IsZero() && d.End.Before(s.End) {
		t.Fatalf("duty %v ends otherwise than its shift %v", d, s)
	}
}
