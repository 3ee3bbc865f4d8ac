package schedules

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

// Times inside this package are whole seconds in an int64. An instant counts them from 1970 in UTC; a wall time counts
// those that a wall clock of the zone shows, as though the clock were UTC's. Every boundary a schedule can have is a
// whole second, so nothing is lost.
const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour

	// reach is more than any zone has been away from UTC since 1969.
	reach = 16 * hour
)

// Years for which a zone's clock changes are known here, and so the range of all answers. Go's own tables end in 2037 and
// continue by rule; the rule is written out to lastYear.
const (
	firstYear = 1969
	lastYear  = 2500
)

// beginning and horizon are the instants between which shifts are computed; forever lies after every boundary.
var (
	beginning = time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	horizon   = time.Date(lastYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

const forever = math.MaxInt64 / 4

// zone is a time zone as a list of spans in which the offset from UTC stands still.
type zone struct {
	loc    *time.Location
	from   []int64 // instant at which the span begins; the first has no beginning
	offset []int64 // wall time minus instant
	peak   []int64 // latest wall time that was shown before the span began
}

const zoneHint = "an IANA name such as Asia/Shanghai or UTC"

var zones sync.Map // name to *zone; bounded by the number of zones there are

// openZone reads a zone by its IANA name. "Local" is refused, since it means another zone on another machine.
func openZone(name string) (*zone, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*zone), nil
	}
	if name == "" {
		return nil, errors.New("no time zone is given")
	}
	loc, err := time.LoadLocation(name)
	if err != nil || strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("there is no time zone %q", name)
	}
	z, _ := zones.LoadOrStore(name, newZone(loc))
	return z.(*zone), nil
}

func newZone(loc *time.Location) *zone {
	z := &zone{loc: loc}
	for t := time.Unix(beginning, 0).In(loc); t.Unix() < horizon; {
		_, offset := t.Zone()
		start, end := t.ZoneBounds()
		z.append(start.Unix(), int64(offset))
		switch {
		case end.IsZero():
			return z
		case end.After(t):
			t = end
		default:
			// Where a zone goes on by rule, Go ends bounds at the new year in UTC, and in leap years a day too soon,
			// with an end that lies not after the instant. The next hour is asked then.
			t = t.Add(time.Hour)
		}
	}
	return z
}

// append adds a span. A change of name alone (EST to EST) is no change.
func (z *zone) append(from, offset int64) {
	n := len(z.from)
	switch {
	case n == 0:
		from, z.peak = -forever, append(z.peak, -forever)
	case z.offset[n-1] == offset:
		return
	default:
		z.peak = append(z.peak, max(z.peak[n-1], from-1+z.offset[n-1]))
	}
	z.from, z.offset = append(z.from, from), append(z.offset, offset)
}

// span is the index of the span in which an instant lies.
func (z *zone) span(instant int64) int {
	low, high := 0, len(z.from)
	for high-low > 1 {
		if mid := (low + high) / 2; z.from[mid] <= instant {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// time is an instant as people of the zone read it.
func (z *zone) time(instant int64) time.Time { return time.Unix(instant, 0).In(z.loc) }

// clock turns wall times of a zone into instants. It remembers where it was, so a row of rising times costs little.
type clock struct {
	*zone
	at int // the span that was used last
}

func (z *zone) clock(near int64) clock { return clock{z, z.span(near)} }

// seek moves to the span in which an instant lies.
func (c *clock) seek(instant int64) {
	for c.at+1 < len(c.from) && c.from[c.at+1] <= instant {
		c.at++
	}
	for c.at > 0 && c.from[c.at] > instant {
		c.at--
	}
}

// first is the first instant at which the clock shows the wall time or a later one: the first occurrence of a time that
// exists twice, the first instant after the gap for one that does not exist. It never falls when wall rises.
func (c *clock) first(wall int64) int64 {
	c.seek(wall - reach)
	for i := c.at; ; i++ {
		instant := max(wall-c.offset[i], c.from[i])
		if i+1 == len(c.from) || instant < c.from[i+1] {
			return instant
		}
	}
}

// last is the last instant at which the clock shows the wall time: the last occurrence of one that exists twice, the first
// instant after the gap for one that does not exist.
func (c *clock) last(wall int64) int64 {
	c.seek(wall - reach)
	best := c.at
	for i := c.at + 1; i < len(c.from) && c.from[i] <= wall+reach; i++ {
		if c.from[i]+c.offset[i] <= wall {
			best = i
		}
	}
	instant := wall - c.offset[best]
	if best+1 < len(c.from) {
		instant = min(instant, c.from[best+1])
	}
	return instant
}

// wallLayout is how local wall times are written in a configuration: no offset, for the zone decides.
const wallLayout = "2006-01-02T15:04:05"

const wallHint = `local wall time without an offset, as "2026-01-05T09:00:00"`

// parseWall reads a wall time.
func parseWall(s string) (int64, error) {
	t, err := time.Parse(wallLayout, s)
	switch {
	case s == "":
		return 0, errors.New("no time is given")
	case err != nil:
		return 0, fmt.Errorf("%q is not a date and time", s)
	case t.Year() <= firstYear || t.Year() >= lastYear-300 || t.Nanosecond() != 0:
		return 0, fmt.Errorf("%q is outside the years %d to %d", s, firstYear+1, lastYear-301)
	}
	return t.Unix(), nil
}

// floorDiv is a/b rounded down; b is positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
