package incidents

import "dogwatch/internal/state"

// Keys of shard N, all owned by this package unless said. An incident's four keys live as long as it is kept.
//
//	groups           hash  group hash -> id of the group's latest incident
//	open             zset  id by opening time (ms): triggered and acknowledged incidents
//	created          zset  id by opening time (ms): all
//	numbers          hash  number -> id
//	prints           hash  SOURCE/FINGERPRINT -> id of the incident that took the alert last
//	timers           zset  due (ms): "l:ID" next rung of the ladder (escalation owns what happens), "s:ID" look for stale alerts
//	dirty            zset  due (ms): incidents whose cards must be drawn (bot takes them)
//	dead             stream dead letters: at, source, reason, body
//	i:ID             hash  the incident
//	i:ID:a           hash  fingerprint -> state: F|R starts , ends , received , last (ms)
//	i:ID:t           hash  fingerprint -> labels, annotations and URL, packed (pack.go); the first 500 alerts
//	i:ID:h           list  history lines: at, kind, person, via, data, by \x1f
//
// and in shard 0:
//
//	next             string the last incident number given out, in blocks
type keys struct{ s *state.Store }

func (k keys) shard(n int, name string) string { return k.s.Key(n, name) }

// Timers is the key of a shard's timers.
func Timers(s *state.Store, shard int) string { return s.Key(shard, "timers") }

// Dirty is the key of a shard's incidents to be drawn.
func Dirty(s *state.Store, shard int) string { return s.Key(shard, "dirty") }

// Key is the key of an incident's hash.
func Key(s *state.Store, id ID) string { return s.Key(id.Shard(), "i", string(id)) }

// HistoryKey is the key of an incident's history.
func HistoryKey(s *state.Store, id ID) string { return s.Key(id.Shard(), "i", string(id), "h") }

// incident returns the four keys of an incident.
func (k keys) incident(id ID) [4]string {
	n := id.Shard()
	base := k.s.Key(n, "i", string(id))
	return [4]string{base, base + ":a", base + ":t", base + ":h"}
}
