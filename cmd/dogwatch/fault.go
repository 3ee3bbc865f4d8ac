package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with a configuration, and where.
type Fault struct {
	File string `json:"file"`
	// Line and Column count from 1.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Path leads to the value, as "routes[1].match"; "" for the file as a whole.
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Unset marks a secret that is named but not there, as in a demo on a machine without accounts.
	Unset bool `json:"-"`
	// unknownKey marks a key that nobody reads; everything else around it was read all the same.
	unknownKey bool
}

// String is FILE:LINE:COLUMN: message (hint).
func (f Fault) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// Faults are all faults of one file. As an error they are one line each.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts faults in the order of the file and drops those that say the same of the same place.
func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(f, func(a, b Fault) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
}

// onlyUnset says that nothing is wrong but secrets that are not there.
func (f Faults) onlyUnset() bool {
	return len(f) > 0 && !slices.ContainsFunc(f, func(f Fault) bool { return !f.Unset })
}

// didYouMean is a hint with the known name nearest to what was written; "" if none is near.
func didYouMean(written string, known []string) string {
	best, least := "", 2+len(written)/4
	for _, k := range slices.Sorted(slices.Values(known)) {
		d := distance(strings.ToLower(written), strings.ToLower(k))
		if d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// nearestOr is didYouMean, or all known names when none is near and there are few.
func nearestOr(written string, known []string) string {
	if hint := didYouMean(written, known); hint != "" {
		return hint
	}
	known = slices.Sorted(slices.Values(known))
	switch {
	case len(known) == 0:
		return "there are none"
	case len(known) > 8:
		return "there are " + strings.Join(known[:8], ", ") + " and more"
	}
	return "there are " + strings.Join(known, ", ")
}

// distance is the least number of letters to put in, take out, change or swap with their neighbour to turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
