package kill

import (
	"context"
	"fmt"
	"net/http"
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
