package kill

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// approved asks for an action and approves it; the process may die of that.
func (r *replica) approved(action, incident string) request {
	r.w.Helper()
	q := r.ask(action, incident)
	if status, err := r.approve(q); status != http.StatusOK && status != 0 {
		r.w.Fatal(err)
	}
	return q
}

// K11, K12, K14: killed at each step of a run: the state says what is known, and the action's file has at most one line.
func TestK11K12K14KilledAroundTheStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		place, state, outcome string
		lines                 []int // how many the run may have left
	}{
		{"run_claimed", "failed", "why_not_started", []int{0}},
		{"run_in_ledger", "unknown", "why_interrupted", []int{0}},
		{"run_before_fork", "unknown", "why_interrupted", []int{0}},
		{"run_after_fork", "unknown", "why_interrupted", []int{0, 1}},
		{"run_ended", "succeeded", "", []int{1}},
		{"run_committed", "succeeded", "", []int{1}},
	} {
		t.Run(c.place, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.replica("a")
			a.start(c.place + "=kill")
			q := a.approved("append", "")
			a.dies()
			a.start("")
			got := a.ends(q.ID, soon)
			if got.State != c.state || got.Outcome != c.outcome {
				t.Errorf("the run is %s, %q; want %s, %q", got.State, got.Outcome, c.state, c.outcome)
			}
			a.again(q)
			n := w.runs(got.RunID)
			if n != c.lines[0] && n != c.lines[len(c.lines)-1] {
				t.Errorf("the run left %d lines, want %v", n, c.lines)
			}
			if now := a.request(q.ID); now.State != c.state {
				t.Errorf("a final state changed to %s", now.State)
			}
		})
	}
}

// again asks once more with a new click where the run failed or is unknown, and waits until that has run once: what was lost
// does not run behind it.
func (r *replica) again(q request) {
	r.w.Helper()
	var next request
	r.must(asked{person: "alice", method: "POST", path: "requests/" + q.ID + "/retry", body: map[string]any{}, into: &next})
	if next.State != "pending" || next.RetryOf != q.ID {
		r.w.Fatalf("retry made %+v, want a pending request", next)
	}
	if status, err := r.approve(next); status != http.StatusOK {
		r.w.Fatal(err)
	}
	got := r.ends(next.ID, soon)
	if got.State != "succeeded" || r.w.runs(got.RunID) != 1 {
		r.w.Errorf("the new request is %s and left %d lines", got.State, r.w.runs(got.RunID))
	}
}

// K13: killed while the command runs: the command dies with it, and the run is unknown.
func TestK13KilledDuringTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold()
	a := w.replica("a")
	a.start("")
	q := a.approved("hold", "")
	w.until(soon, "the command to run", func() bool { return len(w.lines()) == 1 })
	a.kill()
	w.until(soon, "the command to be gone", func() bool { return !w.lives() })
	a.start("")
	if got := a.ends(q.ID, soon); got.State != "unknown" || got.Outcome != "why_interrupted" {
		t.Errorf("%+v", got)
	}
	if n := len(w.lines()); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
}

// hold lets the action "hold" stay until release.
func (w *world) hold() {
	if err := os.WriteFile(w.file("stay"), nil, 0o600); err != nil {
		w.Fatal(err)
	}
}

// lives says whether the process that left the first line is there.
func (w *world) lives() bool {
	name, err := os.Readlink(filepath.Join("/proc", w.lines()[0].pid, "exe"))
	return err == nil && name == witness
}

// K15: killed when the result is committed and no card shows it: the card does within 30 seconds.
func TestK15KilledBeforeTheCardShowsTheResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.replica("a")
	a.start("run_committed=kill")
	i := a.raised("Acknowledge")
	q := a.approved("append", i.ID)
	a.dies()
	a.start("")
	began := time.Now()
	w.until(late, "the card to show the result", func() bool { return shows(a.cards()[0], "succeeded") })
	if stale := time.Since(began); stale > 30*time.Second {
		t.Errorf("the card was stale for %v", stale)
	}
	if got := a.request(q.ID); got.State != "succeeded" || w.runs(got.RunID) != 1 {
		t.Errorf("%+v, %d lines", got, w.runs(got.RunID))
	}
	if n := len(a.cards()); n != 1 {
		t.Errorf("%d cards, want 1", n)
	}
}

// K17: killed in the middle of reloads: what is in force is one configuration or the other, never a mix.
func TestK17KilledDuringReloads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.replica("a")
	a.start("")
	store := w.redis.URL()
	texts := make([]string, 2)
	for n := range texts {
		w.options.severity = fmt.Sprintf(`'"P%d"'`, n+1)
		w.options.groupBy = []string{"[alertname]", "[alertname, instance]"}[n]
		texts[n] = w.config(filepath.Join(a.dir, "data"), store)
	}
	for round := range 6 {
		for n := range 5 {
			a.write(texts[n%2])
			a.signal(syscall.SIGHUP)
			if d := a.source().send(t.Context(), firing(fmt.Sprintf("R%d-%d", round, n), "web-1")); !d.kept {
				t.Fatal(d.answers)
			}
		}
		a.kill()
		a.start("")
	}
	all := a.incidents()
	if len(all) != 30 {
		t.Errorf("%d incidents, want 30", len(all))
	}
	for _, i := range all {
		first := i.Severity == "P1" && !strings.Contains(i.GroupKey, "instance")
		second := i.Severity == "P2" && strings.Contains(i.GroupKey, "instance")
		if !first && !second {
			t.Errorf("incident %s has severity %s: a mix of two configurations", i.GroupKey, i.Severity)
		}
	}
}
