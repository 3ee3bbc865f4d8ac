package actions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// Ledger is this machine's own record of what it has begun to run: an append-only file of JSON lines, forced to the disk
// before anything runs. It is what makes "at most once" true when Redis was rolled back, and what tells after a crash
// whether a run had begun. It is safe for concurrent use; one process at a time holds it (an advisory lock).
//
// A run id has at most one "started" line and at most one "ended" line. No line: the run surely did not begin here.
// Started without ended: it may have had its effect.
type Ledger struct {
	mu      sync.Mutex
	file    *os.File
	id      string
	size    int64 // bytes known to be whole and on disk
	runs    map[string]LedgerEntry
	damaged []string
	broken  error // set once the disk's state is no longer known; then nothing may run
}

// LedgerEntry is what the ledger knows of one run.
type LedgerEntry struct {
	RunID     string
	Digest    string
	StartedAt time.Time // zero when only a torn line is left
	EndedAt   time.Time // zero while it has not ended
	Outcome   string    // the caller's words, as given to Ended; "" until then
}

// Ended says whether the end of the run is recorded.
func (e LedgerEntry) Ended() bool { return !e.EndedAt.IsZero() }

// line is the form on disk.
type line struct {
	RunID   string    `json:"run_id,omitempty"`
	Event   string    `json:"event"`
	At      time.Time `json:"at"`
	Digest  string    `json:"digest,omitempty"`
	Outcome string    `json:"outcome,omitempty"`
	Ledger  string    `json:"ledger,omitempty"`
}

const (
	ledgerName    = "ledger.jsonl"
	eventOpened   = "opened" // the first line: carries the ledger's own id
	eventStarted  = "started"
	eventEnded    = "ended"
	ledgerMaxLine = 1 << 20
)

// OpenLedger opens the ledger in dir and reads it, making both (0700 and 0600) when they are not there. It fails when another
// process holds it or the disk refuses, and then nothing may run. A torn last line, the mark of a crash while writing,
// is tolerated; Damaged tells of it.
func OpenLedger(dir string) (*Ledger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	path := filepath.Join(dir, ledgerName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l := &Ledger{file: f, runs: map[string]LedgerEntry{}}
	if err := l.take(dir); err != nil {
		f.Close()
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	return l, nil
}

// take locks, reads and, for a new file, heads the ledger and makes its name durable.
func (l *Ledger) take(dir string) error {
	if err := l.lock(); err != nil {
		return fmt.Errorf("another process holds it: %w", err)
	}
	if err := l.file.Chmod(0o600); err != nil {
		return err
	}
	if err := l.read(); err != nil {
		return err
	}
	if l.id == "" {
		l.id = newID()
		if err := l.append(line{Event: eventOpened, At: time.Now().UTC(), Ledger: l.id}); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// heldFor is how long a lock may outlive the process that held it: one that was killed between fork and exec leaves a child
// with its files for a moment.
const heldFor = 2 * time.Second

// lock makes the file this process's alone.
func (l *Ledger) lock() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) || time.Since(began) > heldFor {
			return err
		}
	}
}

// read takes in the whole file and ends a torn last line, so that the next one stands alone.
func (l *Ledger) read() error {
	body, err := io.ReadAll(l.file)
	if err != nil {
		return err
	}
	l.size = int64(len(body))
	for n := 1; len(body) > 0; n++ {
		text, rest, whole := bytes.Cut(body, []byte("\n"))
		body = rest
		if len(text) == 0 {
			continue
		}
		var e line
		if err := json.Unmarshal(text, &e); err != nil || !whole {
			l.keepFragment(n, text)
		} else {
			l.apply(e)
		}
		if !whole {
			return l.write([]byte("\n"))
		}
	}
	return nil
}

var fragmentID = regexp.MustCompile(`"run_id":"([^"\\]{1,200})"`)

// keepFragment reads what it can of a damaged line. A run id in it counts as started: the line may have been written after the
// effect began (an "ended" line), and a run too few is better than a run too many.
func (l *Ledger) keepFragment(n int, text []byte) {
	found := ""
	if m := fragmentID.FindSubmatch(text); m != nil {
		found = string(m[1])
		if _, ok := l.runs[found]; !ok {
			l.runs[found] = LedgerEntry{RunID: found}
		}
	}
	l.damaged = append(l.damaged, fmt.Sprintf("line %d is torn (%d bytes, run %q)", n, len(text), found))
}

func (l *Ledger) apply(e line) {
	entry := l.runs[e.RunID]
	switch e.Event {
	case eventOpened:
		l.id = e.Ledger
		return
	case eventStarted:
		entry.Digest, entry.StartedAt = e.Digest, e.At
	case eventEnded:
		entry.EndedAt, entry.Outcome = e.At, e.Outcome
	}
	entry.RunID = e.RunID
	l.runs[e.RunID] = entry
}

// ID is the ledger's own name, made once with the file: a run's record says in which ledger to look.
func (l *Ledger) ID() string { return l.id }

// Damaged are sentences about lines that could not be read; nil normally. They belong into the log.
func (l *Ledger) Damaged() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.damaged...)
}

