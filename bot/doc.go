// Package bot is how people see incidents and answer: cards, pages, buttons, words.
//
// # Nouns
//
// A platform is a chat system (Slack, WeCom, the console) behind three methods: Send, Edit, Find. An address is a place on one. A
// card is a message's content in no vendor's form; an adapter renders it. A standing is what is known of one message: where it
// is, what it shows, whether one is on its way. A page is a message to one person because it is their turn; package escalation
// queues it. A press is a button pressed or a form sent, an utterance a line of words; the bot is the Inbox that takes both.
//
// # From a change to the cards
//
// Cards follow the state, not events: whatever changes an incident makes it dirty in the same script and says so in its shard's
// log, and whoever draws next draws what is true then. What happened in between is never sent one by one.
//
//	change ─ log wakes the shard ─▶ claim (lease, epoch) ─▶ read once ─▶ for each address: render (pure), compare, ask budget,
//	write down, send or edit, tell the thread ─▶ settle: ends the lease if the epoch is still ours; what changed meanwhile is due
//
// One message, as its standing knows it:
//
//	nothing ─ claim marks it ─▶ sending ─ answered ─▶ stands ─ edit ─▶ stands
//	                              │ no answer, or the holder died          │ gone: the next generation, once without news
//	                              ▼                                        ▼
//	                        looked up by key: found ─▶ stands          sending
//	                        absent, or no look-up there ─▶ sent again under the same key
//
// On platforms with threads a run's output has one reply in the thread of each channel's card, from its first output on: a message
// with a standing of its own, changed in place at the card's pace until it says how the run ended.
//
// A change of state is drawn at once; counts and the like at most once every Config.Pace. A message that can be changed once for
// each code (WeCom) keeps its code for news and uses those that presses bring.
//
// Pages have a queue of their own for each address, the loudest first, and do not stand behind cards. When an address's budget is
// used up, the pages that wait go together in one digest; a P0 is always its own message, and has a reserve.
//
// # Presses and words
//
//	verified by the adapter ─▶ whose account? ─▶ is the button ours (MAC)? ─▶ may this person (rights.go)? ─▶ one call of a
//	service, with a request id made of the press ─▶ a sentence for that person alone
//
// A press changes state and nothing else; cards change because the state did, on every platform alike. A press that comes too
// late is told who was first; a press delivered twice has its effect once and its answer twice. Whoever belongs to nobody in the
// configuration gets a sentence and no effect. Words are one grammar in both languages (words.go), read by one parser.
//
// # Keys
//
// See keys.go: dirty and leases of a shard, i:ID:c where an incident's cards and outputs stand, b:HASH the budget of an address.
//
// # Guarantees
//
// After any crash the next holder finds a message marked as being sent before it was sent: it is looked up by its key before it
// is sent again, so a crash doubles a message at most once, and never where the platform can look up or refuses doubles. A holder
// that slept through its lease can write nothing (the epoch is another's) and send nothing (its deadline has passed). All replicas
// together stay within each address's budget. Retry-After is obeyed. Every page of an unanswered incident is attempted until a
// platform takes it, at least for a day; a P0 or P1 that waits for Config.Elsewhere goes to the person's other platforms or the
// fallback channel, and the history says page_failed. A zero key, role or person allows nothing. What alerts say is data: it is never
// a mention, a link or markup here, and adapters escape it.
//
// # Failures
//
// A platform that does not answer is left alone for a while that grows to twenty seconds, then tried with one call. An address that
// refuses for good is not tried again for ten minutes, and the fallback channel is told once an hour. A wrong token stops all calls for a
// minute. Redis away: nothing is drawn, and everything is still due afterwards. The log is only a wake-up: each shard looks for
// itself every second.
//
// # What it does not do
//
// It decides nothing about incidents, ladders or requests. It posts no card for a request that belongs to no incident. It does not
// count how long people take. It keeps no history of messages: what a card showed before is in the incident's lines.
package bot
