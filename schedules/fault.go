package schedules

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong in what a person wrote. A check lists every fault, never only the first.
type Fault struct {
	// Path leads to the value from the thing that was compiled, as "layers[1].shift"; a caller maps it to a line.
	Path string
	// Message says what is wrong, in lower case and without the path.
	Message string
	// Hint says how to mend it; "" where there is nothing to say beyond the message.
	Hint string
}

// Error is the fault on one line: path, message and hint.
func (f Fault) Error() string {
	s := f.Message
	if f.Path != "" {
		s = f.Path + ": " + s
	}
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// findings collects faults in the order in which they are met.
type findings []Fault

func (f *findings) add(path, hint, format string, args ...any) {
	*f = append(*f, Fault{Path: path, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// under adds faults that were found deeper down, with the path that leads there put before theirs.
func (f *findings) under(path string, deeper []Fault) {
	for _, d := range deeper {
		switch {
		case d.Path == "":
			d.Path = path
		case strings.HasPrefix(d.Path, "["):
			d.Path = path + d.Path
		default:
			d.Path = path + "." + d.Path
		}
		*f = append(*f, d)
	}
}

// didYouMean is a hint with the known name nearest to what was written; "" if none is near.
func didYouMean(written string, known []string) string {
	best, least := "", 1+len(written)/3
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(strings.ToLower(written), strings.ToLower(k)); d <= least && d < len(written) && (best == "" || d < least) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance is the least number of letters to put in, take out or change that turns a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
