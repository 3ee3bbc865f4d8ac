package incidents_test

import (
	"testing"
	"time"

	"dogwatch/incidents"
)

// A source that gives no times has its order from the shard's clock: those of two replicas may differ by minutes.
func TestReportsWithoutTimesAreOrderedByTheShard(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		b.now = time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond) // this process is an hour ahead of Redis
		b.ingest(alert("Disk", "x", true, time.Time{}))
		list, err := b.s.Alerts(t.Context(), b.only().ID, 0)
		if err != nil || len(list) != 1 || !list[0].StartsAt.Equal(b.now) {
			t.Fatalf("at %v the alert is %+v: %v", b.now, list, err)
		}
		// A source that gives only the end, as Redis' clock would have it.
		b.now = b.now.Add(time.Second)
		end := alert("Disk", "x", false, b.now)
		b.ingest(end)
		if got := b.only().State; got != incidents.Closed {
			t.Errorf("after its alert's end the incident is %s", got)
		}
	})
}
