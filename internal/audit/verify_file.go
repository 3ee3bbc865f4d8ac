package audit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
)

// readFile walks the export once: lines, chains, and the bytes that each checkpoint signed.
func (v *verifier) readFile(ctx context.Context) error {
	f, err := os.Open(v.File)
	if errors.Is(err, fs.ErrNotExist) && v.Store != nil {
		if len(v.signed) > 0 {
			v.cutFile()
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	v.report.File = v.File
	w := &fileWalk{verifier: v, left: v.signed, sum: sha256.New()}
	err = eachLine(bufio.NewReader(f), func(text []byte) {
		if ctx.Err() == nil {
			w.line(text)
		}
	})
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	w.end()
	for _, l := range v.links {
		v.report.Exported += int64(len(l))
	}
	return nil
}

// fileWalk is where reading the export stands.
type fileWalk struct {
	*verifier
	size  int64 // bytes read
	count int64 // lines read
	left  []checkpoint
	sum   interface { // of the bytes since the checkpoint before left[0]
		io.Writer
		Sum([]byte) []byte
		Reset()
	}
	// alien says that the file is of another Redis; then nothing in it is compared.
	alien bool
	// moved is the first line whose bytes a checkpoint did not sign as they are, though every line of it is good.
	moved int64
}

func (w *fileWalk) line(text []byte) {
	w.count++
	if w.count == 1 {
		w.heading(text)
	} else if !w.alien {
		w.entry(text)
	}
	w.size += int64(len(text))
	w.sum.Write(text)
	for len(w.left) > 0 && w.left[0].Size <= w.size {
		if c := w.left[0]; w.moved == 0 && (c.Size != w.size || !slices.Equal(w.sum.Sum(nil), c.Segment[:])) {
			w.moved = w.count
		}
		w.sum.Reset()
		w.left = w.left[1:]
	}
}

func (w *fileWalk) heading(text []byte) {
	house, err := houseOf(text)
	switch {
	case err != nil:
		w.broken(Break{Place: InFile, Kind: Unreadable, Shard: -1, Line: 1})
	case w.house == "":
		w.house = house
	case house != w.house:
		w.alien = true
		w.broken(Break{Place: InFile, Kind: House, Shard: -1, Line: 1})
	}
}

// entry takes in one line. Behind a shard's first break its lines are only counted as bytes.
func (w *fileWalk) entry(text []byte) {
	l, err := parseLine(text)
	b := Break{Place: InFile, Shard: l.Shard, Number: l.N, Line: w.count}
	if err != nil || l.Shard < 0 || l.Shard >= maxShards {
		b.Kind = Unreadable
		b.Shard, b.Number = guess(text)
		w.spoil(b)
		return
	}
	at := w.fileHead(l.Shard)
	b.Number = at.n + 1
	switch {
	case l.N > at.n+1:
		b.Kind = Missing
	case l.N != at.n+1:
		b.Kind, b.Number = Foreign, l.N
	case at.link.next(l.entry()) != l.Link:
		b.Kind = Unfit
	default:
		if !w.damaged[l.Shard] {
			w.links[l.Shard] = append(w.links[l.Shard], l.Link)
		}
		return
	}
	w.spoil(b)
}

// spoil notes a shard's first break in the file.
func (w *fileWalk) spoil(b Break) {
	if !w.damaged[b.Shard] {
		w.broken(b)
	}
	w.damaged[b.Shard] = true
}

// fileHead is how far a shard's chain holds in the file.
func (v *verifier) fileHead(shard int) position {
	l := v.links[shard]
	if len(l) == 0 {
		return position{0, genesis(v.house, shard)}
	}
	return position{int64(len(l)), l[len(l)-1]}
}

// end holds the file against the checkpoints.
func (w *fileWalk) end() {
	if w.alien {
		return
	}
	cut := len(w.left) > 0 && w.cutFile()
	for shard, heads := range w.promised {
		for _, h := range heads {
			have := w.links[shard]
			if h.n >= 1 && h.n <= int64(len(have)) && have[h.n-1] != h.link && !w.damaged[shard] {
				w.spoil(Break{Place: InFile, Kind: Rewritten, Shard: shard, Number: h.n})
			}
		}
	}
	if len(w.damaged) > 0 || cut {
		return
	}
	// Every entry is there and fits, but the bytes are not those that were signed: lines of different shards changed places,
	// or the file is a copy of another replica's.
	if w.moved > 0 || len(w.left) > 0 {
		w.broken(Break{Place: InFile, Kind: Rewritten, Shard: -1, Line: max(w.moved, 1)})
	}
}

// cutFile names the first entry of each shard that a checkpoint covers and the file does not hold.
func (v *verifier) cutFile() (found bool) {
	for shard := range maxShards {
		n := int64(len(v.links[shard]))
		if v.lastPromise(shard).n > n && !v.damaged[shard] {
			v.broken(Break{Place: InFile, Kind: Cut, Shard: shard, Number: n + 1})
			v.damaged[shard], found = true, true
		}
	}
	return found
}
