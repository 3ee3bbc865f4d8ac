// Package failpoint lets the kill tests end the process at an exact line.
//
// Hit("name") marks a place. In an ordinary build it is an empty function that the compiler removes. In a build with
// the tag failpoint, the environment variable DOGWATCH_FAILPOINT arms places by name:
//
//	DOGWATCH_FAILPOINT="after_commit_before_2xx=kill"        SIGKILL to the own process at the first hit
//	DOGWATCH_FAILPOINT="run_started=kill@3,timer_popped=stop" at the third hit; SIGSTOP
//
// SIGKILL to oneself runs no deferred function, flushes nothing and closes nothing politely, which is what a crash does.
// An instruction that cannot be read ends the process with exit code 2 before main, so that a test with a spelling
// mistake cannot pass.
//
// # Places
//
//	alerts_before_commit     incidents   alerts are decoded and routed, nothing is in Redis
//	alerts_committed         incidents   their pipeline is answered, the sender is not
//	alerts_between_rounds    incidents   some groups of a body are kept, others must be offered again
//	timer_due                escalation  due timers are read, their effect is not made
//	timer_fired              escalation  steps, pages and next timers stand
//	page_claimed             bot         a page's lease is ours, it waits for its address
//	page_before_send         bot         before the platform is called for a page
//	page_sent_before_record  bot         the platform has answered, the page is not settled
//	page_stands              bot         where the page's card stands is kept, the page is not settled
//	cards_claimed            bot         an incident's cards are ours, nothing is drawn
//	card_before_send         bot         a card is marked as being sent
//	card_sent_before_record  bot         cards were drawn, where they stand is not kept
//	press_verified           bot         a button is genuine and its person may, nothing is done
//	request_decided          actions     an approval or rejection is committed, nobody was answered
//	run_claimed              actions     a run is this worker's, the ledger has no line
//	run_in_ledger            actions     the ledger has its line, nothing was started
//	run_before_fork          command     the supervisor waits for the word to begin
//	run_after_fork           command     the command was started
//	run_ended                actions     the end is in the ledger, not in Redis
//	run_committed            actions     the end is in Redis, no card was drawn
//
// test/kill kills the built binary at each of them.
package failpoint
