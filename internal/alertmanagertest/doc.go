// Package alertmanagertest builds and runs real Alertmanagers for tests: one, or a cluster of peers, on the loopback
// interface, each with one webhook receiver.
//
// The version stands in test/alertmanager/go.mod. Build makes the program once per version and keeps it in the
// user's cache directory; test binaries that need it at the same time wait for the one that builds. Start begins
// each program on ports that the system chooses, waits until it is ready (and, for several, until their cluster has
// settled), and stops it at the end of the test. Nothing here sleeps: waiting is polling of what the program itself
// says, with a limit.
//
// A test that uses Start and is the first on a machine takes a minute or two longer and needs the module proxy.
package alertmanagertest
