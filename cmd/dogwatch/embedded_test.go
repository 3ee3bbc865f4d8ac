package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"dogwatch/internal/state"
)

// Two servers on one folder would write over each other's file, and the second would take the first one's socket.
func TestEmbeddedFolderHasOneServer(t *testing.T) {
	dir := t.TempDir()
	first, err := startEmbedded(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if second, err := startEmbedded(soon, dir); !errors.Is(err, context.DeadlineExceeded) {
		if second != nil {
			second.stop()
		}
		t.Fatalf("a second server on the folder: %v", err)
	}
	s, err := state.Open(t.Context(), state.Config{URL: first.url})
	if err != nil {
		t.Fatalf("the first does not answer after that: %v", err)
	}
	house := s.House()
	s.Close()
	// A start beside one that ends waits for it, and finds what it kept.
	ended := make(chan struct{})
	go func() { defer close(ended); first.stop() }()
	next, err := startEmbedded(t.Context(), dir)
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	defer next.stop()
	if s, err = state.Open(t.Context(), state.Config{URL: next.url}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.House() != house {
		t.Errorf("the next server holds house %s, the first held %s", s.House(), house)
	}
}
