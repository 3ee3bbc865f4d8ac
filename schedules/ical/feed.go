// Package ical writes shifts as an iCalendar feed (RFC 5545) that calendars can subscribe to.
//
// Times are written in UTC, so a feed needs no time zone definitions and means the same in every calendar. A shift keeps
// its UID as long as schedule, person and start stay the same: a calendar then changes an entry rather than doubling it
// when the end moves. Everything that comes from the configuration is escaped, and lines are folded at 75 bytes without
// cutting a character.
//
// It does not read calendars.
package ical

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Event is one person's shift.
type Event struct {
	Schedule string
	Person   string // the person's ID, which goes into the UID
	Name     string // as people read it; "" is Person
	// Start inclusive, End exclusive.
	Start, End time.Time
}

const utc = "20060102T150405Z"

// Write writes a calendar with this name. made is when it was made; the same events and time give the same bytes.
func Write(w io.Writer, name string, events []Event, made time.Time) error {
	b := bufio.NewWriter(w)
	line(b, "BEGIN:VCALENDAR")
	line(b, "VERSION:2.0")
	line(b, "PRODID:-//dogwatch//on call//EN")
	line(b, "CALSCALE:GREGORIAN")
	line(b, "METHOD:PUBLISH")
	line(b, "X-WR-CALNAME:"+escape(name))
	for _, e := range events {
		who := e.Name
		if who == "" {
			who = e.Person
		}
		line(b, "BEGIN:VEVENT")
		line(b, "UID:"+uid(e))
		line(b, "DTSTAMP:"+made.UTC().Format(utc))
		line(b, "DTSTART:"+e.Start.UTC().Format(utc))
		line(b, "DTEND:"+e.End.UTC().Format(utc))
		line(b, "SUMMARY:"+escape(who+" · "+e.Schedule))
		line(b, "TRANSP:TRANSPARENT")
		line(b, "END:VEVENT")
	}
	line(b, "END:VCALENDAR")
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write calendar %s: %w", name, err)
	}
	return nil
}

// uid names an event for ever.
func uid(e Event) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s %d", len(e.Schedule), e.Schedule, len(e.Person), e.Person, e.Start.Unix()))
	return hex.EncodeToString(sum[:16]) + "@dogwatch"
}

var escaper = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// escape makes a text a value: RFC 5545 escapes, and no other control characters.
func escape(s string) string {
	s = escaper.Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// line writes a content line, folded. Errors are kept by the writer until it is flushed.
func line(b *bufio.Writer, s string) {
	const limit = 75
	for len(s) > limit {
		end := limit
		for !utf8.RuneStart(s[end]) {
			end--
		}
		_, _ = b.WriteString(s[:end] + "\r\n")
		s = " " + s[end:]
	}
	_, _ = b.WriteString(s + "\r\n")
}
