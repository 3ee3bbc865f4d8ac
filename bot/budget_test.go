package bot

import (
	"context"
	"testing"
	"time"

	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

// limited is a platform that says only how much it takes.
type limited struct {
	Platform
	of []Budget
}

func (l limited) Budgets(string) []Budget { return l.of }

// at gives a test budgets on a clock that it turns itself.
func at(t *testing.T, of []Budget, f func(t *testing.T, b *budgets, now *time.Time)) {
	now := time.UnixMilli(1_795_000_000_000)
	redistest.Each(t, func() time.Time { return now }, func(t *testing.T, s *state.Store) {
		now = time.UnixMilli(1_795_000_000_000)
		f(t, &budgets{store: s, keys: keys{s}, of: map[string]Platform{"x": limited{of: of}}, held: map[Address]time.Time{}}, &now)
	})
}

func take(t *testing.T, b *budgets, urgent bool) time.Duration {
	t.Helper()
	d, err := b.take(context.Background(), Address{"x", "y"}, urgent)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// many takes until it must wait, and says how often it could.
func many(t *testing.T, b *budgets, urgent bool) int {
	t.Helper()
	for n := range 1000 {
		if take(t, b, urgent) > 0 {
			return n
		}
	}
	t.Fatal("there is no limit")
	return 0
}

func TestBurstThenOneByOne(t *testing.T) {
	at(t, []Budget{{N: 1, Per: time.Second, Burst: 20}}, func(t *testing.T, b *budgets, now *time.Time) {
		if n := many(t, b, false); n != 16 {
			t.Fatalf("%d at once, want the burst without its reserve", n)
		}
		if n := many(t, b, true); n != 4 {
			t.Fatalf("%d urgent ones more, want the reserve", n)
		}
		sent := 0
		for range 100 {
			*now = now.Add(100 * time.Millisecond)
			if take(t, b, true) == 0 {
				sent++
			}
		}
		if sent != 10 {
			t.Fatalf("%d in ten seconds at one a second", sent)
		}
	})
}

// In no stretch of a minute more than allowed, whenever it begins.
func TestWindowHoldsInEveryStretch(t *testing.T) {
	at(t, []Budget{{N: 20, Per: time.Minute}, {N: 100, Per: time.Hour}}, func(t *testing.T, b *budgets, now *time.Time) {
		var sent []time.Time
		for range 1200 {
			*now = now.Add(500 * time.Millisecond)
			if take(t, b, true) == 0 {
				sent = append(sent, *now)
			}
		}
		for i := range sent {
			in := 0
			for _, s := range sent[i:] {
				if s.Sub(sent[i]) < time.Minute {
					in++
				}
			}
			if in > 20 {
				t.Fatalf("%d in a minute from message %d on", in, i)
			}
		}
		if len(sent) != 100 {
			t.Fatalf("%d in ten minutes, want the hour's hundred", len(sent))
		}
	})
}

// Those who wait are told different times, so that they do not come back together.
func TestWaitersComeBackApart(t *testing.T) {
	at(t, []Budget{{N: 1, Per: time.Second, Burst: 1}}, func(t *testing.T, b *budgets, _ *time.Time) {
		if take(t, b, false) != 0 {
			t.Fatal("the first must go")
		}
		seen := map[time.Duration]bool{}
		for range 50 {
			seen[take(t, b, false)] = true
		}
		if len(seen) != 50 {
			t.Fatalf("50 waiters have %d times to come back", len(seen))
		}
		if d := take(t, b, true); d > time.Second {
			t.Fatalf("an urgent one waits %v behind the others", d)
		}
	})
}

func TestHold(t *testing.T) {
	at(t, []Budget{{N: 100, Per: time.Second, Burst: 100}}, func(t *testing.T, b *budgets, now *time.Time) {
		if err := b.hold(context.Background(), Address{"x", "y"}, 7*time.Second); err != nil {
			t.Fatal(err)
		}
		if d := take(t, b, true); d != 7*time.Second {
			t.Fatalf("waits %v", d)
		}
		*now = now.Add(7 * time.Second)
		if d := take(t, b, false); d != 0 {
			t.Fatalf("still waits %v", d)
		}
	})
}
