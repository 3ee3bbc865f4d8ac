package bot

import (
	"context"
	"strings"
	"time"

	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// sayOverride puts one person on call for a while. Times without a zone are those of whoever speaks.
func (b *Bot) sayOverride(ctx context.Context, d doer, c Command) (Answer, error) {
	if b.cfg.Escalation != nil {
		all := b.cfg.Escalation.Roster().Schedules
		if _, ok := all[c.Word]; !ok {
			var known []string
			for name := range all {
				known = append(known, name)
			}
			return d.refuse(d.reader.say("error_schedule", "word", c.Word, "list", joinWords(known))), nil
		}
	}
	now, err := b.cfg.Store.Now(ctx, 0)
	if err != nil {
		return Answer{}, err
	}
	from, ok := instant(c.From, now, now, d.reader.zone)
	if !ok {
		return d.refuse(d.reader.say("error_time", "word", c.From)), nil
	}
	to, ok := instant(c.To, from, now, d.reader.zone)
	if !ok {
		return d.refuse(d.reader.say("error_time", "word", c.To)), nil
	}
	if !to.After(from) {
		return d.refuse(d.reader.say("error_order")), nil
	}
	if err := b.cfg.Override(ctx, d.by, c.Word, schedules.Override{Person: c.Person, Start: from, End: to}); err != nil {
		return Answer{}, err
	}
	return Answer{Text: d.reader.say("done_override", "who", name(b.people(), c.Person), "schedule", c.Word,
		"from", d.reader.clock(from), "to", d.reader.clock(to))}, nil
}

// instant reads a time that people write: RFC 3339, a date with or without a clock, a clock (the next time it shows that, after
// base), "now", or "+2h" after base.
func instant(s string, base, now time.Time, zone *time.Location) (time.Time, bool) {
	if s == "now" || s == "现在" {
		return now, true
	}
	if span, ok := strings.CutPrefix(s, "+"); ok {
		d, err := text.ParseDuration(span)
		return base.Add(d), err == nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, zone); err == nil {
			return t, true
		}
	}
	clock, err := time.Parse("15:04", s)
	if err != nil {
		return time.Time{}, false
	}
	at := base.In(zone)
	t := time.Date(at.Year(), at.Month(), at.Day(), clock.Hour(), clock.Minute(), 0, 0, zone)
	if t.Before(base) {
		t = time.Date(at.Year(), at.Month(), at.Day()+1, clock.Hour(), clock.Minute(), 0, 0, zone)
	}
	return t, true
}
