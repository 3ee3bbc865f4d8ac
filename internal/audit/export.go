package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// The files of a folder.
const (
	// FileName is the export's name in its folder.
	FileName       = "audit.jsonl"
	checkpointName = "checkpoints.jsonl"
	keyName        = "audit.key"
	publicName     = "audit.pub"
)

// export is the file of linked entries and that of checkpoints, as one process holds them.
type export struct {
	dir, house string
	key        ed25519.PrivateKey
	entries    *logFile
	signed     *logFile
	// heads is how far each chain is in the file.
	heads []position
	// last is the newest checkpoint; its Seq is 0 if there is none. covered is how far its chains are.
	last    checkpoint
	covered []int64
	// segment sums what was written since last.
	segment hash.Hash
}

// openExport opens a folder's files and finds out from them how far they are. Breaks are what was found wrong on the way;
// nothing is taken from the files for it, except a torn last line.
func openExport(dir, house string, shards int) (*export, []Break, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("open audit folder: %w", err)
	}
	key, err := openKey(dir)
	if err != nil {
		return nil, nil, err
	}
	e := &export{dir: dir, house: house, key: key}
	aside, err := e.open()
	if err != nil {
		e.close()
		return nil, nil, err
	}
	breaks, err := e.resume(shards)
	if err != nil {
		e.close()
		return nil, nil, err
	}
	return e, append(aside, breaks...), syncDir(dir)
}

// open takes both files; those of another Redis it sets aside.
func (e *export) open() ([]Break, error) {
	var err error
	if e.entries, err = openLog(filepath.Join(e.dir, FileName)); err != nil {
		return nil, err
	}
	other, err := e.otherHouse()
	if err != nil {
		return nil, err
	}
	var breaks []Break
	if other != "" {
		breaks = []Break{{Place: InFile, Kind: House, Shard: -1}}
		if err := e.setAside(other); err != nil {
			return nil, fmt.Errorf("set aside the audit files of Redis %s: %w", other, err)
		}
		e.entries.f.Close()
		if e.entries, err = openLog(filepath.Join(e.dir, FileName)); err != nil {
			return nil, err
		}
	}
	e.signed, err = openLog(filepath.Join(e.dir, checkpointName))
	return breaks, err
}

var houseForm = regexp.MustCompile(`^[0-9a-f]{1,64}$`)

// otherHouse is the house of the file's heading if it is another than ours; "" if it is ours or cannot be read.
func (e *export) otherHouse() (string, error) {
	text := make([]byte, 256)
	n, err := e.entries.f.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	first, _, whole := bytes.Cut(text[:n], []byte("\n"))
	h, err := houseOf(append(first, '\n'))
	if !whole || err != nil || h == e.house || !houseForm.MatchString(h) {
		return "", nil
	}
	return h, nil
}

