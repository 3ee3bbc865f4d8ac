package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dogwatch/schedules"
)

// Duty is who is on call in one schedule, now and next. Times are in the visitor's zone.
type Duty struct {
	Schedule string
	Zone     string // the schedule's own
	Now      []Turn // none: nobody
	Next     []Turn // all who begin at the next handoff; none: nobody within a month
}

// Turn is one person's being on call.
type Turn struct {
	Person string // the name
	You    bool   // it is the visitor
	// Layer says which layer decides; "override" where an override does. Empty in Duty.Next.
	Layer      string
	From, Till time.Time // Till is zero if there is no end
}

// ahead is how far the next handoff is looked for.
const ahead = 31 * 24 * time.Hour

// Duties are all schedules by name.
func (c *Console) Duties(ctx context.Context, who Visitor) ([]Duty, error) {
	if c.bot.cfg.Escalation == nil {
		return nil, nil
	}
	now, err := c.bot.cfg.Store.Now(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("read time: %w", err)
	}
	all := c.bot.cfg.Escalation.Roster().Schedules
	var out []Duty
	for _, title := range slices.Sorted(maps.Keys(all)) {
		out = append(out, c.duty(who, all[title], now))
	}
	return out, nil
}

func (c *Console) duty(who Visitor, s *schedules.Compiled, now time.Time) Duty {
	d := Duty{Schedule: s.Name(), Zone: s.Timezone()}
	for _, on := range s.At(now) {
		d.Now = append(d.Now, c.turn(who, on))
	}
	var from time.Time
	for _, shift := range s.Shifts(now, now.Add(ahead)) {
		if !shift.Start.After(now) {
			continue
		}
		if from.IsZero() {
			from = shift.Start
		}
		if shift.Start.Equal(from) {
			till := shift.End
			if !till.Before(now.Add(ahead)) {
				till = time.Time{} // it was cut there
			}
			d.Next = append(d.Next, c.turn(who, schedules.Duty{Person: shift.Person, Start: shift.Start, End: till}))
		}
	}
	return d
}

// turn is a duty as the visitor reads it; one without an end has no Till.
func (c *Console) turn(who Visitor, d schedules.Duty) Turn {
	t := Turn{Person: c.bot.name(d.Person), You: d.Person == who.ID, Layer: d.Layer, From: d.Start.In(who.Zone)}
	if !d.End.IsZero() {
		t.Till = d.End.In(who.Zone)
	}
	return t
}
