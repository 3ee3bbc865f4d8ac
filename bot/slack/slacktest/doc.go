// Package slacktest plays Slack: its Web API, its deliveries, its response_urls, its modals and Socket Mode, as Slack
// documents them. It knows nothing of dogwatch and imports none of it, so that a misunderstanding in the adapter is not
// repeated here; it works from testdata/methods.json, a table of methods with their tiers, scopes, arguments and errors.
//
// # Nouns
//
//   - The world: a workspace with users, channels, direct messages and user groups. What was posted is kept with every
//     earlier rendering.
//   - A call is one Web API request. Form and JSON bodies, a token as Bearer or as form field, are all taken, as foreign
//     clients send them.
//   - The journal is everything that happened, in order, without tokens.
//   - A fault is a planned misbehaviour: a 429, a 500, a hang, a connection cut before or after the effect, a revoked token.
//   - A delivery is a signed request to the bot: a command, a click, a submitted modal, an event. A click presses a button
//     that the message shows now; one that is not there is refused, as no person could press it, unless the test asks for
//     a stale press on an earlier rendering.
//   - The clock runs with real time and can be moved on. Triggers (three seconds, once), response_urls (thirty minutes,
//     five times), rate limits and event retries follow it.
//
// # What it refuses
//
// Wrong or missing tokens, unknown and archived channels, channels the bot is not in, messages without text, blocks beyond
// Slack's limits, edits of other people's or ephemeral messages, used and expired triggers and response_urls, more than a
// message a second and channel beyond the burst, more calls than a method's tier. Every error it gives is one that the
// table knows for that method; a test holds that.
//
// # Where the documentation is silent
//
// A reply to a message that is not there, or to a reply, is refused with cannot_reply_to_message: stricter than Slack,
// which accepts some of that. A spent response_url answers 404 with used_url or expired_url. Lengths are counted in UTF-16
// units. An acknowledgement in Socket Mode over 20 KB is dropped; fragmented frames are not told apart from whole ones.
//
// # Ways to run it
//
// In a test: New, then Close. As its own process, for tests that kill the bot: cmd/fakeslack, steered through /_admin/.
package slacktest
