package intaketest

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unsafe"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
)

// TestBrokenPromises gives the suite decoders that each break one promise: a suite that lets one through is none.
func TestBrokenPromises(t *testing.T) {
	report := func(change func(*incidents.Report)) intake.Decoder {
		return func([]byte) (incidents.Batch, error) {
			r := incidents.Report{Status: incidents.Firing, Labels: map[string]string{"a": "b"}}
			change(&r)
			return incidents.Batch{Reports: []incidents.Report{r}}, nil
		}
	}
	calls := 0
	for name, test := range map[string]struct {
		decode intake.Decoder
		want   string
	}{
		"good":         {report(func(*incidents.Report) {}), ""},
		"changes body": {func(b []byte) (incidents.Batch, error) { b[0] = 'x'; return incidents.Batch{}, nil }, "changed the body"},
		"keeps body": {func(b []byte) (incidents.Batch, error) {
			return incidents.Batch{Marks: []string{unsafe.String(&b[0], len(b))}}, nil
		}, "kept the body's buffer"},
		"two things":  {func([]byte) (incidents.Batch, error) { calls++; return incidents.Batch{Truncated: calls}, nil }, "says two things"},
		"plain error": {func([]byte) (incidents.Batch, error) { return incidents.Batch{}, errors.New("no") }, "does not say where"},
		"error + batch": {func([]byte) (incidents.Batch, error) {
			return incidents.Batch{Truncated: 1}, &intake.BodyError{Where: "a", Reason: "b"}
		}, "came with a batch"},
		"truncated": {func([]byte) (incidents.Batch, error) { return incidents.Batch{Truncated: -1}, nil }, "truncated is -1"},
		"foul mark": {func([]byte) (incidents.Batch, error) { return incidents.Batch{Marks: []string{"\x00"}}, nil }, "foul text"},
		"mute rejection": {func([]byte) (incidents.Batch, error) {
			return incidents.Batch{Rejected: make([]incidents.Rejected, 1)}, nil
		}, "rejection does not say"},
		"no status":     {report(func(r *incidents.Report) { r.Status = "" }), "status"},
		"end of firing": {report(func(r *incidents.Report) { r.EndsAt = time.Unix(1e9, 0).UTC() }), "fires and has an end"},
		"no labels":     {report(func(r *incidents.Report) { r.Labels = nil }), "0 labels"},
		"empty name":    {report(func(r *incidents.Report) { r.Labels[""] = "x" }), `"": "x"`},
		"long value":    {report(func(r *incidents.Report) { r.Labels["a"] = strings.Repeat("v", 4097) }), "vvv"},
		"NUL":           {report(func(r *incidents.Report) { r.Annotations = map[string]string{"s": "\x00"} }), "\\x00"},
		"override":      {report(func(r *incidents.Report) { r.Annotations = map[string]string{"s": "\u202e"} }), "\\u202e"},
		"not UTF-8":     {report(func(r *incidents.Report) { r.GeneratorURL = "\xff" }), "generatorURL"},
		"fingerprint":   {report(func(r *incidents.Report) { r.Fingerprint = strings.Repeat("f", 129) }), "fingerprint"},
		"year":          {report(func(r *incidents.Report) { r.StartsAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }), "time 9999"},
		"zone":          {report(func(r *incidents.Report) { r.StartsAt = time.Unix(1e9, 0).In(time.FixedZone("", 3600)) }), "time 2001"},
	} {
		got := brokenPromise(test.decode, []byte("body"))
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: the suite said %q, want %q", name, got, test.want)
		}
	}
}
