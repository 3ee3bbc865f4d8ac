package kill

import (
	"fmt"
	"testing"
	"time"
)

// keeps checks that a delivery was first left without a 2xx and is kept now.
func keeps(t *testing.T, out <-chan delivery) {
	t.Helper()
	select {
	case d := <-out:
		if !d.kept || len(d.answers) < 2 || d.answers[0]/100 == 2 {
			t.Fatalf("the source was answered %v, want no 2xx first and one at the end", d.answers)
		}
	case <-time.After(soon):
		t.Fatal("the source was never answered with 2xx")
	}
}

// once checks that the world holds exactly one incident for each of n alerts, each with one card and one page.
func (r *replica) once(n int) {
	r.w.Helper()
	r.w.until(2*soon, fmt.Sprintf("%d pages and cards", n), func() bool {
		return len(r.w.slack.Messages("U0ALICE")) >= n && len(r.cards()) >= n
	})
	all := r.incidents()
	if len(all) != n {
		r.w.Fatalf("%d incidents, want %d", len(all), n)
	}
	for _, i := range all {
		if i.Alerts.Total != 1 || i.Alerts.Firing != 1 || len(i.List) != 1 {
			r.w.Errorf("incident %s holds %+v, %d listed; want one alert", i.GroupKey, i.Alerts, len(i.List))
		}
		if opened, pages := i.events("opened"), i.events("page"); len(opened) != 1 || len(pages) != 1 {
			r.w.Errorf("incident %s was opened %d times and paged %d times", i.GroupKey, len(opened), len(pages))
		}
	}
	if pages, cards := len(r.w.slack.Messages("U0ALICE")), len(r.cards()); pages != n || cards != n {
		r.w.Errorf("%d pages and %d cards, want %d each", pages, cards, n)
	}
}

// K1, K3: killed before the commit, and after it before the answer: the source sends again; nothing is lost, nothing doubled.
func TestK1K3KilledAroundTheCommit(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"alerts_before_commit", "alerts_committed"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.replica("a")
			a.start(place + "=kill")
			out := a.source().sending(t.Context(), firing("Disk", "web-1"))
			a.dies()
			a.start("")
			keeps(t, out)
			a.once(1)
		})
	}
}

// K2: killed when the script has run and its answer is still on the way.
func TestK2KilledWithTheReplyUnread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.wire()
	a := w.replicaOver("a", v.url())
	a.start("")
	if d := a.source().send(t.Context(), firing("Warm", "web-1")); !d.kept {
		t.Fatal(d.answers) // the script is known to Redis from here
	}
	v.obey(func(c []byte) fate {
		if script(c, "Disk") {
			return mute
		}
		return pass
	})
	out := a.source().sending(t.Context(), firing("Disk", "web-1"))
	<-v.hits
	w.until(soon, "Redis to hold the incident", func() bool { return w.stored() == 2 })
	a.kill()
	v.obey(nil)
	a.start("")
	keeps(t, out)
	a.once(2)
}

// stored is how many incidents Redis itself holds.
func (w *world) stored() int {
	keys, err := w.redis.Client().Keys(w.Context(), "dogwatch:{dw:*}:i:*:a").Result()
	if err != nil {
		w.Fatal(err)
	}
	return len(keys)
}

// K4: killed when a part of a body of fifty groups is committed: the rest is done by the next try, the part is absorbed.
func TestK4KilledInTheMiddleOfABody(t *testing.T) {
	t.Parallel()
	for _, after := range []int{0, 1, 5, 9} {
		t.Run(fmt.Sprintf("after %d scripts", after), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := w.wire()
			a := w.replicaOver("a", v.url())
			a.start("")
			if d := a.source().send(t.Context(), firing("Batch", "warm")); !d.kept {
				t.Fatal(d.answers) // it loads the script, so that what follows is one pipeline
			}
			seen := 0
			v.obey(func(c []byte) fate {
				if !script(c, "Batch-") {
					return pass
				}
				if seen++; seen > after {
					return cut
				}
				return pass
			})
			out := a.source().sending(t.Context(), batch(0, 50)...)
			<-v.hits
			w.until(soon, "the first part to be in Redis", func() bool { return after == 0 || w.stored() > after })
			if n := w.stored(); n >= 51 {
				t.Fatalf("Redis holds all %d, want a part", n)
			}
			a.kill()
			v.obey(nil)
			a.start("")
			keeps(t, out)
			a.once(51)
		})
	}
}

// batch are alerts of as many groups.
func batch(from, to int) (out []alert) {
	for n := from; n < to; n++ {
		out = append(out, firing(fmt.Sprintf("Batch-%02d", n), "web-1"))
	}
	return out
}

// K4: killed between two rounds, when another replica had begun half of the groups.
func TestK4KilledBetweenTheRoundsOfABody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.replica("a"), w.replica("b")
	b.start("")
	a.start("alerts_between_rounds=kill")
	if d := b.source().send(t.Context(), batch(0, 25)...); !d.kept {
		t.Fatal(d.answers)
	}
	out := a.source().sending(t.Context(), batch(0, 50)...)
	a.dies()
	w.until(soon, "the other half to be in Redis", func() bool { return w.stored() == 50 })
	a.start("")
	keeps(t, out)
	a.once(50)
}
