package alertmanager

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
	"dogwatch/internal/alertmanagertest"
)

const token = "token-of-the-real-one"

// desk stands behind a real door: every body and every batch that came, in order.
type desk struct {
	url    string
	doors  *intake.Doors
	taken  chan incidents.Batch
	mu     sync.Mutex
	bodies []string
	fault  error // what Take answers
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{taken: make(chan incidents.Batch, 1000)}
	var err error
	d.doors, err = intake.New(intake.Config{
		Take: d.take,
		Bury: func(_ context.Context, source, reason string, body []byte) (string, error) {
			t.Errorf("the real Alertmanager's body was buried: %s: %s", reason, body)
			return source, nil
		},
		Note: func(context.Context, string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = d.doors.SetSources([]intake.Source{{Name: "prom", Decode: d.decode, Tokens: []intake.TokenHash{intake.HashToken(token)}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d.doors.Handler())
	t.Cleanup(server.Close)
	d.url = server.URL + "/alerts/prom"
	return d
}

func (d *desk) decode(body []byte) (incidents.Batch, error) {
	d.mu.Lock()
	d.bodies = append(d.bodies, string(body))
	d.mu.Unlock()
	return Decode(body)
}

func (d *desk) take(_ context.Context, _ string, b incidents.Batch) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault != nil {
		return 0, d.fault
	}
	d.taken <- b
	return len(b.Reports), nil
}

func (d *desk) setFault(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = err
}

// next waits for a batch that fits, passing over others.
func (d *desk) next(t *testing.T, what string, fits func(incidents.Batch) bool) incidents.Batch {
	t.Helper()
	limit := time.NewTimer(60 * time.Second)
	defer limit.Stop()
	for {
		select {
		case b := <-d.taken:
			if fits(b) {
				return b
			}
		case <-limit.C:
			t.Fatalf("waited in vain for %s; counts %+v", what, d.doors.Counters())
		}
	}
}

// until waits for a condition of the doors' counters.
func (d *desk) until(t *testing.T, what string, is func(intake.Counts) bool) {
	t.Helper()
	limit := time.NewTimer(60 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is(d.doors.Counters()[1]) {
		select {
		case <-limit.C:
			t.Fatalf("waited in vain until %s; counts %+v", what, d.doors.Counters())
		case <-tick.C:
		}
	}
}

// readQuickly fails the test if a real body needed the thorough reader.
func (d *desk) readQuickly(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, body := range d.bodies {
		if _, ok := defaults.quick([]byte(body)); !ok {
			t.Errorf("the quick reader gave up on a real body: %s", body)
		}
		sameAsThorough(t, []byte(body))
	}
}

func all(status incidents.Status, n int) func(incidents.Batch) bool {
	return func(b incidents.Batch) bool {
		return len(b.Reports) == n && !slices.ContainsFunc(b.Reports, func(r incidents.Report) bool { return r.Status != status })
	}
}

// diskFull has just begun to fire: Alertmanager does not let an alert that is older than group_wait wait for others.
func diskFull(instance string) alertmanagertest.Alert {
	return alertmanagertest.Alert{
		Labels:       map[string]string{"alertname": "DiskFull", "instance": instance, "severity": "critical"},
		Annotations:  map[string]string{"summary": "disk is full:\n\"96 %\" <b> 磁盘"},
		StartsAt:     time.Now().UTC().Truncate(time.Millisecond),
		GeneratorURL: "http://prom.example.com:9090/graph?g0.expr=x&g0.tab=1",
	}
}

func TestRealAlertmanager(t *testing.T) {
	d := newDesk(t)
	am := alertmanagertest.Start(t, alertmanagertest.Options{WebhookURL: d.url, Token: token, GroupWait: time.Second})
	alerts := []alertmanagertest.Alert{diskFull("host-1"), diskFull("host-2")}
	am.PostAlerts(t, alerts...)
	firing := d.next(t, "both alerts firing", all(incidents.Firing, 2))
	want := incidents.Batch{Reports: []incidents.Report{
		// The fingerprints are Alertmanager's own: FNV-1a over the labels.
		{Fingerprint: firing.Reports[0].Fingerprint, Status: incidents.Firing, Labels: alerts[0].Labels, Annotations: alerts[0].Annotations, StartsAt: alerts[0].StartsAt, GeneratorURL: alerts[0].GeneratorURL},
		{Fingerprint: firing.Reports[1].Fingerprint, Status: incidents.Firing, Labels: alerts[1].Labels, Annotations: alerts[1].Annotations, StartsAt: alerts[1].StartsAt, GeneratorURL: alerts[1].GeneratorURL},
	}}
	if diff := cmp.Diff(want, firing); diff != "" {
		t.Errorf("firing, want (-), got (+):\n%s", diff)
	}
	if a, b := firing.Reports[0].Fingerprint, firing.Reports[1].Fingerprint; len(a) != 16 || len(b) != 16 || a == b {
		t.Errorf("fingerprints %q and %q", a, b)
	}

	am.Resolve(t, alerts[1])
	mixed := d.next(t, "one alert resolved", func(b incidents.Batch) bool {
		return len(b.Reports) == 2 && b.Reports[0].Status == incidents.Firing && b.Reports[1].Status == incidents.Resolved
	})
	gone := mixed.Reports[1]
	if gone.Fingerprint != firing.Reports[1].Fingerprint || !gone.StartsAt.Equal(alerts[1].StartsAt) || gone.EndsAt.IsZero() {
		t.Errorf("resolved: %+v", gone)
	}
	am.Resolve(t, alerts[0])
	d.next(t, "the other alert resolved", func(b incidents.Batch) bool {
		return b.Reports[0].Status == incidents.Resolved && b.Reports[0].Labels["instance"] == "host-1"
	})
	d.readQuickly(t)
}

// TestRealAlertmanagerTwins has two peers that do not see each other, so that both send everything: what tells a
// report from another must be equal in both.
func TestRealAlertmanagerTwins(t *testing.T) {
	d := newDesk(t)
	am := alertmanagertest.Start(t, alertmanagertest.Options{WebhookURL: d.url, Token: token, Peers: 2, Apart: true})
	alert := diskFull("host-1")
	alert.StartsAt = alert.StartsAt.Add(-time.Hour)
	am.PostAlerts(t, alert)
	first, second := d.next(t, "the first twin", all(incidents.Firing, 1)), d.next(t, "the second twin", all(incidents.Firing, 1))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the twins differ:\n%s", diff)
	}
	alert.EndsAt = time.Now().Add(-time.Second).Truncate(time.Millisecond)
	am.PostAlerts(t, alert)
	first, second = d.next(t, "the first twin's end", all(incidents.Resolved, 1)), d.next(t, "the second twin's end", all(incidents.Resolved, 1))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the twins' ends differ:\n%s", diff)
	}
	if !first.Reports[0].EndsAt.Equal(alert.EndsAt) {
		t.Errorf("ended %v, want %v", first.Reports[0].EndsAt, alert.EndsAt)
	}
}

// TestRealAlertmanagerCluster kills the peer that sends; the other one knows what was sent and brings the end.
func TestRealAlertmanagerCluster(t *testing.T) {
	d := newDesk(t)
	am := alertmanagertest.Start(t, alertmanagertest.Options{WebhookURL: d.url, Token: token, Peers: 2, PeerTimeout: time.Second})
	alert := diskFull("host-1")
	am.PostAlerts(t, alert)
	firing := d.next(t, "the alert firing", all(incidents.Firing, 1))
	am.Stop(t, 0, true)
	am.Resolve(t, alert)
	resolved := d.next(t, "its end from the other peer", all(incidents.Resolved, 1))
	if resolved.Reports[0].Fingerprint != firing.Reports[0].Fingerprint || !resolved.Reports[0].StartsAt.Equal(firing.Reports[0].StartsAt) {
		t.Errorf("fired as %+v, ended as %+v", firing.Reports[0], resolved.Reports[0])
	}
}

// TestRealAlertmanagerRetries shows that a 503 is followed by the same alerts again.
func TestRealAlertmanagerRetries(t *testing.T) {
	d := newDesk(t)
	d.setFault(errors.New("redis is away"))
	am := alertmanagertest.Start(t, alertmanagertest.Options{WebhookURL: d.url, Token: token, GroupInterval: time.Minute})
	am.PostAlerts(t, diskFull("host-1"))
	d.until(t, "two attempts were refused", func(c intake.Counts) bool { return c.Failed >= 2 })
	d.setFault(nil)
	d.next(t, "the alert after the refusals", all(incidents.Firing, 1))
}

func TestRealAlertmanagerWrongToken(t *testing.T) {
	d := newDesk(t)
	am := alertmanagertest.Start(t, alertmanagertest.Options{WebhookURL: d.url, Token: "wrong"})
	am.PostAlerts(t, diskFull("host-1"))
	d.until(t, "it was turned away", func(c intake.Counts) bool { return c.Unauthorized >= 1 })
	if n := len(d.taken); n != 0 || len(d.bodies) != 0 {
		t.Errorf("%d batches were taken, %d bodies read", n, len(d.bodies))
	}
}

// TestRealAlertmanagerCuts has more alerts than max_alerts lets through.
func TestRealAlertmanagerCuts(t *testing.T) {
	d := newDesk(t)
	am := alertmanagertest.Start(t, alertmanagertest.Options{WebhookURL: d.url, Token: token, MaxAlerts: 1, GroupWait: time.Second})
	am.PostAlerts(t, diskFull("host-1"), diskFull("host-2"), diskFull("host-3"))
	cut := d.next(t, "the cut body", func(b incidents.Batch) bool { return b.Truncated > 0 })
	if cut.Truncated != 2 || len(cut.Reports) != 1 || cut.Reports[0].Labels["instance"] != "host-1" {
		t.Errorf("got %+v", cut)
	}
	d.readQuickly(t)
}
