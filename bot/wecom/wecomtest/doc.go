// Package wecomtest plays WeCom's server: the calls dogwatch makes, and the callbacks WeCom makes to dogwatch.
//
// It shares no line with the adapter it tests, nor with any other package of dogwatch, and works from the vendor's documents:
// field limits and error codes of template cards (schema.go), access tokens that die, one-time response codes that live 72
// hours on the test's clock, message limits per member that drop without a word, robot limits that refuse, the duplicate
// check over the whole request body, and callbacks that are encrypted, signed and repeated.
//
// # What it keeps
//
// Every call is in the Journal with the answer it got. Messages are what arrived; a Card is what one person sees of a message
// after all updates. A card is pressed as it is drawn: a button that is not there, or is grey, cannot be pressed unless the
// test asks for a stale press.
//
// # What it can be told
//
// Faults (Plan): an errcode, an HTTP status, no answer, an answer cut off after the effect, a page that is not WeCom's, a
// dead token. Attacks: wrong signature, foreign company, old time, replay. The clock: Advance.
//
// # Limits
//
// Where WeCom's documents give a length in 字 and call it a recommendation, the fake refuses what is longer: a client that
// passes here passes there. An undocumented point is decided the strict way: a task id is taken once.
package wecomtest
