// Package incidents is what is wrong: reports of alerts become incidents, incidents have a history, and people change them.
//
// # Nouns
//
// A report is what a source says about one alert at one time: firing or resolved, since when, with which labels. An alert is the
// thing itself: a fingerprint (the source's, else made of the labels) with the newest start that was heard of. A route says what to
// do with a report: its group, severity, policy and channels. A group is all alerts that a route takes for the same trouble; it has at
// most one incident that takes alerts, the latest.
//
// An incident has a state, a number for people, a severity, counts, and a history of lines. The counts are exact: received is every
// report taken in, total the distinct alerts, firing those that fire. Labels and annotations are kept of the first 500 alerts, identity
// and state of all. A dead letter is a body that could not be read, kept as it came.
//
// # States
//
//	report, Declare ─▶ triggered ─ Acknowledge ─▶ acknowledged
//	                     │  ▲  ▲                      │   │
//	                     │  │  └─ Escalate, snooze's end  │
//	                     ▼  │ fires again within 10m, Reopen
//	                   resolved ◀─ Resolve, all alerts resolved, stale ─┘
//
// Snoozed is a field. An alert that fires again later than the window begins a new incident, and so does one that is still reported
// when that long has passed since a person said resolved. A resolution that comes before its alert makes an incident that was never open:
// whatever the order of reports, the end is the same.
//
// # From a body to its answer
//
//	Ingest: route and group each report (pure) ─▶ queue ─▶ several bodies, one pipeline, one ingest.lua a body and shard
//	  ─▶ moved: the cache of groups was wrong; once more, with the incident that the script named
//	  ─▶ lost: a resolution that this group does not know; it is looked up by fingerprint in every shard
//	  ─▶ all kept: Ingest returns
//
// # Keys
//
// keys.go has all of them. An id begins with its shard, so an incident is found without a look-up; numbers and fingerprints
// are indexed in the shard and asked of every one.
//
// # Guarantees
//
//   - When Ingest returns without an error every report is in exactly one incident, on disk as far as Redis keeps it there, and on as
//     many replicas as the store waits for. Repeating a body changes received and nothing else.
//   - A state change, its history line, its audit entry, the first timer and "the cards must be drawn" are one script.
//   - Changes by people take a request id: the same request has its effect once. Of two who acknowledge, one is first and the other hears
//     who. Rights are checked here (Service.Allowed), whatever door somebody came through.
//   - Severity only rises by reports. Numbers are unique and never reused; there are gaps.
//   - Nothing grows without bound: beyond MaxOpen incidents further groups join one overflow incident of the source, and no report is refused.
//
// # Failures
//
// ErrBusy: too many bodies wait; the door answers 503 and the sender comes again. An error of the store: part of a body may be kept, and
// the sender's repetition completes it. A source that never says resolved: after StaleAfter without a report an alert counts as
// resolved. An expression of a route that fails is counted: a match does not match, a severity is SafeSeverity, a policy the last route's.
//
// # What it does not do
//
// It pages nobody (escalation), sends nothing (bot), reads no vendor's format (intake and below it). It does not merge incidents
// and does not silence alerts.
package incidents