// Start enters that the run begins now and returns when that is on the disk. It fails with ErrAlreadyStarted if the run id
// has any line, and with the disk's error if it cannot be kept; then nothing may run.
func (l *Ledger) Start(runID, digest string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if runID == "" {
		return errors.New("start run in ledger: the run id is empty")
	}
	if _, ok := l.runs[runID]; ok {
		return fmt.Errorf("start run %s: %w", runID, ErrAlreadyStarted)
	}
	e := line{RunID: runID, Event: eventStarted, At: time.Now().UTC(), Digest: digest}
	if err := l.append(e); err != nil {
		return fmt.Errorf("start run %s in ledger: %w", runID, err)
	}
	l.apply(e)
	return nil
}

// Ended enters how a started run ended; outcome is kept as it is. A repeat with any outcome changes nothing.
func (l *Ledger) Ended(runID, outcome string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry, ok := l.runs[runID]
	if !ok {
		return fmt.Errorf("end run %s in ledger: it has no start", runID)
	}
	if entry.Ended() {
		return nil
	}
	e := line{RunID: runID, Event: eventEnded, At: time.Now().UTC(), Outcome: outcome}
	if err := l.append(e); err != nil {
		return fmt.Errorf("end run %s in ledger: %w", runID, err)
	}
	l.apply(e)
	return nil
}

// State is what the ledger knows of a run; false: it surely never began on this machine.
func (l *Ledger) State(runID string) (LedgerEntry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.runs[runID]
	return e, ok
}

// Check says whether a start could be kept now: nil, or why not.
func (l *Ledger) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// Close gives the ledger up.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = errors.New("the ledger is closed")
	return l.file.Close()
}

func (l *Ledger) append(e line) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if len(body) > ledgerMaxLine {
		return fmt.Errorf("a line of %d bytes is too long", len(body))
	}
	return l.write(append(body, '\n'))
}

// write appends and forces to the disk. A short write is cut off again; after a failed cut or a failed fsync nobody knows what
// the disk holds (a later fsync may report success for lost pages), so the ledger stays broken until it is opened anew.
func (l *Ledger) write(body []byte) error {
	if l.broken != nil {
		return l.broken
	}
	if _, err := l.file.Write(body); err != nil {
		if cut := l.file.Truncate(l.size); cut != nil {
			l.broken = fmt.Errorf("ledger unusable until restart: %w", errors.Join(err, cut))
		}
		return err
	}
	if err := l.file.Sync(); err != nil {
		l.broken = fmt.Errorf("ledger unusable until restart: %w", err)
		return err
	}
	l.size += int64(len(body))
	return nil
}

// syncDir makes the directory's entry for the ledger durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
