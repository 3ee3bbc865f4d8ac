package intake

import (
	"errors"
	"fmt"
	"time"
)

// Limits bound what a decoder takes in; the zero value takes nothing. Sizes are in bytes.
type Limits struct {
	Alerts     int // alerts a request; those beyond are rejected, each one
	Labels     int // labels an alert; an alert with more is rejected. Annotations beyond it are left out and marked
	Name       int // name of a label or annotation
	Value      int // value of a label, and a link; a longer one is cut and marked
	Annotation int // value of an annotation; a longer one is cut and marked
	Depth      int // nesting of the JSON; a body that is deeper is refused whole
}

// DefaultLimits are the ones that ship: 10,000 alerts a request, 64 labels, names of 128 bytes, values of 4 KiB,
// annotations of 16 KiB, 16 levels.
func DefaultLimits() Limits {
	return Limits{Alerts: 10_000, Labels: 64, Name: 128, Value: 4 << 10, Annotation: 16 << 10, Depth: 16}
}

// Validate reports every limit that is not positive.
func (l Limits) Validate() error {
	var faults []error
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"alerts", l.Alerts}, {"labels", l.Labels}, {"name", l.Name},
		{"value", l.Value}, {"annotation", l.Annotation}, {"depth", l.Depth},
	} {
		if limit.value < 1 {
			faults = append(faults, fmt.Errorf("check limit %s: %d, must be at least 1", limit.name, limit.value))
		}
	}
	return errors.Join(faults...)
}

// The years that a time from outside may lie in. Outside them it is a zero value, an overflow or a joke, and
// arithmetic on it (an age, a duration on a card) would be wrong, so it counts as not given.
const (
	firstYear = 1970
	lastYear  = 2199
)

// plausible tells whether t may be taken for a time that something happened at.
func plausible(t time.Time) bool {
	year := t.Year()
	return year >= firstYear && year <= lastYear
}
