package kill

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// K19: two replicas are restarted one after the other under a thousand webhooks a second: each ends by itself within 25 s with
// exit code 0, and every alert that was answered with 2xx is there once.
func TestK19RollingRestartUnderLoad(t *testing.T) {
	w := newWorld(t, func(o *options) { o.steps = `[{after: 1h, notify: ['person:alice']}]` })
	pair := []*replica{w.replica("a"), w.replica("b")}
	for _, r := range pair {
		r.start("")
	}
	ctx, stop := context.WithCancel(t.Context())
	var kept, tries atomic.Int64
	var all sync.WaitGroup
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	const senders = 20
	counts := make([]int, senders)
	for n := range senders {
		s := &source{client: client, at: pair[n%2].at}
		all.Go(func() {
			pace := time.NewTicker(20 * time.Millisecond) // twenty of them are a thousand a second
			defer pace.Stop()
			for ctx.Err() == nil {
				<-pace.C
				counts[n]++
				d := s.send(t.Context(), firing(fmt.Sprintf("Group-%d", n), fmt.Sprintf("host-%d", counts[n])))
				tries.Add(int64(len(d.answers)))
				if d.kept {
					kept.Add(1)
				}
			}
		})
	}
	for _, r := range pair {
		before := kept.Load()
		w.until(soon, "the load to go on", func() bool { return kept.Load() > before+500 })
		began := time.Now()
		state := r.end(syscall.SIGTERM)
		if took := time.Since(began); state.ExitCode() != 0 || took > 25*time.Second {
			t.Errorf("%s ended with %v after %v", r.name, state, took)
		}
		r.start("")
	}
	stop()
	all.Wait()
	sent := 0
	for _, n := range counts {
		sent += n
	}
	if int(kept.Load()) != sent {
		t.Errorf("%d of %d webhooks were kept in the end", kept.Load(), sent)
	}
	found, incidents := 0, pair[0].incidents()
	for _, i := range incidents {
		found += i.Alerts.Total
		if i.Alerts.Firing != i.Alerts.Total || len(i.List) != i.Alerts.Total {
			t.Errorf("incident %s counts %+v and lists %d", i.GroupKey, i.Alerts, len(i.List))
		}
	}
	if found != sent || len(incidents) != senders {
		t.Errorf("%d alerts in %d incidents, want %d in %d", found, len(incidents), sent, senders)
	}
	t.Logf(`{"test":"K19","webhooks":%d,"attempts":%d,"lost":%d}`, sent, tries.Load(), sent-found)
}

// K19: a webhook that is on its way to Redis at SIGTERM is still answered, and so does a run come to its end.
func TestK19DrainFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold()
	v := w.wire()
	a := w.replicaOver("a", v.url())
	a.start("")
	if d := a.source().send(t.Context(), firing("Warm", "web-1")); !d.kept {
		t.Fatal(d.answers)
	}
	q := a.approved("hold", "")
	w.until(soon, "the command to run", func() bool { return len(w.lines()) == 1 })
	v.obey(func(c []byte) fate {
		if script(c, "Disk") {
			return held
		}
		return pass
	})
	at := a.at()
	out := (&source{client: quick, at: func() string { return at }}).sending(t.Context(), firing("Disk", "web-1"))
	<-v.hits
	a.signal(syscall.SIGTERM)
	w.until(soon, "the door to be shut", func() bool { return a.ready() != http.StatusOK })
	close(v.gate)
	if d := <-out; !d.kept || len(d.answers) != 1 {
		t.Errorf("the webhook was answered %v, want one 200", d.answers)
	}
	if err := os.Remove(w.file("stay")); err != nil {
		t.Fatal(err)
	}
	if state := a.end(syscall.SIGTERM); state.ExitCode() != 0 {
		t.Errorf("ended with %v", state)
	}
	v.obey(nil)
	a.start("")
	if got := a.request(q.ID); got.State != "succeeded" || w.runs(got.RunID) != 1 {
		t.Errorf("the run is %s and left %d lines", got.State, w.runs(got.RunID))
	}
}
