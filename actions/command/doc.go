// Package command is the runner for commands on this machine: an argument list, never a shell.
//
// # Processes
//
//	dogwatch ──control──▶ supervisor ──fork, exec──▶ the command ──▶ whatever it starts
//	         ◀─reports──             ◀─orphans, by PR_SET_CHILD_SUBREAPER
//	         ◀────────────output pipe (stdout and stderr in one)───
//
// For each run dogwatch executes its own binary again (/proc/self/exe, so an upgrade in between changes nothing) as a small
// supervisor. Main, called first thing in main and in TestMain, is where such a process goes. The order travels through a pipe as JSON,
// never through arguments, which everybody on the machine can read.
//
// The supervisor is a child subreaper: a process that double-forks, calls setsid and daemonises loses its parent and
// becomes the supervisor's child. So the supervisor's descendants, found by walking /proc, are the whole tree. It kills them
// until wait(2) says that it has no child left, and only then reports the end. This needs no privilege, no cgroup
// and no namespace.
//
// # Guarantees
//
//   - argv only. A NUL, an empty argv or an unknown program is refused before started is called. argv[0] without a slash is
//     looked up on the runner's own PATH; with one it is taken relative to Dir.
//   - At the deadline, or when the context ends, the whole tree gets SIGTERM and, after the grace (5 s), SIGKILL. When the
//     command itself has ended, whatever it left behind is killed at once and counted in Outcome.Survivors.
//   - The command dies with dogwatch (K13, "killed with the runner"): the control pipe ends when dogwatch does, however
//     it ended, and the supervisor then kills the tree. We do not use PR_SET_PDEATHSIG for that, because it would end the
//     supervisor and set the grandchildren free. The command itself has it towards the supervisor.
//   - If the supervisor itself is killed, dogwatch finds what is left by the run id in its environment, kills it and
//     reports an unknown outcome.
//   - The environment is PATH, LANG, HOME, TMPDIR, DOGWATCH_RUN_ID, DOGWATCH_ACTION, the names that the configuration lets through
//     and the order's own. stdin is /dev/null, there is no terminal (setsid), the working directory is a
//     private empty one, removed afterwards, unless Dir says otherwise. No core files, 1024 open files, files up to
//     1 GiB, no new privileges (sudo and setuid programs do not work) unless the configuration allows them.
//   - Output is always read, so a command that floods is slowed by nobody for long and never blocks for ever.
//
// # Failures
//
// ErrNotStarted: nothing ran. Another error: nobody knows how it ended; a process that could not be killed (uninterruptible, or of
// another user through setuid) is named by number. A failed command is an Outcome, not an error.
//
// # What it does not do
//
// It is no sandbox. A command of the same user can signal dogwatch, read its files and call services; use the
// configuration's user, and the machine's own means, against that.
package command
