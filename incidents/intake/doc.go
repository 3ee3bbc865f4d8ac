// Package intake is the doors through which alerts come in over HTTP: authenticate, bound, decode, hand over,
// answer.
//
// # Nouns
//
//   - A Source is one configured sender: a name, a kind, the hashes of its tokens, and the Decoder of its format.
//     A folder below this package is one format each.
//   - Doors serve POST /alerts/{source} for all sources, and own what the requests share: the buffers, the bounds
//     on what is under way, the counters.
//   - Take keeps a batch, Bury keeps a body that could not be read (a dead letter), Note tells that a source is
//     being turned away. All three are the incidents service, handed in as functions.
//
// # A request
//
// In this order, and each step costs less than the next:
//
//  1. method and path: 405, 404
//  2. the token, from Authorization: Bearer, the password of Basic, or ?token=: 401. Only its SHA-256 is
//     compared, in constant time, with each of the source's (two while one is being replaced). A source that
//     does not exist is answered like a wrong token. Nothing of the request is read, kept or logged.
//  3. room: a bounded number of requests that wait to be kept, and of body bytes under way, over which 503. Overload
//     is never 429: Alertmanager does not retry that. Who is still sending takes up bytes but no place in the queue.
//  4. the body, plain or gzip, within its size, its ratio of inflation and its time: 413, 408, 400, 415
//  5. Decode: 400, with what is wrong, where, and the id of the dead letter under which the body is kept
//  6. Take: 503 with Retry-After when it fails, since the sender then tries again
//  7. 200 {"accepted":N}, only now
//
// If some alerts of a body cannot be taken, the body is buried first, then the others are taken, and the answer is
// 200 with "rejected" and "dead_letter" beside "accepted". If none can, it is 400.
//
// # Guarantees
//
// A 2xx is written only after Take returned without error. A 400 of a body that could be read is written only
// after Bury returned without error; if the body cannot be buried now, the answer is 503. Both may see one body
// more than once, when a sender repeats it: they have to be idempotent.
//
// Memory is bounded by Config: at most MaxBytes of bodies are held at a time, whoever sends them, with their decoded
// form counted as three times their text; and a slow sender holds only as much as it has sent.
//
// # Failures
//
// A decoder that panics costs its request only: the body is buried and the answer is 400. A panic in Take, Bury or
// Note is answered by the server's closing of that connection; what the request held is given back.
//
// # What it does not do
//
// It does not limit headers or the time for them: the server's MaxHeaderBytes (16 KiB) and ReadHeaderTimeout do.
//
// It does not route, group, deduplicate or store, does not limit the rate of a source (a queue that is full says
// so, in 503), and does not log requests. A token in ?token= stays in the request's URL: whoever wraps the
// handler in an access log has to leave the query out of it.
package intake
