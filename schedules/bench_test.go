package schedules

import (
	"fmt"
	"testing"
	"time"
)

// benchSchedule has three layers of ten people, with nights and weekends by interval, and some overrides.
func benchSchedule(tb testing.TB) *Compiled {
	people, turns := make([]Person, 10), make([][]string, 10)
	for i := range people {
		people[i] = Person{ID: fmt.Sprintf("p%d", i)}
		turns[i] = []string{people[i].ID}
	}
	d, _ := NewDirectory(people, nil)
	iv, faults := CompileIntervals(map[string][]Interval{
		"nights":   {{Times: []TimeRange{{"22:00", "24:00"}, {"00:00", "06:00"}}}},
		"weekends": {{Weekdays: []string{"saturday", "sunday"}}},
	})
	if len(faults) > 0 {
		tb.Fatal(faults)
	}
	s := Schedule{Name: "bench", Timezone: "America/New_York", Layers: []Layer{
		{Name: "weekly", People: turns, Start: "2020-01-06T09:00:00", Shift: "1w"},
		{Name: "nights", People: turns, Start: "2020-01-06T12:00:00", Shift: "1d", During: []string{"nights"}},
		{Name: "weekends", People: turns, Start: "2020-01-04T00:00:00", Shift: "12h", During: []string{"weekends"}},
	}}
	for i := range 10 {
		s.Overrides = append(s.Overrides, WrittenOverride{
			Start: fmt.Sprintf("2026-%02d-10T09:00:00", i+1), End: fmt.Sprintf("2026-%02d-11T09:00:00", i+1), Person: "p3"})
	}
	c, faults := Compile(s, d, iv)
	if len(faults) > 0 {
		tb.Fatal(faults)
	}
	return c
}

func BenchmarkOnCall(b *testing.B) {
	c := benchSchedule(b)
	at := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for i := range b.N {
		if len(c.On(at.Add(time.Duration(i%8760)*time.Hour))) != 1 {
			b.Fatal("nobody on call")
		}
	}
}

func BenchmarkAt(b *testing.B) {
	c := benchSchedule(b)
	at := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for i := range b.N {
		if len(c.At(at.Add(time.Duration(i%8760)*time.Hour))) != 1 {
			b.Fatal("nobody on call")
		}
	}
}

func BenchmarkShiftsYear(b *testing.B) {
	c := benchSchedule(b)
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for range b.N {
		if len(c.Shifts(from, from.AddDate(1, 0, 0))) < 365 {
			b.Fatal("too few shifts")
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		benchSchedule(b)
	}
}
