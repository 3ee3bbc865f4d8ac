package actions

import (
	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// Keys of shard N, all owned by this package.
//
//	rq:all       zset   id by creation (ms)                                                     for ever
//	rq:due       zset   id by expiry (ms): pending and approved requests
//	rq:ready     zset   id by approval (ms): approved, waiting for a worker
//	rq:runs      zset   id by end of the worker's lease (ms): running
//	rq:of:INC    zset   id by creation (ms): the requests of an incident                        as long as the incident
//	rq:ID        hash   the request                                                             for ever
//	rq:ID:h      list   its history lines, as an incident's                                     for ever
//	rq:ID:o      stream its output: o offset, t text; e the final state; at most about 64 KiB   for ever
//
// A request of an incident lies in the incident's shard, and its scripts write the incident's lines, version and dirty entry too.

type keys struct{ s *state.Store }

func (k keys) shard(n int, name string) string { return k.s.Key(n, "rq", name) }

func (k keys) request(id RequestID) string { return k.s.Key(id.Shard(), "rq", string(id)) }

func (k keys) lines(id RequestID) string { return k.s.Key(id.Shard(), "rq", string(id), "h") }

func (k keys) output(id RequestID) string { return k.s.Key(id.Shard(), "rq", string(id), "o") }

func (k keys) of(shard int, incident incidents.ID) string {
	return k.s.Key(shard, "rq", "of", string(incident))
}

// told are the keys that told.lua names, in its order. Without an incident the three of the incident are never touched.
func (k keys) told(id RequestID, incident incidents.ID) []string {
	n := id.Shard()
	at := k.s.Key(n, "i", string(incident))
	return []string{k.request(id), k.lines(id), at, at + ":h", incidents.Dirty(k.s, n), k.shard(n, "due"), k.shard(n, "ready")}
}
