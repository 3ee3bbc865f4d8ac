package schedules

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCases runs testdata/*.txt. A case is a schedule and what must be true of it, one thing a line:
//
//	case NAME
//	zone ZONE
//	interval NAME [times=HH:MM-HH:MM,…] [weekdays=…] [days=…] [months=…] [years=…] [location=ZONE]   (a name again: or)
//	layer NAME start=WALL shift=LENGTH people=a,b+c [during=NAME,…] [end=WALL]
//	override WALL WALL PERSON
//	on INSTANT PERSON… | nobody
//	at INSTANT PERSON LAYER START END | at INSTANT nobody
//	shifts FROM TO: START PERSON START PERSON … END          ("nobody" for a gap)
//	gaps FROM TO: START END START END …
//
// WALL is a local time without offset, INSTANT, FROM, TO, START and END are RFC 3339; "never" ends what has no end.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*cases.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range strings.Split("\n"+string(body), "\ncase ")[1:] {
			name, rest, _ := strings.Cut(text, "\n")
			t.Run(name, func(t *testing.T) { runCase(t, rest) })
		}
	}
}

func runCase(t *testing.T, text string) {
	s, intervals := Schedule{Name: "case"}, map[string][]Interval{}
	var wants []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		switch words[0] {
		case "zone":
			s.Timezone = words[1]
		case "interval":
			intervals[words[1]] = append(intervals[words[1]], caseInterval(settings(words[2:])))
		case "layer":
			s.Layers = append(s.Layers, caseLayer(words[1], settings(words[2:])))
		case "override":
			s.Overrides = append(s.Overrides, WrittenOverride{Start: words[1], End: words[2], Person: words[3]})
		default:
			wants = append(wants, line)
		}
	}
	named, faults := CompileIntervals(intervals)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	c, faults := Compile(s, lettersDirectory(t), named)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if len(wants) == 0 {
		t.Fatal("the case asks for nothing")
	}
	for _, want := range wants {
		if got := answer(t, c, want); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

func settings(words []string) map[string]string {
	m := map[string]string{}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		m[key] = value
	}
	return m
}

func listed(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func caseInterval(m map[string]string) Interval {
	iv := Interval{Weekdays: listed(m["weekdays"]), DaysOfMonth: listed(m["days"]), Months: listed(m["months"]),
		Years: listed(m["years"]), Location: m["location"]}
	for _, r := range listed(m["times"]) {
		start, end, _ := strings.Cut(r, "-")
		iv.Times = append(iv.Times, TimeRange{start, end})
	}
	return iv
}

func caseLayer(name string, m map[string]string) Layer {
	l := Layer{Name: name, Start: m["start"], End: m["end"], Shift: m["shift"], During: listed(m["during"])}
	for _, turn := range listed(m["people"]) {
		l.People = append(l.People, strings.Split(turn, "+"))
	}
	return l
}

// answer is the line with the package's answer in place of the wanted one.
func answer(t *testing.T, c *Compiled, want string) string {
	words := strings.Fields(strings.Replace(want, ":  ", " ", 1))
	instant := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, strings.TrimSuffix(s, ":"))
		if err != nil {
			t.Fatalf("%q: %v", want, err)
		}
		return at
	}
	got := words[:2]
	switch words[0] {
	case "on":
		on := c.On(instant(words[1]))
		if len(on) == 0 {
			on = []string{"nobody"}
		}
		got = append(slices.Clip(got), on...)
	case "at":
		got = append(slices.Clip(got), duties(c.At(instant(words[1])))...)
	case "shifts":
		got = append(slices.Clip(words[:3]), row(c, instant(words[1]), instant(words[2]))...)
	case "gaps":
		got = slices.Clip(words[:3])
		for _, g := range c.Gaps(instant(words[1]), instant(words[2])) {
			got = append(got, g.Start.Format(time.RFC3339), g.End.Format(time.RFC3339))
		}
	default:
		t.Fatalf("unknown line %q", want)
	}
	return strings.Join(got, " ")
}

func duties(all []Duty) []string {
	if len(all) == 0 {
		return []string{"nobody"}
	}
	var words []string
	for _, d := range all {
		end := "never"
		if !d.End.IsZero() {
			end = d.End.Format(time.RFC3339)
		}
		words = append(words, d.Person, d.Layer, d.Start.Format(time.RFC3339), end)
	}
	return words
}

// row writes shifts as times with the person between them; entries of a pair stand one after the other, as "a+b".
func row(c *Compiled, from, to time.Time) []string {
	shifts := c.Shifts(from, to)
	var words []string
	last := from
	for i := 0; i < len(shifts); {
		s := shifts[i]
		if !s.Start.Equal(last) {
			words = append(words, last.In(s.Start.Location()).Format(time.RFC3339), "nobody")
		}
		people := s.Person
		for i++; i < len(shifts) && shifts[i].Start.Equal(s.Start); i++ {
			people += "+" + shifts[i].Person
			if !shifts[i].End.Equal(s.End) {
				people += fmt.Sprintf("(%s)", shifts[i].End.Format(time.RFC3339))
			}
		}
		words = append(words, s.Start.Format(time.RFC3339), people)
		last = s.End
	}
	if !last.Equal(to) {
		words = append(words, last.Format(time.RFC3339), "nobody")
	}
	return append(words, to.In(c.zone.loc).Format(time.RFC3339))
}
