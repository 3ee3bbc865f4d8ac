package incidents

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"

	"dogwatch/internal/state"
)

//go:embed bury.lua
var burySource string

var buryScript = state.NewScript("bury", burySource)

// deadKept is about how many dead letters of a shard are kept; a source's letters lie in one shard.
const deadKept = 200

// DeadLetter is a body that could not be read.
type DeadLetter struct {
	ID     string
	At     time.Time
	Source string
	Reason string
	Body   []byte
}

// Bury keeps a body that could not be read and returns the id under which it can be read again.
func (s *Service) Bury(ctx context.Context, source, reason string, body []byte) (string, error) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(body); err != nil {
		return "", fmt.Errorf("bury body of %s: %w", source, err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("bury body of %s: %w", source, err)
	}
	n := s.store.ShardOf("dead/" + source)
	v, err := s.store.Run(ctx, state.Call{Script: buryScript, Shard: n, Keys: []string{s.keys.shard(n, "dead")},
		Args: []any{clean(source, 100), clean(reason, 1000), z.String(), deadKept}})
	if err != nil {
		return "", fmt.Errorf("bury body of %s: %w", source, err)
	}
	return fmt.Sprintf("%d-%v", n, v), nil
}

// Exhume reads a dead letter.
func (s *Service) Exhume(ctx context.Context, id string) (DeadLetter, error) {
	var n int
	shard, entry, _ := strings.Cut(id, "-")
	if _, err := fmt.Sscanf(shard, "%d", &n); err != nil || n < 0 || n >= s.store.Shards() || entry == "" {
		return DeadLetter{}, fmt.Errorf("read dead letter %q: %w", id, ErrUnknown)
	}
	got, err := s.store.Client().XRange(ctx, s.keys.shard(n, "dead"), entry, entry).Result()
	if err != nil || len(got) != 1 {
		return DeadLetter{}, fmt.Errorf("read dead letter %q: %w", id, ErrUnknown)
	}
	text := func(k string) string { v, _ := got[0].Values[k].(string); return v }
	r, err := gzip.NewReader(strings.NewReader(text("body")))
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter %q: %w", id, err)
	}
	body, err := io.ReadAll(io.LimitReader(r, 16<<20))
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter %q: %w", id, err)
	}
	return DeadLetter{ID: id, At: ms(text("at")), Source: text("source"), Reason: text("reason"), Body: body}, nil
}
