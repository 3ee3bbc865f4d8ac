// Package actions is what may be done, with whose consent: actions, requests, approvals, runs.
//
// # Nouns
//
// A Definition is an action as the configuration describes it; a Catalog is all of them, compiled. Nothing else makes an action, and
// none that is not in the catalog can be asked for.
//
// A Request is one wish to carry out an action. It holds everything that will run, rendered when it was made: argv, names of the
// environment, folder, time, target; and its Digest, a SHA-256 over all of that, the requester, the incident and the expiry. An
// approval is for exactly that digest.
//
// A run is the one execution of an approved request. Its id is made from the request's, so a request can never have two. A Worker
// claims it, a Runner carries it out, the Ledger holds on this machine's disk that it began.
//
// A Verdict answers "may this person?" from people, approvers and the hour alone (verdict.go).
//
// # States
//
//	           ┌─ approve ─▶ approved ── claim ─▶ running ─▶ succeeded | failed | cancelled | unknown
//	pending ───┤                │
//	           └────────────────┴─▶ rejected | expired | cancelled
//
// What is to the right of running, and rejected, expired and cancelled, is final and never changes; Retry makes a new request that needs its
// own approval. "approval: none" begins at approved. unknown means: the effect may have happened, and a person must look.
//
//	failed     exit code, signal, deadline, or nothing was run (why_not_started), which is then certain
//	cancelled  by the requester, an approver or an admin; with its incident (why_resolved); or void: the definition changed,
//	           an approver or the requester lost the right, what is stored is not what was approved
//
// # Keys
//
// keys.go. A request of an incident lies in its incident's shard; the scripts write the incident's history too.
//
// # Guarantees
//
//   - No run without a valid, unexpired approval of exactly these bytes by enough different people who have the role approver and are named
//     by the action, none of them the requester unless the action says so. Rights are judged at the click and again at the
//     start; "schedule:" means who was on call when they clicked.
//   - With a seal key (Setup.Seal) each approval carries a MAC over request, digest and person: write access to Redis approves nothing.
//   - Expiry is judged by the server's clock inside the script, to the millisecond. So are "the first decision wins" and "the incident is
//     resolved". A decision that came too late is in the audit stream as well.
//   - At most one run a request: one script gives it to one worker; the worker's ledger line is on disk before the effect, and a
//     run id that has a line never starts again, whatever Redis has forgotten. No ledger line, no run: a full disk runs nothing.
//   - A state change, its history line, its audit entry and "draw the cards anew" are one script. Every script is idempotent, by request
//     id or by content.
//   - Values from people and alerts are arguments, one each. They never choose the program, change the number of arguments,
//     or are read as a template.
//   - Output is bounded (64 KiB kept), clean text, without the secrets we know, and is readable while the command runs.
//
// # Failures
//
//	killed before claim      nothing has happened; any worker takes it
//	killed after claim       no ledger line: failed, why_not_started; asked for again with Retry, a new click (K11)
//	killed after ledger line unknown, why_interrupted; never started again (K12, K13: the command dies with dogwatch)
//	killed after the end     the ledger has the outcome; it is committed at the next start (K14)
//	silent for its lease     others say unknown, why_lost; a worker that comes back stops its run and leaves a line (K18)
//	Redis away               a run goes on; its end is in the ledger and committed when Redis is back
//	configuration reloaded   requests of a changed definition are void
//
// # Failpoints
//
// request_decided (approval committed, not answered), run_claimed, run_in_ledger, run_ended (before the commit), run_committed;
// in the command runner run_before_fork and run_after_fork.
//
// # What it does not do
//
// No workflows of several steps, no rules from events, no limits a target; runs are not paused. A worker is not told by others:
// it looks twice a second and is woken by decisions of its own process.
package actions
