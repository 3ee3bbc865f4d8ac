// Package bottest is what every platform must pass, and a platform that only remembers.
//
// Platform is the conformance suite: an adapter's tests call it with the adapter connected to a faithful fake of its vendor.
// It holds what package bot relies on: a Ref that Edit takes, Gone for what cannot be changed, a Find that never says "not
// there" of what is there, a verdict for every refusal, any card delivered however long or hostile its texts are.
//
// Recorder is a platform in memory for the tests of package bot itself: it keeps what stands where, counts calls, and fails in
// the ways vendors fail, also after the effect.
package bottest
