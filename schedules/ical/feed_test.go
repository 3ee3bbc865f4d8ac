package ical

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func feed(t *testing.T, name string, events ...Event) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, name, events, made); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	shanghai := time.FixedZone("CST", 8*3600)
	got := feed(t, "web", Event{"web", "alice", "Chen, Alice; \\ 陈", time.Date(2026, 1, 5, 9, 0, 0, 0, shanghai), time.Date(2026, 1, 12, 9, 0, 0, 0, shanghai)})
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//dogwatch//on call//EN
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:web
BEGIN:VEVENT
UID:7e0b5df9c3c3e56d7ed59dd8ae3ba1ba@dogwatch
DTSTAMP:20260101T000000Z
DTSTART:20260105T010000Z
DTEND:20260112T010000Z
SUMMARY:Chen\, Alice\; \\ 陈 · web
TRANSP:TRANSPARENT
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	at := strings.Index(want, "UID:")
	want = want[:at] + "UID:" + uid(Event{Schedule: "web", Person: "alice", Start: time.Date(2026, 1, 5, 1, 0, 0, 0, time.UTC)}) + want[at+len("UID:7e0b5df9c3c3e56d7ed59dd8ae3ba1ba@dogwatch"):]
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFolding(t *testing.T) {
	out := feed(t, "web", Event{"web", "x", strings.Repeat("海", 100) + "\r\nBEGIN:VEVENT\nX\x00Y", made, made.Add(time.Hour)})
	for _, l := range strings.Split(strings.TrimSuffix(out, "\r\n"), "\r\n") {
		if len(l) > 75 || strings.ContainsAny(l, "\r\n\x00") {
			t.Errorf("a line of %d bytes: %q", len(l), l)
		}
	}
	unfolded := strings.ReplaceAll(out, "\r\n ", "")
	if !strings.Contains(unfolded, "SUMMARY:"+strings.Repeat("海", 100)+`\nBEGIN:VEVENT\nXY · web`+"\r\n") {
		t.Errorf("unfolded:\n%s", unfolded)
	}
	if strings.Count(unfolded, "\r\nBEGIN:VEVENT\r\n") != 1 {
		t.Error("a name became a component")
	}
}

func TestUIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range []Event{
		{Schedule: "a", Person: "b", Start: made}, {Schedule: "a", Person: "b", Start: made.Add(time.Second)},
		{Schedule: "a b", Person: "", Start: made}, {Schedule: "", Person: "a b", Start: made}, {Schedule: "a", Person: "c", Start: made},
	} {
		if seen[uid(e)] {
			t.Errorf("%v has another's UID", e)
		}
		seen[uid(e)] = true
	}
	e := Event{Schedule: "a", Person: "b", Start: made, End: made.Add(time.Hour)}
	moved := e
	moved.End, moved.Name = made.Add(2*time.Hour), "B"
	if uid(e) != uid(moved) {
		t.Error("the UID changes with the end")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteFails(t *testing.T) {
	if err := Write(full{}, "web", nil, made); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("error %v", err)
	}
}
