package web

import (
	"crypto/sha256"
	"encoding/hex"

	"dogwatch/internal/state"
)

// Keys that this package owns.
//
//	{dw:N}:web:s:HASH   hash   a session: person, write, at and seen (ms); HASH is of the cookie's id. Gone when it is not used
//	{dw:N}:web:m:HASH   hash   messages of a feed or inbox: id -> when changed (ms), JSON; HASH is of its name
//	{dw:N}:web:z:HASH   zset   their ids by when they came (ms)
//	{dw:0}:web:feeds    zset   names of feeds by their latest message (ms)
type keys struct{ s *state.Store }

func (k keys) session(hash string) (key string, shard int) {
	shard = k.s.ShardOf("web/session/" + hash)
	return k.s.Key(shard, "web", "s", hash), shard
}

func (k keys) feed(to string) (messages, order string, shard int) {
	shard = k.s.ShardOf("web/feed/" + to)
	h := digest(to)[:24]
	return k.s.Key(shard, "web", "m", h), k.s.Key(shard, "web", "z", h), shard
}

func (k keys) feeds() string { return k.s.Key(0, "web", "feeds") }

// digest keeps what comes from outside, and what is secret, out of the names of keys.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
