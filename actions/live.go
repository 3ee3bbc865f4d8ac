package actions

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Live output goes to Redis soon, but never more often than a person could read.
const (
	flushEvery = 100 * time.Millisecond
	pieceMost  = 4 << 10
)

// live carries a run's clean text to its stream: the first keepHead bytes for good, after that a window of the last keepTail. What
// waits for Redis is bounded by the same two, whatever the command writes and however long Redis is away.
type live struct {
	service *Service
	request *Request
	more    chan struct{}

	mu      sync.Mutex
	waiting []Chunk
	size    int   // bytes in waiting
	at      int64 // offset of the next text

	// Only the goroutine of run touches these.
	window   []windowed // entries of the stream beyond the head, oldest first
	windowed int        // bytes in window
}

type windowed struct {
	entry string
	size  int
}

func newLive(s *Service, r *Request) *live {
	return &live{service: s, request: r, more: make(chan struct{}, 1)}
}

// add takes clean text. It never waits for Redis.
func (l *live) add(text string) {
	l.mu.Lock()
	for len(text) > 0 {
		n := runeCut(text, pieceMost)
		l.put(text[:n])
		text = text[n:]
	}
	for l.size > keepHead+keepTail {
		i := slices.IndexFunc(l.waiting, func(c Chunk) bool { return c.Offset >= keepHead })
		if i < 0 {
			break // all of it is head, which is at most keepHead and one piece
		}
		l.size -= len(l.waiting[i].Text)
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// put appends to the last waiting piece while it is small.
func (l *live) put(text string) {
	if n := len(l.waiting); n > 0 && l.waiting[n-1].End() == l.at && len(l.waiting[n-1].Text)+len(text) <= pieceMost {
		l.waiting[n-1].Text += text
	} else {
		l.waiting = append(l.waiting, Chunk{l.at, text})
	}
	l.at += int64(len(text))
	l.size += len(text)
}

// run hands text over until ctx ends; the last piece is for close. flush, called now and then, makes the output give up an unfinished line.
func (l *live) run(ctx context.Context, flush func()) {
	idle := time.NewTicker(5 * flushEvery)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-idle.C:
			flush()
		case <-l.more:
			_ = l.send(ctx) // what could not be sent stays and goes with the next
			if !pause(ctx, flushEvery) {
				return
			}
		}
	}
}

// send hands over what is waiting. A run that is no longer ours has no output here: its pieces are dropped.
func (l *live) send(ctx context.Context) error {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.mu.Unlock()
			return nil
		}
		piece := l.waiting[0]
		l.mu.Unlock()
		drop, kept := l.surplus()
		entry, lost, err := l.service.appendOutput(ctx, l.request, piece, drop)
		if err != nil {
			return err
		}
		for _, w := range l.window[:kept] {
			l.windowed -= w.size
		}
		l.window = l.window[kept:]
		if entry != "" && !lost && piece.Offset >= keepHead {
			l.window = append(l.window, windowed{entry, len(piece.Text)})
			l.windowed += len(piece.Text)
		}
		l.sent(piece)
	}
}

// surplus are the oldest entries of the window that can go, and how many.
func (l *live) surplus() (drop []string, n int) {
	size := l.windowed
	for size > keepTail && n < len(l.window) {
		size -= l.window[n].size
		drop = append(drop, l.window[n].entry)
		n++
	}
	return drop, n
}

// sent takes a piece off the queue; it may have grown, or been dropped, meanwhile.
func (l *live) sent(piece Chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 || l.waiting[0].Offset != piece.Offset {
		return
	}
	l.size -= len(piece.Text)
	if rest := l.waiting[0].Text[len(piece.Text):]; rest != "" {
		l.waiting[0] = Chunk{piece.End(), rest}
		return
	}
	l.waiting = l.waiting[1:]
}
