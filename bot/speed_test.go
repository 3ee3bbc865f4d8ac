package bot_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/redistest"
)

// BenchmarkAlertToCard is from handing an alert in to the platform being called, each alert its own incident, at a steady rate.
func BenchmarkAlertToCard(b *testing.B) {
	for _, rate := range []int{50, 500} {
		b.Run(fmt.Sprintf("%d a second", rate), func(b *testing.B) {
			w := build(b, redistest.Start(b).Open(nil), nil).start()
			r := routed{severity: "P3", channels: []string{"slack:C0OPS"}, show: []string{"sent_ns"}}
			w.raise(r, "warm")
			w.card(w.slack, "C0OPS")
			var mu sync.Mutex
			sent := map[string]time.Time{}
			tick := time.NewTicker(time.Second / time.Duration(rate))
			defer tick.Stop()
			var wg sync.WaitGroup
			for n := range rate * 4 {
				<-tick.C
				wg.Go(func() {
					group := fmt.Sprint("g", n)
					a := alert(group, "fp-"+group)
					mu.Lock()
					sent[a.Annotations["summary"]] = time.Now()
					mu.Unlock()
					if _, err := w.incidents.Ingest(w.ctx, "prom", incidents.Batch{Reports: []incidents.Report{a}}, w.route(r)); err != nil {
						b.Error(err)
					}
				})
			}
			wg.Wait()
			w.until("all cards", func() bool { return len(w.slack.Standing("C0OPS")) == rate*4+1 })
			var took []time.Duration
			for _, c := range w.slack.Calls("send") {
				for title, at := range sent {
					if c.Message.Card.Headline[len(c.Message.Card.Headline)-len(title):] == title {
						took = append(took, c.At.Sub(at))
						delete(sent, title)
						break
					}
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
