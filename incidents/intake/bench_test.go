package intake_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
	"dogwatch/incidents/intake/alertmanager"
)

// nobody is a connection that costs nothing, so that the benchmark shows the door alone.
type nobody struct {
	header http.Header
	status int
}

func (n *nobody) Header() http.Header               { return n.header }
func (n *nobody) WriteHeader(status int)            { n.status = status }
func (n *nobody) Write(p []byte) (int, error)       { return len(p), nil }
func (n *nobody) SetReadDeadline(_ time.Time) error { return nil }

// BenchmarkDoor is one request with one alert, from the token to the answer, without the network and with a Take
// that does nothing: what the door adds to net/http and Redis.
func BenchmarkDoor(b *testing.B) {
	doors, err := intake.New(intake.Config{
		Take: func(_ context.Context, _ string, batch incidents.Batch) (int, error) { return len(batch.Reports), nil },
		Bury: func(context.Context, string, string, []byte) (string, error) { return "", nil },
		Note: func(context.Context, string, string) {},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := doors.SetSources([]intake.Source{{Name: "prom", Decode: alertmanager.Decode, Tokens: []intake.TokenHash{intake.HashToken(token)}}}); err != nil {
		b.Fatal(err)
	}
	body := `{"version":"4","groupKey":"{}:{alertname=\"A\"}","truncatedAlerts":0,"status":"firing","alerts":[{"status":"firing",` +
		`"labels":{"alertname":"A","env":"prod","instance":"host-1:9100","job":"node","service":"svc-1","severity":"critical"},` +
		`"annotations":{"summary":"disk is filling up"},"startsAt":"2026-08-01T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"6e4a7e72c5afd85d"}]}`
	request := httptest.NewRequest(http.MethodPost, "/alerts/prom", nil)
	request.Header.Set("Authorization", bearer)
	handler, w, reader := doors.Handler(), &nobody{header: http.Header{}}, strings.NewReader(body)
	request.Body, request.ContentLength = io.NopCloser(reader), int64(len(body))
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		handler.ServeHTTP(w, request)
	}
	if counts := doors.Counters()[1]; counts.Taken != uint64(b.N) || w.status != 0 {
		b.Fatalf("%d requests, counts %+v, status %d", b.N, counts, w.status)
	}
}
