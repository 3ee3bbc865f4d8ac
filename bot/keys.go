package bot

import (
	"crypto/sha256"
	"encoding/hex"

	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// Keys of shard N that this package owns; dirty is made by package incidents and shared with it.
//
//	dirty      zset   due (ms) by incident id: cards to be drawn; a claimed one is due again when its lease ends
//	leases     hash   id -> "EPOCH,UNTIL" of who draws it now; "" -> the last epoch of the shard, which never falls
//	i:ID:c     hash   where the incident's cards stand, as long as the incident is kept (standing.go):
//	                  ADDRESS, ADDRESS#PAGE -> JSON; "k:TASK" -> a fresh one-time code that a press brought;
//	                  "o:REQUEST@ADDRESS" -> JSON: the reply in that card's thread that shows the run's output
//	b:HASH     list or hash   what was sent to an address lately (budget.lua); gone when it cannot matter any more
type keys struct{ s *state.Store }

func (k keys) leases(shard int) string { return k.s.Key(shard, "leases") }

// cards is where an incident's cards stand.
func (k keys) cards(id incidents.ID) string { return k.s.Key(id.Shard(), "i", string(id), "c") }

// budget is the bucket of an address: external text, so it is hashed.
func (k keys) budget(a Address) (key string, shard int) {
	shard = k.s.ShardOf("budget/" + a.String())
	return k.s.Key(shard, "b", shortHash(a.String())), shard
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}
