package kill

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// alert is one alert as Alertmanager's webhook carries it.
type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Generator   string            `json:"generatorURL"`
	Fingerprint string            `json:"fingerprint"`
}

// firing is an alert that begins now.
func firing(name, instance string) alert {
	sum := sha256.Sum256([]byte(name + "\x00" + instance))
	return alert{Status: "firing", Labels: map[string]string{"alertname": name, "instance": instance}, Annotations: map[string]string{},
		StartsAt: time.Now().UTC().Truncate(time.Millisecond), Fingerprint: fmt.Sprintf("%x", sum[:8])}
}

// ended is the same alert, resolved now.
func (a alert) ended() alert {
	a.Status, a.EndsAt = "resolved", time.Now().UTC().Truncate(time.Millisecond)
	return a
}

// delivery is one webhook with every answer it got.
type delivery struct {
	alerts  []alert
	answers []int // 0: none
	kept    bool  // the last one was 2xx
}

// source posts webhooks as Alertmanager does.
type source struct {
	at     func() string // which replica, asked for each attempt
	client *http.Client
}

// from makes a source that posts to one replica.
func (r *replica) source() *source { return &source{at: r.at, client: quick} }

// send posts until it is answered with 2xx; 5xx and no answer are tried again, as Alertmanager does, anything else ends it.
func (s *source) send(ctx context.Context, alerts ...alert) delivery {
	d := delivery{alerts: alerts}
	body, err := json.Marshal(map[string]any{"version": "4", "groupKey": "{}", "status": "firing", "receiver": "dogwatch", "alerts": alerts,
		"groupLabels": map[string]string{}, "commonLabels": map[string]string{}, "commonAnnotations": map[string]string{}, "externalURL": "http://am"})
	if err != nil {
		return d
	}
	for wait := 20 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 300*time.Millisecond) {
		status := s.post(ctx, body)
		d.answers = append(d.answers, status)
		if d.kept = status/100 == 2; d.kept || status != 0 && status/100 != 5 {
			return d
		}
		pause(ctx, wait)
	}
	return d
}

func (s *source) post(ctx context.Context, body []byte) int {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.at()+"/alerts/prom", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+canaries["K_PROM"])
	answer, err := s.client.Do(q)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0 // an answer that breaks off is none
	}
	return answer.StatusCode
}

// sending posts beside the test; the result comes when it is kept.
func (s *source) sending(ctx context.Context, alerts ...alert) <-chan delivery {
	out := make(chan delivery, 1)
	go func() { out <- s.send(ctx, alerts...) }()
	return out
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
