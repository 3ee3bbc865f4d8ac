package actions

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"dogwatch/internal/state"
)

// Chunk is a piece of a run's output: clean text, safe to show as text. Where Offset is above the end of the piece before, text
// was left out (a flood keeps only its beginning and its end).
type Chunk struct {
	Offset int64  `json:"offset"`
	Text   string `json:"text"`
}

// End is where the text after this piece begins.
func (c Chunk) End() int64 { return c.Offset + int64(len(c.Text)) }

// OutputPage is what is new in an output since a cursor.
type OutputPage struct {
	Chunks []Chunk
	Cursor string // for the next call
	Ended  bool   // nothing comes after this page
	State  State  // where the request stood when this was read
}

var cursorForm = regexp.MustCompile(`^\d{1,15}-\d{1,10}$`)

// pageEntries bounds a page. What is kept of an output is about 64 KiB, so a page is seldom not all of it.
const pageEntries = 2000

// Output reads what is new since a cursor ("" for the beginning), without waiting. Unless the page says Ended, more may come.
func (s *Service) Output(ctx context.Context, id RequestID, cursor string) (OutputPage, error) {
	if cursor == "" {
		cursor = "0-0"
	}
	if !cursorForm.MatchString(cursor) {
		return OutputPage{}, fmt.Errorf("read output of request %s: %w", id, ErrCursor)
	}
	// The state first: output that came before a final state is then surely in what is read.
	st, err := s.store.Client().HGet(ctx, s.keys.request(id), "state").Result()
	if errors.Is(err, redis.Nil) {
		return OutputPage{}, fmt.Errorf("read output of request %s: %w", id, ErrUnknown)
	}
	if err != nil {
		return OutputPage{}, fmt.Errorf("read output of request %s: %w", id, err)
	}
	entries, err := s.store.Client().XRangeN(ctx, s.keys.output(id), "("+cursor, "+", pageEntries).Result()
	if err != nil {
		return OutputPage{}, fmt.Errorf("read output of request %s: %w", id, err)
	}
	page := OutputPage{Cursor: cursor, State: State(st), Ended: State(st).Final() && len(entries) < pageEntries}
	for _, e := range entries {
		page.Cursor = e.ID
		if text, ok := e.Values["t"].(string); ok {
			at, _ := e.Values["o"].(string)
			page.Chunks = append(page.Chunks, Chunk{num(at), text})
		}
	}
	return page, nil
}

// Follow hands over an output from a cursor on as it comes, until it has ended, ctx ends or take returns an error. It looks, rather than
// blocks on a connection: any number of people may watch.
func (s *Service) Follow(ctx context.Context, id RequestID, cursor string, take func(OutputPage) error) error {
	last := State("")
	for {
		page, err := s.Output(ctx, id, cursor)
		if err != nil {
			return err
		}
		if len(page.Chunks) > 0 || page.Ended || page.State != last {
			if err := take(page); err != nil || page.Ended {
				return err
			}
		}
		cursor, last = page.Cursor, page.State
		wait := 100 * time.Millisecond
		if page.State == Pending {
			wait = 500 * time.Millisecond
		}
		if len(page.Chunks) == 0 && !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

// appendOutput keeps a piece and drops entries that are no longer wanted; it returns the entry's name. lost: the run is no longer
// this worker's.
func (s *Service) appendOutput(ctx context.Context, c *Request, piece Chunk, drop []string) (id string, lost bool, err error) {
	args := []any{strconv.FormatInt(c.epoch, 10), strconv.FormatInt(piece.Offset, 10), strconv.FormatInt(piece.End(), 10), piece.Text}
	for _, d := range drop {
		args = append(args, d)
	}
	v, err := s.store.Do(ctx, state.Call{Script: appendScript, Shard: c.ID.Shard(),
		Keys: []string{s.keys.request(c.ID), s.keys.output(c.ID)}, Args: args})
	if err != nil {
		return "", false, fmt.Errorf("keep output of request %s: %w", c.ID, err)
	}
	if v[0] == "ok" {
		return v[1], false, nil
	}
	return "", v[0] == "lost", nil
}
