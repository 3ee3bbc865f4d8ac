package schedules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

func keptSchedule(t *testing.T) *Compiled {
	c, faults := Compile(Schedule{Name: "web", Timezone: "Asia/Shanghai",
		Layers:    []Layer{{People: [][]string{{"a"}}, Start: "2026-01-05T00:00:00", Shift: "1d"}},
		Overrides: []WrittenOverride{{Start: "2026-03-01T00:00:00", End: "2026-03-02T00:00:00", Person: "b"}},
	}, lettersDirectory(t), nil)
	wantFaults(t, faults, "")
	return c
}

var february = asUTC("2026-02-01T00:00:00")

func hours(person string, from, to int) Override {
	return Override{Person: person, Start: february.Add(time.Duration(from) * time.Hour), End: february.Add(time.Duration(to) * time.Hour)}
}

func auditEntries(t *testing.T, s *state.Store) int64 {
	n, err := s.Client().XLen(context.Background(), s.Key(keys{s}.shard("web"), "audit")).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOverridesAreKept(t *testing.T) {
	redistest.Each(t, func() time.Time { return february }, func(t *testing.T, s *state.Store) {
		ctx, c, kept := context.Background(), keptSchedule(t), NewOverrides(s)
		by := By{Person: "a", Via: "api", Request: "1"}
		first, err := kept.Add(ctx, by, c, hours("c", 1, 5))
		if err != nil || first.ID == "" {
			t.Fatalf("added %v: %v", first, err)
		}
		if again, err := kept.Add(ctx, by, c, hours("c", 1, 5)); err != nil || again.ID != first.ID {
			t.Errorf("the repeat of a request made %v, %v", again, err)
		}
		second, err := kept.Add(ctx, By{Person: "a", Via: "web"}, c, hours("d", 5, 6))
		if err != nil {
			t.Errorf("the next hour: %v", err)
		}
		for name, refused := range map[string]struct {
			o    Override
			want error
		}{
			"empty":   {hours("c", 9, 9), ErrEmptyOverride},
			"over":    {hours("c", -5, 0), ErrPast},
			"unknown": {hours("z", 9, 10), ErrUnknownPerson},
		} {
			if _, err := kept.Add(ctx, By{Person: "a"}, c, refused.o); !errors.Is(err, refused.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, o := range []Override{hours("d", 4, 6), {Person: "d", Start: asUTC("2026-03-01T12:00:00"), End: asUTC("2026-03-01T13:00:00")}} {
			var conflict *ConflictError
			if _, err := kept.Add(ctx, By{Person: "a"}, c, o); !errors.As(err, &conflict) || !conflict.Existing.Overlaps(o) {
				t.Errorf("%v: %v", o, err)
			}
		}
		list, err := kept.List(ctx, "web")
		if err != nil || len(list) != 2 || list[0].ID != first.ID || list[1].ID != second.ID {
			t.Fatalf("list %v, %v", list, err)
		}
		if got := c.WithOverrides(list).On(february.Add(2 * time.Hour)); !slices.Equal(got, []string{"c"}) {
			t.Errorf("on call %v, want c", got)
		}
		if err := kept.Remove(ctx, by, "web", first.ID); err != nil {
			t.Error(err)
		}
		if err := kept.Remove(ctx, by, "web", first.ID); err != nil {
			t.Errorf("the repeat of a removal: %v", err)
		}
		if err := kept.Remove(ctx, By{}, "web", first.ID); !errors.Is(err, ErrNoOverride) {
			t.Errorf("a second removal: %v", err)
		}
		if n := auditEntries(t, s); n != 3 {
			t.Errorf("%d audit entries for two overrides and one removal", n)
		}
	})
}

// TestOverrideRace: of many who take the same hour at once, one gets it.
func TestOverrideRace(t *testing.T) {
	s := redistest.Start(t).Open(func() time.Time { return february })
	c, kept := keptSchedule(t), NewOverrides(s)
	results := make([]error, 20)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			_, results[i] = kept.Add(context.Background(), By{Person: "a", Request: fmt.Sprint(i)}, c, hours("c", 1, 2))
		})
	}
	all.Wait()
	won := 0
	for _, err := range results {
		var conflict *ConflictError
		if err == nil {
			won++
		} else if !errors.As(err, &conflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 20 got the hour", won)
	}
}
