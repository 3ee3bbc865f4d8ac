package incidents_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"dogwatch/incidents"
)

// walk reads every page and fails if an incident is shown twice.
func (b *bench) walk(f incidents.Filter) map[incidents.ID]bool {
	b.t.Helper()
	seen := map[incidents.ID]bool{}
	for {
		list, next, err := b.s.List(context.Background(), f)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, i := range list {
			if seen[i.ID] {
				b.t.Fatalf("incident %s is on two pages", i.ID)
			}
			seen[i.ID] = true
		}
		if f.Cursor = next; next == "" {
			return seen
		}
	}
}

// One body may open hundreds of incidents of one shard in the same millisecond.
func TestListShowsAllOfOneMillisecond(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		const n, ones = 2200, 1111 // their names begin with A, with A1
		// The clock stands still, so that several bodies are one millisecond.
		var body []incidents.Report
		for i := range n {
			body = append(body, alert(fmt.Sprint("A", i), "x", true, t0))
			if len(body) == 200 {
				b.ingest(body...)
				body = nil
			}
		}
		for want, f := range map[int]incidents.Filter{n: {Limit: 500, States: []incidents.State{incidents.Triggered}}, ones: {Limit: 7, Query: "A1"}} {
			if got := len(b.walk(f)); got != want {
				t.Errorf("%+v: %d incidents are listed of %d", f, got, want)
			}
		}
	})
}

// A reopened incident keeps its place among the open ones, or pages would leave others out.
func TestListOfOpenOnesKeepsItsOrderAfterAReopening(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		b.ingest(alert("Old", "x", true, t0))
		for i := range 10 {
			b.now = t0.Add(time.Duration(i+1) * time.Second)
			b.ingest(alert(fmt.Sprint("Mid", i), "x", true, b.now))
		}
		b.ingest(alert("Old", "x", false, t0))
		b.now = t0.Add(time.Minute)
		b.ingest(alert("Old", "x", true, b.now))
		if got := len(b.walk(incidents.Filter{Limit: 1, States: []incidents.State{incidents.Triggered, incidents.Acknowledged}})); got != 11 {
			t.Errorf("%d open incidents are listed of 11", got)
		}
	})
}
