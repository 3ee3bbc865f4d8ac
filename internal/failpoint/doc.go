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
package failpoint
