package web_test

import (
	"context"
	"fmt"
	"testing"

	"dogwatch/bot"
	"dogwatch/bot/bottest"
	"dogwatch/bot/web"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

func openOn(t *testing.T, s *state.Store) *web.Web {
	t.Helper()
	p, err := web.Open(func(any) error { return nil }, web.Deps{Store: s, SignIn: func(string) (string, bool, bool) { return "", false, false }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Feeds and inboxes hold what package bot relies on, on a real Redis and on miniredis.
func TestPlatform(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *state.Store) {
		bottest.Platform(t, func(t *testing.T) bottest.Subject {
			return bottest.Subject{Platform: openOn(t, s), Channel: bot.Address{Platform: "web", To: "ops-" + t.Name()}, Person: bot.Address{Platform: "web", To: "@alice"},
				Missing: bot.Address{Platform: "web"}}
		})
	})
}

// A key is a message for ever, and a feed keeps the newest.
func TestFeedIsBounded(t *testing.T) {
	redistest.Each(t, nil, func(t *testing.T, s *state.Store) {
		p, to := openOn(t, s), bot.Address{Platform: "web", To: "ops"}
		put := func(key string) bot.Ref {
			ref, err := p.Send(t.Context(), bot.Message{Key: key, To: to, Text: key})
			if err != nil {
				t.Fatal(err)
			}
			return ref
		}
		first := put("message 0")
		if again := put("message 0"); again != first {
			t.Fatalf("one key stands at %+v and at %+v", first, again)
		}
		for n := range 500 {
			put(fmt.Sprintf("message %d", n+1))
		}
		if _, found, err := p.Find(t.Context(), to, "message 0", t0); err != nil || found {
			t.Errorf("the oldest of 501 is still there (%v)", err)
		}
		if _, found, err := p.Find(t.Context(), to, "message 500", t0); err != nil || !found {
			t.Errorf("the newest is not there (%v)", err)
		}
	})
}

// A console that nobody can sign in to, or without a store, does not open.
func TestOpenNeedsAWayIn(t *testing.T) {
	for name, deps := range map[string]web.Deps{"nothing": {}, "no way in": {Store: redistest.Mini(t, nil)}} {
		if _, err := web.Open(func(any) error { return nil }, deps); err == nil {
			t.Errorf("%s: it opened", name)
		}
	}
	if _, err := web.Open(func(any) error { return context.Canceled }, web.Deps{}); err == nil {
		t.Error("a broken configuration opened")
	}
}
