package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// link ties an entry to all before it.
type link [sha256.Size]byte

func (l link) String() string { return hex.EncodeToString(l[:]) }

// MarshalText is lower-case hex.
func (l link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads exactly what MarshalText writes, except that it also takes upper case.
func (l *link) UnmarshalText(b []byte) error {
	if len(b) != 2*len(l) {
		return fmt.Errorf("a link is %d hex digits, not %d bytes", 2*len(l), len(b))
	}
	_, err := hex.Decode(l[:], b)
	return err
}

// genesis is h(0): it ties a chain to its Redis and shard, so that chains cannot be exchanged.
func genesis(house string, shard int) link {
	return sha256.Sum256([]byte("dogwatch audit chain 1\n" + house + "\n" + strconv.Itoa(shard)))
}

// next is h(n) where l is h(n-1).
func (l link) next(e entry) link {
	b := make([]byte, 0, len(l)+16+len(e.body))
	b = append(b, l[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.n))
	b = binary.BigEndian.AppendUint64(b, uint64(e.at))
	return sha256.Sum256(append(b, e.body...))
}

// entry is one decision as Redis or the export holds it.
type entry struct {
	n, at int64
	body  []byte
	// sum is the SHA-256 in hex that came with it; "" if a script made the entry itself.
	sum string
	// foreign marks what no script of ours wrote: other fields, another form of id.
	foreign bool
}

// whole says that the entry is what its sum says.
func (e entry) whole() bool {
	if e.sum == "" {
		return true
	}
	s := sha256.Sum256(e.body)
	return hex.EncodeToString(s[:]) == e.sum
}

// position is a place in a chain: the number of an entry and its link. Number 0 is the genesis.
type position struct {
	n    int64
	link link
}

// misfit says why an entry cannot follow a position; "" if it can.
func (p position) misfit(e entry) Kind {
	switch {
	case e.n > p.n+1:
		return Missing
	case e.n != p.n+1 || e.foreign:
		return Foreign
	case !e.whole():
		return Altered
	}
	return ""
}

func origins(house string, shards int) []position {
	out := make([]position, shards)
	for i := range out {
		out[i].link = genesis(house, i)
	}
	return out
}
