package actions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"dogwatch/actions"
)

func TestListPagesNewestFirst(t *testing.T) {
	each(t, func(b *bench) {
		for n := range 23 {
			b.at(t0.Add(time.Duration(n/3) * time.Second))
			b.ask("free", "")
		}
		b.ask("two", "")
		seen, cursor := map[actions.RequestID]bool{}, ""
		last := t0.Add(time.Hour)
		for range 10 {
			list, next, err := b.s.List(b.Context(), actions.Filter{Action: "free", States: []actions.State{actions.Approved}, Limit: 5, Cursor: cursor})
			if err != nil {
				b.Fatal(err)
			}
			for _, r := range list {
				if seen[r.ID] || r.CreatedAt.After(last) || r.Action != "free" {
					b.Fatalf("%s twice or out of order", r.ID)
				}
				seen[r.ID], last = true, r.CreatedAt
			}
			if cursor = next; next == "" {
				break
			}
		}
		if len(seen) != 23 {
			b.Fatalf("%d of 23 seen", len(seen))
		}
		if _, _, err := b.s.List(b.Context(), actions.Filter{Cursor: "x"}); !errors.Is(err, actions.ErrCursor) {
			b.Fatal(err)
		}
		if _, err := b.s.Get(b.Context(), "zz"); !errors.Is(err, actions.ErrUnknown) {
			b.Fatal(err)
		}
	})
}

// Every change of a request has exactly one entry in the audit stream, numbered without gaps.
func TestEveryChangeIsAudited(t *testing.T) {
	each(t, func(b *bench) {
		b.work(&stage{}, b.TempDir())
		inc := b.incident() // one shard for all
		skip := b.store.Client().XLen(b.Context(), b.store.Key(inc.Shard(), "audit")).Val()
		runs := b.ask("two", inc)
		for _, p := range []string{"bob", "carol"} {
			if _, err := b.s.Approve(b.Context(), runs.ID, by(p, ""), ""); err != nil {
				b.Fatal(err)
			}
		}
		b.until(runs.ID, actions.Succeeded)
		taken := b.ask("two", inc)
		if _, err := b.s.Cancel(b.Context(), taken.ID, by("alice", ""), ""); err != nil {
			b.Fatal(err)
		}
		changed := b.ask("restart", inc)
		b.defs[0].Title = "Another title"
		b.use()
		_, err := b.s.Approve(b.Context(), changed.ID, by("bob", ""), "")
		b.late(err, actions.Cancelled, "")
		entries, err := b.store.Client().XRange(b.Context(), b.store.Key(inc.Shard(), "audit"), "-", "+").Result()
		if err != nil {
			b.Fatal(err)
		}
		var got []string
		for i, e := range entries {
			if e.ID != fmt.Sprintf("%d-0", i+1) {
				b.Fatalf("entry %d has the number %s", i+1, e.ID)
			}
			var in struct{ By, Do, Request string }
			if err := json.Unmarshal([]byte(e.Values["e"].(string)), &in); err != nil {
				b.Fatal(err)
			}
			if int64(i) >= skip {
				got = append(got, in.By+" "+in.Do)
			}
		}
		want := []string{"alice request.create", "bob request.approve", "carol request.approve", " request.run", " request.succeeded",
			"alice request.create", "alice request.cancel", "alice request.create", " request.void"}
		if !slices.Equal(got, want) {
			b.Fatalf("%q, want %q", got, want)
		}
	})
}