// setAside renames the checkpoints first: should it stop in between, the next start finds the export and goes on.
func (e *export) setAside(house string) error {
	for _, name := range []string{checkpointName, FileName} {
		stem := name[:len(name)-len(".jsonl")] + "-" + house
		to := filepath.Join(e.dir, stem+".jsonl")
		for k := 2; exists(to); k++ {
			to = filepath.Join(e.dir, stem+"-"+strconv.Itoa(k)+".jsonl")
		}
		if err := os.Rename(filepath.Join(e.dir, name), to); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return syncDir(e.dir)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// resume reads the checkpoints and what the export holds behind the last of them.
func (e *export) resume(shards int) ([]Break, error) {
	var breaks []Break
	text, err := e.signed.all()
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	good, bad, whole := readCheckpoints(text, e.key.Public().(ed25519.PublicKey))
	if bad != 0 {
		breaks = append(breaks, Break{Place: InCheckpoints, Kind: Unsigned, Shard: -1, Number: bad})
		whole = int64(len(text)) // what is wrong is evidence and stays
	}
	if err := e.signed.cut(whole); err != nil {
		return nil, fmt.Errorf("take a torn line off the checkpoints: %w", err)
	}
	e.heads, e.covered, e.segment = origins(e.house, shards), make([]int64, shards), sha256.New()
	for _, c := range good {
		for _, h := range c.Heads {
			if h.Shard >= 0 && h.Shard < shards {
				e.heads[h.Shard], e.covered[h.Shard] = position{h.N, h.Link}, h.N
			}
		}
		e.last = c
	}
	size, err := e.entries.measure()
	if err != nil {
		return nil, fmt.Errorf("measure audit file: %w", err)
	}
	from := e.last.Size
	if size < from {
		// It was cut. Everything that is left is read, and what is missing will be written again behind it; the checkpoints
		// go on telling of the cut.
		from, e.heads = 0, origins(e.house, shards)
	}
	found, err := e.scan(from)
	return append(breaks, found...), err
}

// scan reads the export from an offset on, takes off a torn last line, and heads a new file.
func (e *export) scan(from int64) ([]Break, error) {
	var breaks []Break
	end, at := from, int64(0)
	err := eachLine(io.NewSectionReader(e.entries.f, from, 1<<62), func(text []byte) {
		at++
		end += int64(len(text))
		if from == e.last.Size {
			e.segment.Write(text)
		}
		if b := e.take(text, end == int64(len(text))); b != nil {
			if from == 0 {
				b.Line = at
			}
			breaks = append(breaks, *b)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read audit file: %w", err)
	}
	if err := e.entries.cut(end); err != nil {
		return nil, fmt.Errorf("take a torn line off the audit file: %w", err)
	}
	for shard, n := range e.covered {
		if e.heads[shard].n < n {
			breaks = append(breaks, Break{Place: InFile, Kind: Cut, Shard: shard, Number: e.heads[shard].n + 1})
		}
	}
	if end == 0 {
		return breaks, e.write(heading(e.house))
	}
	return breaks, nil
}

// take moves a head on by a line of the file.
func (e *export) take(text []byte, first bool) *Break {
	if first {
		if _, err := houseOf(text); err != nil {
			return &Break{Place: InFile, Kind: Unreadable, Shard: -1}
		}
		return nil
	}
	l, err := parseLine(text)
	if err != nil || l.Shard < 0 || l.Shard >= len(e.heads) {
		shard, n := guess(text)
		return &Break{Place: InFile, Kind: Unreadable, Shard: shard, Number: n}
	}
	h := &e.heads[l.Shard]
	if l.N != h.n+1 {
		return &Break{Place: InFile, Kind: Foreign, Shard: l.Shard, Number: l.N}
	}
	if h.link.next(l.entry()) != l.Link {
		return &Break{Place: InFile, Kind: Unfit, Shard: l.Shard, Number: l.N}
	}
	*h = position{l.N, l.Link}
	return nil
}

// write appends whole lines and forces them to the disk, or leaves the file as it was.
func (e *export) write(text []byte) error {
	if err := e.entries.append(text); err != nil {
		return fmt.Errorf("write audit file: %w", err)
	}
	e.segment.Write(text)
	return nil
}

// moved is how many entries are in the export that no checkpoint covers.
func (e *export) moved() (n int64) {
	for shard, h := range e.heads {
		n += max(h.n-e.covered[shard], 0)
	}
	return n
}

// sign writes a checkpoint over what was exported since the last.
func (e *export) sign(at time.Time) error {
	c := checkpoint{Seq: e.last.Seq + 1, At: at.UTC().Truncate(time.Millisecond), House: e.house, Size: e.entries.size, Heads: []head{}}
	copy(c.Segment[:], e.segment.Sum(nil))
	if e.last.Seq > 0 {
		c.Prev = e.last.digest()
	}
	for shard, h := range e.heads {
		if h.n > e.covered[shard] {
			c.Heads = append(c.Heads, head{shard, h.n, h.link})
		}
	}
	c = c.sign(e.key)
	if err := e.signed.append(append(c.text(), '\n')); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	e.last = c
	e.segment.Reset()
	for shard, h := range e.heads {
		e.covered[shard] = max(e.covered[shard], h.n)
	}
	return nil
}

// anchor names the last checkpoint.
func (e *export) anchor() anchor {
	return anchor{fingerprint(e.key.Public().(ed25519.PublicKey)), e.last.Seq, e.last.digest()}
}

func (e *export) close() {
	for _, l := range []*logFile{e.entries, e.signed} {
		if l != nil {
			l.f.Close()
		}
	}
}
