// Package escalation says when someone else must hear: policies are ladders of steps, a timer stands for the next rung, and a
// due timer becomes pages.
//
// # Nouns
//
// A policy is a ladder: steps, each with the wait before it, whom it notifies and perhaps a condition; how often the
// ladder is walked again. A step's targets are persons, teams, schedules (whoever is on call then) and channels.
//
// A timer is a member of its shard's zset with the time it is due. A page is one message to one person at one address (or to
// one channel), queued by the script that decided it and delivered by package bot.
//
// # States
//
//	incident begins ─ timer due ─▶ step 0 ─ after ─▶ step 1 … last step ─ repeat_after ─▶ step 0 of the next round … ─▶ ended
//	                                  │ reaches nobody: page_skipped, the next step at once
//	acknowledged, resolved: the timer goes in the same script      snoozed: the timer moves to the snooze's end
//	page: queued ─ claimed (lease, epoch) ─▶ sent | failed | skipped; a lease that ends is claimed by another
//
// # Keys of shard N
//
//	timers   zset   incidents' (package incidents makes the first one): l:ID the next rung, s:ID look for stale alerts
//	pages    zset   due (ms) of each queued page by key; a claimed page is due when its lease ends
//	page     hash   key -> epoch, attempts, number of its history line, the page as JSON
//
// # Guarantees
//
// There is no lease on timers: one script checks that the timer still stands where it was read, pops it, writes the history
// lines, queues the pages and sets the next timer. A poller killed before it changes nothing; killed after it, everything
// stands. A page is delivered at least once, with a key that names it for ever. Every 30 seconds a reconcile pass makes
// timers anew for open incidents that have lost theirs.
//
// # Failures
//
// Nobody on call, an empty team, a person without an account on any platform: the step reaches nobody, says so and the next
// runs at once; if a whole round reaches nobody the incident's channels are told. A policy that a reload removed: the
// fallback policy walks on from the same rung.
//
// It does not send anything, and it does not know what a chat platform is.
package escalation
