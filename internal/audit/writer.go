package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"dogwatch/internal/state"
)

// Config of a writer.
type Config struct {
	// Dir holds the export, the checkpoints and the key; it is made with mode 0700. One writer at a time may have it.
	Dir string
	// Every is how often Redis is asked for new entries; 0 is 500 ms.
	Every time.Duration
	// Log gets anchors (info), troubles that pass (warn) and breaks (error); nil: nobody does.
	Log *slog.Logger
	// Alarm hears of each break once; nil: only Log does. It must not block.
	Alarm func(Break)
	// Anchor gets the lines that should come to lie on another machine; nil: only Log does. It must not block.
	Anchor func(string)
}

// When checkpoints are signed and anchored. A checkpoint waits a second for more to cover, so that a burst costs one line.
const (
	signAfter     = time.Second
	anchorEntries = 100
	anchorAfter   = 5 * time.Minute
	retryBroken   = time.Minute
)

// Writer links entries, exports them and signs checkpoints. Make one with New, and Run it once.
type Writer struct {
	shelf
	cfg    Config
	export *export
	// pos is how far each chain is linked; it is behind the export's heads only while lost links are made again.
	pos []position
	// broken shards stand still until the time noted; said are the breaks that were told already.
	broken map[int]time.Time
	said   map[Break]bool

	firstUnsigned, anchored time.Time
	sinceAnchor             int64
	ill                     bool // the last pass failed; so that an outage is one line in the log
	stats                   stats
}

// Stats are a writer's figures for metrics.
type Stats struct {
	Linked      int64 // entries that this writer linked first
	Exported    int64 // entries it wrote into its file
	Unlinked    int64 // entries in Redis that were not linked when it last looked
	Checkpoints int64 // it signed
	Breaks      int64 // it found
	Failures    int64 // passes that Redis or the disk let fail
}

type stats struct{ linked, exported, unlinked, checkpoints, breaks, failures atomic.Int64 }

// Stats may be asked for at any time.
func (w *Writer) Stats() Stats {
	s := &w.stats
	return Stats{s.linked.Load(), s.exported.Load(), s.unlinked.Load(), s.checkpoints.Load(), s.breaks.Load(), s.failures.Load()}
}

// New opens the folder and finds out how far it is. It fails if another process holds it, the key is open to others, or the
// disk refuses.
func New(store *state.Store, cfg Config) (*Writer, error) {
	if cfg.Every == 0 {
		cfg.Every = 500 * time.Millisecond
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	w := &Writer{shelf: shelf{store}, cfg: cfg, broken: map[int]time.Time{}, said: map[Break]bool{}, anchored: time.Now()}
	e, breaks, err := openExport(cfg.Dir, store.House(), store.Shards())
	if err != nil {
		return nil, err
	}
	w.export, w.pos = e, append([]position(nil), e.heads...)
	for _, b := range breaks {
		w.tell(b)
	}
	return w, nil
}

// PublicKey is the fingerprint under which anchors name this writer's key.
func (w *Writer) PublicKey() string { return w.export.anchor().key }

// Close lets go of the folder of a writer that was not Run.
func (w *Writer) Close() { w.export.close() }

// Run works until ctx ends; then it links, exports and signs what is there, and closes the files. Entries that are made
// later wait for the next start.
func (w *Writer) Run(ctx context.Context) error {
	defer w.export.close()
	tick := time.NewTicker(w.cfg.Every)
	defer tick.Stop()
	if w.export.last.Seq > 0 {
		w.giveAnchor() // the process before may have been killed before it did
	}
	for {
		more := w.step(ctx)
		if ctx.Err() != nil {
			break
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for w.step(last) && last.Err() == nil {
	}
	return w.seal(true)
}

// step makes one pass and, when it is due, a checkpoint. It says whether there is more to do at once.
func (w *Writer) step(ctx context.Context) bool {
	if !w.export.entries.intact() || !w.export.signed.intact() {
		w.tell(Break{Place: InFile, Kind: Replaced, Shard: -1})
	}
	more, err := w.pass(ctx)
	if err == nil {
		err = w.seal(false)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		w.stats.failures.Add(1)
		if !w.ill {
			w.cfg.Log.Warn("audit entries wait", "err", err)
		}
		w.ill = true
	case err == nil && w.ill:
		w.cfg.Log.Info("audit entries are linked again")
		w.ill = false
	}
	return more && err == nil
}

// tell raises a break once.
func (w *Writer) tell(b Break) {
	once := b
	if b.Kind == Cut {
		once.Number = 0 // it moves on while new entries take the place of those that are gone
	}
	if w.said[once] {
		return
	}
	w.said[once] = true
	w.stats.breaks.Add(1)
	w.cfg.Log.Error("audit alarm", "err", b.Error(), "place", b.Place, "kind", b.Kind, "shard", b.Shard, "entry", b.Number)
	if w.cfg.Alarm != nil {
		w.cfg.Alarm(b)
	}
}

// stop lets a shard stand still because of a break.
func (w *Writer) stop(b Break) {
	w.broken[b.Shard] = time.Now().Add(retryBroken)
	w.tell(b)
}

// seal signs a checkpoint if one is due, and gives its anchor out if that is due.
func (w *Writer) seal(final bool) error {
	now := time.Now()
	moved := w.export.moved()
	if moved == 0 {
		w.firstUnsigned = time.Time{}
	} else if w.firstUnsigned.IsZero() {
		w.firstUnsigned = now
	}
	if moved > 0 && (final || now.Sub(w.firstUnsigned) >= signAfter) {
		if err := w.export.sign(now); err != nil {
			return fmt.Errorf("sign audit checkpoint: %w", err)
		}
		w.firstUnsigned = time.Time{}
		w.sinceAnchor += moved
		w.stats.checkpoints.Add(1)
	}
	if w.sinceAnchor > 0 && (final || w.sinceAnchor >= anchorEntries || now.Sub(w.anchored) >= anchorAfter) {
		w.giveAnchor()
		w.anchored, w.sinceAnchor = now, 0
	}
	return nil
}

func (w *Writer) giveAnchor() {
	line := w.export.anchor().String()
	w.cfg.Log.Info("audit anchor", "anchor", line)
	if w.cfg.Anchor != nil {
		w.cfg.Anchor(line)
	}
}
