// Package state is the door to Redis. It connects (one Redis, Sentinel, Cluster), lays keys into shards, runs
// scripts so that a repeat returns the first result, reads the server's clock, and says whether what is written survives.
//
// # Nouns
//
// A shard is a slice of the state that lies in one Redis Cluster slot: all its keys carry the hash tag {dw:N}. The number
// of shards is fixed when a Redis is first used (default 16). Whatever one script touches lies in one shard.
//
// A script is a .lua file beside its only caller. Line 1 is "#!lua" (with flags); KEYS, ARGV and returns follow as comments.
// The prelude is put between line 1 and the rest, so every script has the same clock, log, audit and memo functions.
//
// A call is one execution of a script: shard, request id, keys, arguments. The standard keys come first (prelude.lua).
//
// # Keys (of every shard N; PREFIX is store.prefix)
//
//	PREFIX:{dw:N}:meta       hash    hi: highest time seen (ms); seq: commits; audit: last audit number   for ever
//	PREFIX:{dw:N}:testclock  string  while it stands, scripts take a time as argument; serve refuses to start
//	PREFIX:{dw:N}:log        stream  what changed: k kind, s subject; wakes followers; about 4096 entries are kept
//	PREFIX:{dw:N}:audit      stream  one entry a decision, id NUMBER-0 without gaps: at, e (canonical JSON), h (its SHA-256)
//	PREFIX:{dw:N}:req:ID     string  the first result of request ID, a day
//	PREFIX:{dw:0}:house      hash    schema, shards, id: fixed when this Redis is first used
//
// # Guarantees
//
// A call with a request id has its effect once, whatever is resent. A shard's time never runs backwards, also after a
// failover to a server whose clock is behind. With Wait > 0 a call returns without error only when that many replicas have it.
// The client never retries by itself: a lost answer is an error here, and the caller repeats with the same request id.
//
// # Failures
//
// Unavailable(err) tells an error that may pass (connection, loading, failover, full memory or disk) from a fault of ours.
// ErrNotReplicated: it is on the master but not on enough replicas, so it must not be reported as kept.
package state
