package main

import "dogwatch/schedules/ical"

// writeCalendar prints shifts as iCalendar.
func (a *app) writeCalendar(schedule string, shifts []shiftEntry) error {
	var events []ical.Event
	for _, s := range shifts {
		events = append(events, ical.Event{Schedule: schedule, Person: s.Person, Start: s.Start, End: s.End})
	}
	return ical.Write(a.out, schedule, events, a.now())
}
