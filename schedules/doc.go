// Package schedules says who is on call: now, at any instant, over a year. It knows people and teams, rotations in layers,
// time intervals that mask them, and overrides. All of it is arithmetic on what was written; only store.go, which keeps
// the overrides people make by hand, knows Redis.
//
// # Nouns
//
// A person has an ID, roles and accounts on platforms; a team is persons with a lead; a Directory holds both and answers
// who may do what. Its zero value allows nothing.
//
// A schedule is layers over one another and overrides over all of them. Written (Schedule, Layer, Interval: plain strings
// as in the file) it is compiled once, which reports every Fault with its path, and asked often (Compiled).
//
// A layer is one rotation: turns of people, a start, and a shift, the length of a turn. A turn is one person or several
// who are on call together. A handoff is where one turn ends and the next begins.
//
// A time interval is written in Alertmanager's syntax and masks a layer (during). A window is one unbroken stretch in
// which it holds.
//
// An override is one person in the place of whoever the layers say. A shift (in answers) is one person's unbroken time on
// call, whichever layers made it. A gap is a time with nobody.
//
// # Rules
//
// Who is on call at an instant: the person of the override that is active; without one, the turn of the last layer that is
// active; without one, nobody.
//
// A layer is active from its start to its end and inside at least one of its intervals, if it names any. Turns pass
// whether it is active or not: a mask hides a turn and never postpones one.
//
// Handoffs are at start + k × shift on the wall clock of the schedule's zone. An hour is an hour of the wall clock, so a
// rotation of 12h hands off at the same two times all year. Months are counted from the start and end on the month's last
// day where they must: 31 January, 28 February, 31 March.
//
// The wall clock and the instants:
//
//	a wall time that does not exist     is the first instant after the gap
//	a wall time that exists twice       is its first occurrence, as a handoff or a start,
//	                                    and its last occurrence, as the end of a window, a layer or an override
//	handoffs that fall on one instant   are one handoff; the turn after it is the next one, so nobody loses a turn
//
// So an hourly rotation hands off once, not twice, when the clock jumps from 02:00 to 03:00, and lets one turn last two
// hours when 01:00 comes again. A window from 00:00 to 01:30 of such a night ends at the second 01:30, without a hole. The
// day that Samoa left out on 30 December 2011 has no windows and no handoffs.
//
// A day's window ends at 24:00, that is 00:00 of the next day; where that time comes twice, the later one. A range of the
// clock over midnight belongs to the day on which it starts.
//
// Overrides of one schedule do not overlap. Where some do all the same (one made by hand before the file was changed), the
// later in the list holds: those made by hand over those of the file.
//
// # Guarantees
//
// Every question has an answer in bounded time, in every zone and for every schedule that compiles. Who is on call at an
// instant is computed from the instant alone (a few searches, no memory asked for); nothing is kept that could lag behind or
// be lost. Shifts over a range cost a few steps for each handoff and window in it. Shifts and gaps are computed for the
// years 1969 to 2500; a shift that does not end before 2500 has no end.
//
// On, At, Shifts and Gaps never contradict each other. At every instant from a layer's start exactly one of its turns is
// due: no instant without, none with two.
//
// Answers follow the zone tables of the program; the program embeds them (time/tzdata), for a machine may have none.
//
// # Keys
//
// See keys.go. Overrides made by hand lie in one hash for each schedule, by ID, in the schedule's shard.
//
// # Failures
//
// A schedule with faults does not compile, and the one before stays in use. An override for a person who is gone is as though
// it were not there: the layers decide, so that a page reaches somebody. A gap is no failure here: On answers with nobody,
// and whoever asked goes on to the next step.
//
// # What it does not do
//
// It does not page, does not read YAML, does not know holidays, and does not decide what happens when nobody is on call.
// It does not remember who was on call: asked about the past, it answers by the schedule as it stands now.
package schedules
