package text

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time that is written as Prometheus writes it: "30s", "5m", "1h30m", "7d", "1w".
// A day is 24 hours and a week seven of them: a length of time, not a step in a calendar (a schedule's shift is that).
// It reads and writes itself as text, so configuration, JSON and command line all speak the same form.
type Duration time.Duration

// Std is the same length as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the form ParseDuration reads.
func (d Duration) String() string { return FormatDuration(time.Duration(d)) }

// MarshalText writes the form ParseDuration reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration reads.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := ParseDuration(string(b))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// units from large to small; a duration names each at most once and in this order.
var units = []struct {
	name string
	size time.Duration
}{
	{"y", 365 * 24 * time.Hour},
	{"w", 7 * 24 * time.Hour},
	{"d", 24 * time.Hour},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
	{"ms", time.Millisecond},
}

// ParseDuration reads a duration as Prometheus does: whole numbers with the units y w d h m s ms, each at most once,
// largest first, without spaces or sign. "0" needs no unit. What does not fit 64 bits of nanoseconds is an error.
func ParseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	if s == "" {
		return 0, errors.New("a duration is missing; write it like 30s, 5m, 1h30m or 7d")
	}
	var total time.Duration
	next := 0 // index of the largest unit that may still come
	for rest := s; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		unit := rest[digits:]
		if end := strings.IndexAny(unit, "0123456789"); end >= 0 {
			unit = unit[:end]
		}
		at := unitIndex(unit)
		if digits == 0 || at < 0 {
			return 0, fmt.Errorf("%q is not a duration; write it like 30s, 5m, 1h30m or 7d", s)
		}
		if at < next {
			return 0, fmt.Errorf("%q is not a duration; each unit once, the largest first: y w d h m s ms", s)
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil || n > int64(math.MaxInt64-total)/int64(units[at].size) {
			return 0, fmt.Errorf("duration %q is too long", s)
		}
		total += time.Duration(n) * units[at].size
		next, rest = at+1, rest[digits+len(unit):]
	}
	return total, nil
}

func unitIndex(name string) int {
	for i, u := range units {
		if u.name == name {
			return i
		}
	}
	return -1
}

// FormatDuration writes d as ParseDuration reads it, in as few units as say it exactly: weeks and days only when nothing
// smaller is left ("1w", "36h", "1h30m"). Below a millisecond is dropped; a negative duration has a leading minus, which
// ParseDuration refuses.
func FormatDuration(d time.Duration) string {
	if d == math.MinInt64 {
		d++ // its negation does not exist
	}
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	d = d.Truncate(time.Millisecond)
	if d == 0 {
		return "0s"
	}
	for _, u := range units[1:3] {
		if d%u.size == 0 {
			return sign + strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	var b strings.Builder
	b.WriteString(sign)
	for _, u := range units[3:] {
		if n := d / u.size; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			d -= n * u.size
		}
	}
	return b.String()
}
