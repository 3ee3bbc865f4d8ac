// Package audit makes the decisions that scripts entered into Redis provable: it links them into chains, exports them to
// a file, signs checkpoints, and verifies all of it.
//
// # Nouns
//
// An entry is one decision, as canonical JSON. The script that changes the state appends it in the same step, under the
// next number of its shard, without gaps (internal/state, function enter). It holds ids, never names of people's own data.
//
// A link is the SHA-256 that ties an entry to everything before it. There is one chain a shard:
//
//	h(0) = SHA-256("dogwatch audit chain 1\n" HOUSE "\n" SHARD)                       SHARD in decimal, HOUSE as state.House
//	h(n) = SHA-256(h(n-1) || n || at || entry)    32 bytes, 8 bytes and 8 bytes big-endian (at in ms), the entry's bytes
//
// The export is DIR/audit.jsonl: a heading {"audit":1,"house":…}, then a line for each linked entry,
// {"shard":3,"n":7,"at":MS,"entry":{…},"link":HEX}, of each shard in order, of several shards as they came. An entry
// that is not compact JSON stands as "bytes" in base64. Every line has exactly one way to be written.
//
// A checkpoint is a line of DIR/checkpoints.jsonl: the chains' heads that moved since the checkpoint before, the size of
// the export, the SHA-256 of what was added to it, the SHA-256 of the line before, and an Ed25519 signature over the text
// "dogwatch audit checkpoint 1\n" and the line without its signature. DIR/audit.key is made at the first start; audit.pub
// beside it is for those who verify.
//
// An anchor is one short line, "dogwatch-anchor KEY SEQ DIGEST", that names a checkpoint. It is logged (and handed to
// Config.Anchor) so that it comes to lie where who can rewrite this machine cannot rewrite it.
//
// # How an entry travels
//
//	entered in Redis  ->  linked in Redis  ->  exported and fsynced  ->  under a checkpoint  ->  under an anchor
//	 (the script)          (within a second)                            (a second later)        (100 entries, 5 minutes, shutdown)
//
// The writer looks at the shards' counters twice a second in one pipeline. That is less traffic than following the
// shards' logs, which wake for every change, and it holds no connection.
//
// # Keys (of every shard N; PREFIX is store.prefix)
//
//	PREFIX:{dw:N}:audit   stream  the entries; written by scripts, read here                                     for ever
//	PREFIX:{dw:N}:meta    hash    field audit: number of the last entry; read here                               for ever
//	PREFIX:{dw:N}:links   stream  id NUMBER-0: l, the link in hex; written by link.lua, which only moves forward  for ever
//
// # Guarantees
//
// Links follow from the entries alone, so several writers on one Redis agree; each exports to a folder of its own. A link
// that stands is compared, never replaced. Links that a failover lost are made again from the entries and must meet the
// export. A second writer on the same folder is refused.
//
// What is found: a byte changed in Redis or in the file, an entry missing, added or swapped, a tail cut off the file, the
// entries, the links or the counter, a file or a Redis that was rewritten as a whole (by the checkpoints; where the key
// was stolen too, by the anchors). What is not: a change within the second before an entry is linked, if its sum in Redis
// is changed with it; checkpoints cut together with the export and never anchored, where Redis is gone too.
//
// # Failures
//
// Redis away: it is tried again, nothing is lost. Disk full or failing: nothing is linked or exported until it is mended;
// entries wait in Redis, torn lines are taken back. A chain that does not hold: a Break is logged and handed to
// Config.Alarm once, its shard stands still and is looked at again every minute, the other shards go on. A torn last line
// after a crash: it was never under a checkpoint; it is taken off and the entry written again. Another Redis than the
// file's: the old files are set aside under that Redis' name, with a Break. A verdict is Verify's alone; the writer only
// looks at what it passes.
package audit
