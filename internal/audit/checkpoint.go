package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// checkpoint is one signed line over the heads of all chains and over the export.
type checkpoint struct {
	Seq   int64     `json:"seq"` // from 1, without gaps
	At    time.Time `json:"at"`  // of this machine
	House string    `json:"house"`
	// Size of the export, and Segment the SHA-256 of its bytes from the size of the checkpoint before to this size.
	Size    int64 `json:"size"`
	Segment link  `json:"segment"`
	// Heads that moved since the checkpoint before, by shard; those of other shards stand where they were.
	Heads []head `json:"heads"`
	// Prev is the SHA-256 of the line before, without its line break; zero for the first.
	Prev link   `json:"prev"`
	Sig  []byte `json:"sig,omitempty"`
}

type head struct {
	Shard int   `json:"shard"`
	N     int64 `json:"n"`
	Link  link  `json:"link"`
}

// text is the line without its line break.
func (c checkpoint) text() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic("audit: a checkpoint cannot be written: " + err.Error()) // its fields can all be
	}
	return b
}

func (c checkpoint) signed() []byte {
	c.Sig = nil
	return append([]byte("dogwatch audit checkpoint 1\n"), c.text()...)
}

func (c checkpoint) sign(key ed25519.PrivateKey) checkpoint {
	c.Sig = ed25519.Sign(key, c.signed())
	return c
}

func (c checkpoint) signedBy(key ed25519.PublicKey) bool {
	return ed25519.Verify(key, c.signed(), c.Sig)
}

func (c checkpoint) digest() link { return sha256.Sum256(c.text()) }

// parseCheckpoint reads a line without its line break, and refuses every other way to write the same.
func parseCheckpoint(text []byte) (checkpoint, error) {
	var c checkpoint
	if err := strict(text, &c); err != nil {
		return checkpoint{}, err
	}
	if !bytes.Equal(c.text(), text) {
		return checkpoint{}, errForm
	}
	return c, nil
}

// readCheckpoints reads whole lines. It stops at the first that is not the signed successor of the one before, and says
// which number that would have had; 0 if all are good. A torn last line is left out, and whole is the size without it; but a
// line that is all there, with another byte in place of its line break, was not torn.
func readCheckpoints(text []byte, key ed25519.PublicKey) (good []checkpoint, bad int64, whole int64) {
	whole = int64(bytes.LastIndexByte(text, '\n') + 1)
	torn := text[whole:]
	text = text[:whole]
	var prev link
	for seq := int64(1); len(text) > 0; seq++ {
		one, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		c, err := parseCheckpoint(one)
		if err != nil || c.Seq != seq || c.Prev != prev || !c.signedBy(key) {
			return good, seq, whole
		}
		good, prev = append(good, c), c.digest()
	}
	if len(torn) > 0 {
		if _, err := parseCheckpoint(torn[:len(torn)-1]); err == nil {
			return good, int64(len(good)) + 1, whole
		}
	}
	return good, 0, whole
}

// anchor is the short line that names a checkpoint elsewhere.
type anchor struct {
	key    string
	seq    int64
	digest link
}

func (a anchor) String() string {
	return fmt.Sprintf("dogwatch-anchor %s %d %s", a.key, a.seq, a.digest)
}

var anchorForm = regexp.MustCompile(`dogwatch-anchor ([0-9a-f]{16}) ([0-9]{1,18}) ([0-9a-f]{64})`)

// findAnchors finds every anchor in a text: a log, a chat's export, a file of copied lines.
func findAnchors(text []byte) []anchor {
	var out []anchor
	for _, m := range anchorForm.FindAllSubmatch(text, -1) {
		a := anchor{key: string(m[1])}
		n, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err == nil && a.digest.UnmarshalText(m[3]) == nil {
			a.seq = n
			out = append(out, a)
		}
	}
	return out
}
