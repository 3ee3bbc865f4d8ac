package schedules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Interval is one entry of a named time interval, as it is written, in Alertmanager's syntax. All its fields must hold at
// once; within a field any entry may hold; an empty field always holds. Beyond Alertmanager, a clock range whose start is
// later than its end runs over midnight and belongs to the day on which it starts.
type Interval struct {
	Times       []TimeRange
	Weekdays    []string // "monday", "monday:friday"; the week begins on Sunday
	DaysOfMonth []string // "1", "1:5", "-3:-1" counted back from the month's last day
	Months      []string // "january", "1", "january:march"
	Years       []string // "2026", "2026:2028"
	Location    string   // IANA name; "" is the schedule's zone
}

// TimeRange is a range of the clock, "HH:MM" to "HH:MM", end exclusive. The end may be "24:00".
type TimeRange struct{ Start, End string }

// Intervals are named time intervals ready for use in layers. A nil one holds none.
type Intervals struct {
	named map[string][]*interval
}

// CompileIntervals reads named time intervals and lists every fault with its path, as "nights[0].times[1].end_time".
// With faults the result still knows all names, so that a use of a faulty one is not reported as unknown too.
func CompileIntervals(written map[string][]Interval) (*Intervals, []Fault) {
	var f findings
	c := &Intervals{named: map[string][]*interval{}}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		c.named[name] = nil
		if len(written[name]) == 0 {
			f.add(name, "write {} for an interval that always holds", "interval %q has no entries and would never hold", name)
		}
		for i, entry := range written[name] {
			compiled, faults := entry.compile()
			f.under(fmt.Sprintf("%s[%d]", name, i), faults)
			c.named[name] = append(c.named[name], compiled)
		}
	}
	return c, f
}

func (c *Intervals) find(name string) ([]*interval, bool) {
	if c == nil {
		return nil, false
	}
	entries, ok := c.named[name]
	return entries, ok
}

func (c *Intervals) names() []string {
	if c == nil {
		return nil
	}
	return slices.Collect(maps.Keys(c.named))
}

// numbers is an inclusive range.
type numbers struct{ low, high int }

func (entry Interval) compile() (*interval, []Fault) {
	var f findings
	c := &interval{}
	if entry.Location != "" {
		z, err := openZone(entry.Location)
		if err != nil {
			f.add("location", zoneHint, "%s", err)
		}
		c.zone = z
	}
	c.compileTimes(entry.Times, &f)
	for _, r := range readRanges(entry.Weekdays, "weekdays", weekday, &f) {
		for d := r.low; d <= r.high; d++ {
			c.weekdays |= 1 << d
		}
	}
	for _, r := range readRanges(entry.Months, "months", month, &f) {
		for m := r.low; m <= r.high; m++ {
			c.months |= 1 << m
		}
	}
	c.daysOfMonth = readRanges(entry.DaysOfMonth, "days_of_month", dayOfMonth, &f)
	c.years = readRanges(entry.Years, "years", year, &f)
	return c, f
}

func (c *interval) compileTimes(ranges []TimeRange, f *findings) {
	for i, r := range ranges {
		at := fmt.Sprintf("times[%d]", i)
		start, err := clockTime(r.Start)
		if err == nil && start == day {
			err = errors.New("no range starts at 24:00")
		}
		if err != nil {
			f.add(at+".start_time", "HH:MM from 00:00 to 23:59", "%s", err)
		}
		end, errEnd := clockTime(r.End)
		if errEnd != nil {
			f.add(at+".end_time", "HH:MM from 00:00 to 24:00", "%s", errEnd)
		}
		if err != nil || errEnd != nil {
			continue
		}
		if start == end {
			f.add(at, "the whole day is 00:00 to 24:00", "start_time and end_time are both %s", r.Start)
			continue
		}
		if end < start {
			end += day
		}
		c.times = append(c.times, stretch{start, end})
	}
	if len(ranges) == 0 {
		c.times = []stretch{{0, day}}
	}
	// Starts must rise, for windows are made day by day in order.
	slices.SortFunc(c.times, func(a, b stretch) int { return int(a.start - b.start) })
	for _, t := range c.times {
		c.overnight = c.overnight || t.end > day
	}
}

// clockTime reads "HH:MM" into seconds since midnight.
func clockTime(s string) (int64, error) {
	if s == "24:00" {
		return day, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("%q is not a time of day", s)
	}
	return int64(t.Hour()*hour + t.Minute()*minute), nil
}

// readRanges reads "a" and "a:b" entries of one field, with read for each end.
func readRanges(written []string, field string, read func(string) (int, error), f *findings) []numbers {
	var all []numbers
	for i, s := range written {
		r, err := readRange(s, read)
		if err != nil {
			f.add(fmt.Sprintf("%s[%d]", field, i), "", "%s", err)
			continue
		}
		all = append(all, r)
	}
	return all
}

func readRange(s string, read func(string) (int, error)) (numbers, error) {
	from, to, isRange := strings.Cut(s, ":")
	low, err := read(strings.ToLower(strings.TrimSpace(from)))
	if err != nil {
		return numbers{}, err
	}
	if !isRange {
		return numbers{low, low}, nil
	}
	high, err := read(strings.ToLower(strings.TrimSpace(to)))
	if err != nil {
		return numbers{}, err
	}
	if low < 0 && high > 0 {
		return numbers{}, fmt.Errorf("%q starts from the month's end, so its end must be negative too", s)
	}
	if start, end := inLongMonth(low), inLongMonth(high); start > end {
		return numbers{}, fmt.Errorf("%q ends before it starts; write it as two entries", s)
	}
	return numbers{low, high}, nil
}

// inLongMonth is a day of the month, if negative counted back in a month of 31 days; other numbers are positive as they are.
func inLongMonth(n int) int {
	if n < 0 {
		return 32 + n
	}
	return n
}

func weekday(s string) (int, error) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), s) {
			return int(d), nil
		}
	}
	return 0, fmt.Errorf("%q is not a day of the week", s)
}

func month(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && n >= int(time.January) && n <= int(time.December) {
		return n, nil
	}
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(m.String(), s) {
			return int(m), nil
		}
	}
	return 0, fmt.Errorf("%q is not a month", s)
}

func dayOfMonth(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n == 0 || n < -31 || n > 31 {
		return 0, fmt.Errorf("%q is not a day of the month: 1 to 31, or -1 to -31 from its end", s)
	}
	return n, nil
}

func year(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 9999 {
		return 0, fmt.Errorf("%q is not a year", s)
	}
	return n, nil
}
