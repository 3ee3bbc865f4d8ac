package incidents_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/redistest"
)

func by(person, request string) incidents.By {
	return incidents.By{Actor: incidents.Actor{Person: person, Via: "web"}, Request: request}
}

// late checks that an error says who was first and where the incident stands.
func late(t *testing.T, err error, st incidents.State, who string) {
	t.Helper()
	var l *incidents.LateError
	if !errors.As(err, &l) || l.State != st || l.By != who {
		t.Fatalf("got %#v, want late: %s by %q", err, st, who)
	}
}

func TestWhatPeopleDo(t *testing.T) {
	ctx := context.Background()
	each(t, incidents.Config{}, func(b *bench) {
		ok := func(err error) {
			b.t.Helper()
			if err != nil {
				b.t.Fatal(err)
			}
		}
		b.ingest(alert("Disk", "a", true, t0))
		id := b.only().ID
		ok(b.s.Acknowledge(ctx, id, by("alice", "1"), ""))
		ok(b.s.Acknowledge(ctx, id, by("alice", "2"), ""))
		late(b.t, b.s.Acknowledge(ctx, id, by("bob", "3"), ""), incidents.Acknowledged, "alice")
		ok(b.s.Assign(ctx, id, by("alice", "4"), "carol"))
		ok(b.s.Note(ctx, id, by("alice", "5"), "looking at <it>"))
		if err := b.s.Note(ctx, id, by("alice", "6"), " \n "); !errors.Is(err, incidents.ErrEmpty) {
			b.t.Fatal(err)
		}
		if err := b.s.Snooze(ctx, id, by("alice", "7"), t0.Add(-time.Second)); !errors.Is(err, incidents.ErrPast) {
			b.t.Fatal(err)
		}
		ok(b.s.Snooze(ctx, id, by("alice", "8"), t0.Add(time.Hour)))
		if i := b.only(); i.SnoozedUntil == nil || !i.SnoozedUntil.Equal(t0.Add(time.Hour)) || i.Assignees[0] != "alice" || i.Assignees[1] != "carol" {
			b.t.Fatalf("%+v", i)
		}
		ok(b.s.Escalate(ctx, id, by("alice", "9")))
		if i := b.only(); i.State != incidents.Triggered || i.AcknowledgedBy != nil || i.SnoozedUntil != nil {
			b.t.Fatalf("after escalation: %+v", i)
		}
		late(b.t, b.s.Reopen(ctx, id, by("bob", "10"), ""), incidents.Triggered, "")
		ok(b.s.Resolve(ctx, id, by("bob", "11"), "done"))
		ok(b.s.Resolve(ctx, id, by("bob", "12"), ""))
		late(b.t, b.s.Resolve(ctx, id, by("alice", "13"), ""), incidents.Closed, "bob")
		late(b.t, b.s.Acknowledge(ctx, id, by("alice", "14"), ""), incidents.Closed, "bob")
		ok(b.s.Reopen(ctx, id, by("alice", "15"), "not done"))
		if k := b.kinds(id); k != "opened acknowledged assigned note snoozed escalated resolved reopened" {
			b.t.Fatalf("history: %s", k)
		}
		for _, who := range []string{"eve", "stranger", ""} {
			var denied *incidents.DeniedError
			if err := b.s.Acknowledge(ctx, id, by(who, "17"), ""); !errors.As(err, &denied) {
				b.t.Fatalf("%q acknowledged: %v", who, err)
			}
			if _, err := b.s.Declare(ctx, by(who, "18"), incidents.Declaration{Title: "x", Severity: "P1"}); !errors.As(err, &denied) {
				b.t.Fatalf("%q declared: %v", who, err)
			}
		}
		if err := b.s.Acknowledge(ctx, incidents.NewID(3), by("alice", "16"), ""); !errors.Is(err, incidents.ErrUnknown) {
			b.t.Fatal(err)
		}
	})
}

func TestDeclare(t *testing.T) {
	ctx := context.Background()
	each(t, incidents.Config{}, func(b *bench) {
		d := incidents.Declaration{Title: "Site down", Severity: "P1", Policy: "web", Channels: []string{"web:ops"}}
		id, err := b.s.Declare(ctx, by("alice", "d1"), d)
		if err != nil {
			b.t.Fatal(err)
		}
		again, err := b.s.Declare(ctx, by("alice", "d1"), d)
		if err != nil || again != id {
			b.t.Fatalf("repeat made %s, first was %s: %v", again, id, err)
		}
		if i := b.only(); i.Title != "Site down" || i.Severity != "P1" || i.State != incidents.Triggered || i.Alerts.Total != 0 {
			b.t.Fatalf("%+v", i)
		}
		if _, err := b.s.Declare(ctx, by("alice", "d2"), incidents.Declaration{Title: "\x00 "}); !errors.Is(err, incidents.ErrEmpty) {
			b.t.Fatal(err)
		}
	})
}

// Twenty people press at once: one is first, all others learn who.
func TestTwentyAcknowledgeAtOnce(t *testing.T) {
	s := run(t, redistest.Start(t).Open(nil), incidents.Config{})
	ctx := context.Background()
	if _, err := s.Ingest(ctx, "prom", incidents.Batch{Reports: []incidents.Report{alert("Disk", "a", true, t0)}}, route); err != nil {
		t.Fatal(err)
	}
	list, _, err := s.List(ctx, incidents.Filter{})
	if err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	var mu sync.Mutex
	first, said := "", map[string]int{}
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			who := string(rune('a' + n))
			err := s.Acknowledge(ctx, list[0].ID, by(who, "r"+who), "")
			mu.Lock()
			defer mu.Unlock()
			var l *incidents.LateError
			if err == nil {
				first += who
			} else if errors.As(err, &l) {
				said[l.By]++
			}
		})
	}
	wg.Wait()
	if len(first) != 1 || said[first] != 19 {
		t.Fatalf("first %q, others were told %v", first, said)
	}
}

func TestPages(t *testing.T) {
	each(t, incidents.Config{}, func(b *bench) {
		for n := range 23 {
			b.now = t0.Add(time.Duration(n/3) * time.Second)
			b.ingest(alert(string(rune('A'+n)), "a", true, b.now))
		}
		seen := map[incidents.ID]bool{}
		cursor, last := "", time.Time{}
		for range 10 {
			list, next, err := b.s.List(context.Background(), incidents.Filter{Limit: 5, Cursor: cursor})
			if err != nil {
				b.t.Fatal(err)
			}
			for _, i := range list {
				if seen[i.ID] || (!last.IsZero() && i.CreatedAt.After(last)) {
					b.t.Fatalf("%s twice or out of order", i.ID)
				}
				seen[i.ID], last = true, i.CreatedAt
			}
			if cursor = next; next == "" {
				break
			}
		}
		if len(seen) != 23 {
			b.t.Fatalf("%d of 23 seen", len(seen))
		}
		if _, _, err := b.s.List(context.Background(), incidents.Filter{Cursor: "x"}); !errors.Is(err, incidents.ErrCursor) {
			b.t.Fatal(err)
		}
	})
}
