package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dogwatch/internal/state"
)

// Check says what Verify looks at.
type Check struct {
	// Store is the Redis whose chains are walked; nil: the file alone.
	Store *state.Store
	// File is an export. With a Store it may be absent, then Redis alone is walked.
	File string
	// Signed is the folder with the checkpoints and the public key; "" is the file's.
	Signed string
	// Anchors is a text (a log, a chat's export, copied lines) whose anchors must all be kept; nil: none are asked for.
	Anchors []byte
}

// Report is what Verify found.
type Report struct {
	OK bool `json:"ok"`
	// Entries in Redis, how many of them are Linked and how many not yet. All 0 without a Store.
	Entries  int64 `json:"entries"`
	Linked   int64 `json:"linked"`
	Unlinked int64 `json:"unlinked"`
	// Exported is how many entries the file holds, Unexported how many linked ones it does not hold yet. File is "" if
	// there is none.
	File       string `json:"file"`
	Exported   int64  `json:"exported"`
	Unexported int64  `json:"unexported"`
	// Checkpoints that are good, the time of the last (nil: none), and how many exported entries they cover.
	Checkpoints    int64      `json:"checkpoints"`
	LastCheckpoint *time.Time `json:"last_checkpoint"`
	Covered        int64      `json:"covered"`
	// Anchors that were found and kept, and the fingerprint of the public key ("" without checkpoints).
	Anchors int    `json:"anchors"`
	Key     string `json:"key"`
	// Broken are the breaks, at most one or two a shard and place: behind the first nothing of a chain can be trusted.
	Broken []Break `json:"broken"`
}

// First is the break to be told first: the first that names an entry, else the first. It is nil if all holds.
func (r Report) First() *Break {
	for i, b := range r.Broken {
		if b.Shard >= 0 {
			return &r.Broken[i]
		}
	}
	if len(r.Broken) > 0 {
		return &r.Broken[0]
	}
	return nil
}

// maxShards is state's bound; a file alone does not say how many there were.
const maxShards = 256

// verifier carries what was read earlier to what is compared with it. It reads against the direction in which entries
// travel (checkpoints, file, Redis), so that a writer at work next to it is never taken for a break. It keeps 32 bytes for
// every entry of the file.
type verifier struct {
	Check
	report Report
	house  string
	signed []checkpoint
	// promised are the heads that checkpoints signed, by shard in order.
	promised map[int][]position
	// links of the file, by shard: that of entry n at n-1; and the shards whose chain in the file does not hold.
	links   map[int][]link
	damaged map[int]bool
}

// Verify walks the chains. The error says that it could not look; a chain that does not hold is in the report.
func Verify(ctx context.Context, c Check) (Report, error) {
	if c.Signed == "" {
		c.Signed = filepath.Dir(c.File)
	}
	v := &verifier{Check: c, promised: map[int][]position{}, links: map[int][]link{}, damaged: map[int]bool{}}
	v.report.Broken = []Break{}
	if c.Store != nil {
		v.house = c.Store.House()
	}
	steps := []func(context.Context) error{v.readSigned, v.readFile, v.checkAnchors}
	if c.Store != nil {
		steps = append(steps, v.walk)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return Report{}, fmt.Errorf("verify audit trail: %w", err)
		}
	}
	v.report.OK = len(v.report.Broken) == 0
	return v.report, nil
}

func (v *verifier) broken(b Break) { v.report.Broken = append(v.report.Broken, b) }

// readSigned reads the checkpoints up to the first that is not good.
func (v *verifier) readSigned(context.Context) error {
	text, err := os.ReadFile(filepath.Join(v.Signed, checkpointName))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := readPublic(filepath.Join(v.Signed, publicName))
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err != nil {
		v.broken(Break{Place: InCheckpoints, Kind: Keyless, Shard: -1})
		return nil
	}
	good, bad, _ := readCheckpoints(text, key)
	if bad != 0 {
		v.broken(Break{Place: InCheckpoints, Kind: Unsigned, Shard: -1, Number: bad})
	}
	v.report.Key, v.report.Checkpoints = fingerprint(key), int64(len(good))
	for _, c := range good {
		if v.house == "" {
			v.house = c.House
		}
		if c.House != v.house {
			v.broken(Break{Place: InCheckpoints, Kind: House, Shard: -1, Number: c.Seq})
			return nil
		}
		for _, h := range c.Heads {
			v.promised[h.Shard] = append(v.promised[h.Shard], position{h.N, h.Link})
		}
		v.signed = append(v.signed, c)
	}
	if len(good) > 0 {
		v.report.LastCheckpoint = &good[len(good)-1].At
	}
	for _, heads := range v.promised {
		v.report.Covered += heads[len(heads)-1].n
	}
	return nil
}

// checkAnchors holds the checkpoints against what was noted of them elsewhere.
func (v *verifier) checkAnchors(context.Context) error {
	if v.Anchors == nil {
		return nil
	}
	found := findAnchors(v.Anchors)
	if len(found) == 0 {
		return errors.New("there is no anchor in the text that was given")
	}
	for _, a := range found {
		// Anchors of other replicas speak of their own files; that none is of ours means that the key was exchanged.
		if a.key != v.report.Key {
			continue
		}
		if a.seq < 1 || a.seq > int64(len(v.signed)) || v.signed[a.seq-1].digest() != a.digest {
			v.broken(Break{Place: InAnchors, Kind: Unanchored, Shard: -1, Number: a.seq})
			return nil
		}
		v.report.Anchors++
	}
	if v.report.Anchors == 0 {
		v.broken(Break{Place: InAnchors, Kind: Unanchored, Shard: -1})
	}
	return nil
}

// lastPromise is the newest head that a checkpoint signed for a shard.
func (v *verifier) lastPromise(shard int) position {
	if p := v.promised[shard]; len(p) > 0 {
		return p[len(p)-1]
	}
	return position{}
}

// Signed says whether there are checkpoints in a folder.
func Signed(dir string) bool { return exists(filepath.Join(dir, checkpointName)) }
