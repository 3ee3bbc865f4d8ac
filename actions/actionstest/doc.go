// Package actionstest is what every runner must pass.
//
// Runner(t, open) carries out real orders and looks at the machine afterwards. The commands are the test binary itself:
// Main, called in TestMain, plays a behaviour when the arguments ask for one, so nothing depends on which programs a machine
// has. A process of a run holds a shared lock on a witness file while it lives; that no process is left means that the
// file can be locked exclusively, which no runner can pretend.
package actionstest
