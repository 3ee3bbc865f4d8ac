// Package intaketest is what every decoder of alerts must pass. A decoder's test calls Run with a folder of real
// payloads, and its fuzz test calls Fuzz with the same:
//
//   - Goldens: for every testdata/NAME.json there is testdata/NAME.golden, the batch or the error written out;
//     go test -run TestDecoder -update ./… writes them anew.
//   - Promises: whatever the body, the decoder does not panic, says the same thing twice, leaves the body alone,
//     keeps no part of it, and hands over only alerts that are what incidents.Report promises: of a known status,
//     with labels, in clean and bounded text, with times that can be.
//   - Hostile bodies: every payload cut short, with bytes changed, nested deep, filled with NUL, broken UTF-8 and
//     directional overrides.
package intaketest

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Run puts decode through everything, with the payloads in dir (files ending in .json).
func Run(t *testing.T, decode intake.Decoder, dir string) {
	t.Helper()
	names, bodies := payloads(t, dir)
	for i, name := range names {
		t.Run("golden/"+name, func(t *testing.T) { golden(t, decode, filepath.Join(dir, name), bodies[i]) })
	}
	t.Run("hostile", func(t *testing.T) {
		for _, body := range Hostile(bodies) {
			Promises(t, decode, body)
		}
	})
}

// Fuzz adds the payloads in dir and their hostile variants to the corpus and checks Promises on whatever comes.
// also, unless nil, is called for each body too.
func Fuzz(f *testing.F, decode intake.Decoder, dir string, also func(t *testing.T, body []byte)) {
	f.Helper()
	_, bodies := payloads(f, dir)
	for _, body := range Hostile(bodies) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		Promises(t, decode, body)
		if also != nil {
			also(t, body)
		}
	})
}

// Promises fails the test if decode breaks one of its promises on this body.
func Promises(t *testing.T, decode intake.Decoder, body []byte) {
	t.Helper()
	if broken := brokenPromise(decode, body); broken != "" {
		t.Fatalf("of %q: %s", clip(body), broken)
	}
}

// brokenPromise says which promise decode breaks on body, "" when it keeps them all.
func brokenPromise(decode intake.Decoder, body []byte) string {
	given := slices.Clone(body)
	batch, err := decode(given)
	if !slices.Equal(given, body) {
		return "the decoder changed the body"
	}
	before := Describe(batch, err)
	for i := range given {
		given[i] = '#'
	}
	if after := Describe(batch, err); after != before {
		return "the decoder kept the body's buffer: it said\n" + before + "and after the buffer was used again\n" + after
	}
	if again := Describe(decode(slices.Clone(body))); again != before {
		return "the decoder says two things:\n" + before + "and\n" + again
	}
	if err != nil {
		return errorFault(batch, err)
	}
	return batchFault(batch)
}

func errorFault(batch incidents.Batch, err error) string {
	var known *intake.BodyError
	switch {
	case !errors.As(err, &known) || known.Where == "" || known.Reason == "":
		return "the error does not say where and why: " + err.Error()
	case !reflect.ValueOf(batch).IsZero():
		return "an error came with a batch: " + err.Error()
	}
	return ""
}

func batchFault(batch incidents.Batch) string {
	if batch.Truncated < 0 {
		return fmt.Sprintf("truncated is %d", batch.Truncated)
	}
	for i, report := range batch.Reports {
		if fault := reportFault(report, intake.DefaultLimits()); fault != "" {
			return fmt.Sprintf("report %d: %s", i, fault)
		}
	}
	for _, text := range batch.Marks {
		if !printable(text) {
			return fmt.Sprintf("a mark holds foul text: %q", text)
		}
	}
	for _, r := range batch.Rejected {
		if r.Where == "" || r.Reason == "" || !printable(r.Where+r.Reason) {
			return fmt.Sprintf("a rejection does not say where and why in clean text: %+v", r)
		}
	}
	return ""
}

// reportFault says what about a report is not as incidents.Report promises, "" when all is.
func reportFault(r incidents.Report, limits intake.Limits) string {
	switch {
	case r.Status != incidents.Firing && r.Status != incidents.Resolved:
		return fmt.Sprintf("status %q", r.Status)
	case r.Status == incidents.Firing && !r.EndsAt.IsZero():
		return "fires and has an end"
	case len(r.Labels) == 0 || len(r.Labels) > limits.Labels || len(r.Annotations) > limits.Labels:
		return fmt.Sprintf("%d labels, %d annotations", len(r.Labels), len(r.Annotations))
	case !printable(r.Fingerprint) || len(r.Fingerprint) > limits.Name:
		return fmt.Sprintf("fingerprint %q", r.Fingerprint)
	case !printable(r.GeneratorURL) || len(r.GeneratorURL) > limits.Value:
		return fmt.Sprintf("generatorURL %q", r.GeneratorURL)
	}
	for _, t := range []time.Time{r.StartsAt, r.EndsAt} {
		if !t.IsZero() && (t.Year() < 1970 || t.Year() > 2199 || t.Location() != time.UTC) {
			return fmt.Sprintf("time %v", t)
		}
	}
	return textFault(r.Labels, limits.Name, limits.Value) + textFault(r.Annotations, limits.Name, limits.Annotation)
}

func textFault(texts map[string]string, name, value int) string {
	for n, v := range texts {
		if n == "" || len(n) > name || len(v) > value || !printable(n) || !printable(v) {
			return fmt.Sprintf("%q: %q", clip([]byte(n)), clip([]byte(v)))
		}
	}
	return ""
}

// printable is the test's own reading of what clean text is.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune("\t\n\r", r) || strings.ContainsRune("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", r)
	})
}

// golden compares what decode makes of one payload with the file beside it.
func golden(t *testing.T, decode intake.Decoder, base string, body []byte) {
	got := Describe(decode(body))
	path := base + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update, then read it)", err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant, from %s\n%s", got, path, want)
	}
}

// Describe writes a decoder's result out, the same for the same result.
func Describe(batch incidents.Batch, err error) string {
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	for _, r := range batch.Reports {
		fmt.Fprintf(&b, "report %s %q starts %s ends %s\n", r.Status, r.Fingerprint, moment(r.StartsAt), moment(r.EndsAt))
		for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
			fmt.Fprintf(&b, "  label %q = %q\n", name, r.Labels[name])
		}
		for _, name := range slices.Sorted(maps.Keys(r.Annotations)) {
			fmt.Fprintf(&b, "  annotation %q = %q\n", name, r.Annotations[name])
		}
		if r.GeneratorURL != "" {
			fmt.Fprintf(&b, "  from %q\n", r.GeneratorURL)
		}
	}
	for _, r := range batch.Rejected {
		fmt.Fprintf(&b, "rejected %d %s: %s\n", r.Index, r.Where, r.Reason)
	}
	for _, mark := range batch.Marks {
		fmt.Fprintf(&b, "mark %s\n", mark)
	}
	fmt.Fprintf(&b, "truncated %d\n", batch.Truncated)
	return b.String()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339Nano)
}

func payloads(t testing.TB, dir string) (names []string, bodies [][]byte) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no payloads in %s: %v", dir, err)
	}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".json"))
		bodies = append(bodies, body)
	}
	return names, bodies
}

func clip(b []byte) string {
	if len(b) > 300 {
		return string(b[:300]) + "…"
	}
	return string(b)
}
