package alertmanager

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// body renders n alerts with ten labels and four annotations each, as Alertmanager does.
func body(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"receiver":"dogwatch","status":"firing","alerts":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"status":"firing","labels":{"alertname":"DiskFull","cluster":"c1","device":"/dev/vda1",`+
			`"env":"prod","instance":"host-%d:9100","job":"node","mountpoint":"/var/lib","region":"eu-1","severity":"critical",`+
			`"team":"web"},"annotations":{"description":"Filesystem on host-%d has less than 5%% space left and is filling up.",`+
			`"runbook_url":"https://runbooks.example.com/DiskFull","summary":"disk is filling up","used":"96.2"},`+
			`"startsAt":"2026-08-01T10:00:00.%03dZ","endsAt":"0001-01-01T00:00:00Z",`+
			`"generatorURL":"http://prom.example.com:9090/graph?g0.expr=x","fingerprint":"%016x"}`, i, i, i%1000, i)
	}
	b.WriteString(`],"groupLabels":{"alertname":"DiskFull"},"commonLabels":{"alertname":"DiskFull","cluster":"c1"},` +
		`"commonAnnotations":{},"externalURL":"http://am.example.com:9093","version":"4",` +
		`"groupKey":"{}:{alertname=\"DiskFull\"}","truncatedAlerts":0,"notification_reason":"first notification"}`)
	return []byte(b.String())
}

func BenchmarkDecode1(b *testing.B)   { benchmark(b, 1) }
func BenchmarkDecode100(b *testing.B) { benchmark(b, 100) }

// benchmark runs Decode beside what encoding/json needs for nothing but the unmarshalling of the same body.
func benchmark(b *testing.B, n int) {
	text := body(n)
	perAlert := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/alert")
	}
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if batch, err := Decode(text); err != nil || len(batch.Reports) != n {
				b.Fatalf("got %d reports, %v", len(batch.Reports), err)
			}
		}
		perAlert(b)
	})
	b.Run("thorough", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if batch, err := defaults.thorough(text); err != nil || len(batch.Reports) != n {
				b.Fatalf("got %d reports, %v", len(batch.Reports), err)
			}
		}
		perAlert(b)
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var whole struct {
				Alerts []alert `json:"alerts"`
			}
			if err := json.Unmarshal(text, &whole); err != nil || len(whole.Alerts) != n {
				b.Fatalf("got %d alerts, %v", len(whole.Alerts), err)
			}
		}
		perAlert(b)
	})
}
