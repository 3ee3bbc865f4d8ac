// Package web is the console: the platform on which dogwatch is read and answered in a browser.
//
// # Nouns
//
// A feed ("web:ops") is made by naming it in a route; an inbox ("web:@alice") is one person's own. Both hold messages, newest
// first: cards as every platform gets them, changed in place. A page is one screen, rendered here and now for one person, in
// their language and their zone. Its region is the part that changes; a live page is a stream of server-sent events, each of
// which is the whole region as it is now. A visit is one request of a person who is signed in.
//
// A session begins with an API token (server.tokens) and is at most 12 hours long, or an hour unused. A page left open does not
// keep it alive. In a demo, and only there, one click makes a session of one of the demo's people.
//
// # States
//
//	nobody ─ token ─▶ signed in ─ sign out, idle, too old, token or role gone ─▶ nobody
//
// # What a press is
//
// Every button is a form that works without a script. It carries the card's signed value and a one-time id that is new in
// every form shown; the id names the press, so that a form sent twice has one effect. Press and Say of the Inbox do everything;
// nothing is decided here. Buttons a person has no right to are not shown, and would be refused all the same.
//
// # Guarantees
//
//   - No GET changes anything. POSTs from another origin are refused (Sec-Fetch-Site, Origin), cookies are SameSite=Lax.
//   - The session's id is 256 random bits in an HttpOnly cookie (Secure and __Host- under https); Redis holds its hash.
//   - Texts from alerts are escaped by html/template and never markup, addresses or styles; what could change their reading
//     order is made visible. Links from alerts are shown only if http or https. The Content-Security-Policy allows nothing
//     inline and nothing from elsewhere.
//   - A message's key is its identity: sending it again changes nothing else. A feed keeps the 500 newest.
//   - A live page shows what stands, not what was said: a lost event loses nothing.
//
// # Keys
//
// keys.go. Who is paged where, and what the buttons mean, is package bot's.
//
// # Failures
//
// Redis away: pages answer 503 and say that nothing is lost; forms can be sent again and count once. No script in the browser:
// pages do not change by themselves, everything else works. A browser that goes away ends its stream; a server that shuts down
// ends all of them (Drain).
//
// # What it does not do
//
// No OIDC, no settings, no editing of schedules. It keeps nothing of what people type.
package web
