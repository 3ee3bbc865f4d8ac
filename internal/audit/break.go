package audit

import "fmt"

// Kind says in which way a chain does not hold.
type Kind string

// The kinds.
const (
	Altered    Kind = "altered"    // the entry is not what the sum beside it says
	Unfit      Kind = "unfit"      // the entry does not fit its link: altered, swapped or put in
	Missing    Kind = "missing"    // the entry is not there, later ones are
	Cut        Kind = "cut"        // the entry and what followed are not there, though they were
	Foreign    Kind = "foreign"    // something stands where this entry belongs
	Unreadable Kind = "unreadable" // a line of the file cannot be read
	Relinked   Kind = "relinked"   // the link in Redis is missing or another than the file's
	Differs    Kind = "differs"    // Redis and the file hold different entries, each in a chain of its own
	Counter    Kind = "counter"    // the counter of entries is below what is there
	Unsigned   Kind = "unsigned"   // a checkpoint's signature, number or predecessor is wrong
	Rewritten  Kind = "rewritten"  // the chain or file is another than a checkpoint signed
	House      Kind = "house"      // the file is of another Redis
	Replaced   Kind = "replaced"   // the file was shortened or replaced while it was being written
	Keyless    Kind = "keyless"    // there are checkpoints, but no public key to check them with
	Unanchored Kind = "unanchored" // an anchor names a checkpoint that is not there, or is another
)

// Kinds are all there are: for those who must have a sentence for each.
var Kinds = []Kind{Altered, Unfit, Missing, Cut, Foreign, Unreadable, Relinked, Differs, Counter, Unsigned, Rewritten, House, Replaced, Keyless, Unanchored}

// Place says where it was found.
type Place string

// The places.
const (
	InRedis       Place = "redis"
	InFile        Place = "file"
	InCheckpoints Place = "checkpoints"
	InAnchors     Place = "anchors"
)

// Break is one place where the audit trail does not hold.
type Break struct {
	Place Place `json:"place"`
	Kind  Kind  `json:"kind"`
	// Shard is -1 where no shard can be named.
	Shard int `json:"shard"`
	// Number of the entry; of a checkpoint or anchor, its sequence number, where the shard is -1. 0: none can be named.
	Number int64 `json:"number"`
	// Line of the file, from 1; 0 elsewhere.
	Line int64 `json:"line,omitempty"`
}

// Error is for logs; people read sentences of the catalogue.
func (b Break) Error() string {
	s := fmt.Sprintf("audit trail does not hold: %s in %s", b.Kind, b.Place)
	if b.Shard >= 0 {
		s += fmt.Sprintf(", shard %d entry %d", b.Shard, b.Number)
	} else if b.Number > 0 {
		s += fmt.Sprintf(", number %d", b.Number)
	}
	if b.Line > 0 {
		s += fmt.Sprintf(", line %d", b.Line)
	}
	return s
}
