package slacktest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Delivery is one request to the bot and what came back.
type Delivery struct {
	Kind        string        `json:"kind"` // "command", "click", "submit", "event"
	Path        string        `json:"path"`
	ContentType string        `json:"content_type"`
	Body        []byte        `json:"body"`
	Header      http.Header   `json:"header"` // as it was sent, with stamp and signature
	Status      int           `json:"status"` // 0: no answer in three seconds, or none at all
	Answer      []byte        `json:"answer"`
	Took        time.Duration `json:"took"`
	Error       string        `json:"error,omitempty"` // "operation_timeout", "" …

	TriggerID   string `json:"trigger_id,omitempty"`
	ResponseURL string `json:"response_url,omitempty"`
	ActionTS    string `json:"action_ts,omitempty"`
	EventID     string `json:"event_id,omitempty"`
	EnvelopeID  string `json:"envelope_id,omitempty"`
	Retry       int    `json:"retry,omitempty"`

	user, channel, view string
}

// OK says that Slack would show no error.
func (d Delivery) OK() bool { return d.Status >= 200 && d.Status < 300 }

// Sign makes the headers of a body stamped with a time. It is the whole of Slack's signing, so that tests can also sign
// what Slack would not send.
func Sign(secret string, body []byte, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return h
}

// deliver signs and sends.
func (s *Server) deliver(ctx context.Context, d Delivery) Delivery {
	h := Sign(s.opt.SigningSecret, d.Body, s.opt.SigningNow())
	for k, v := range d.Header {
		h[k] = v
	}
	d.Header = h
	return s.Send(ctx, d)
}

// Repeat delivers the same body again under a new stamp and signature, as Slack repeats.
func (s *Server) Repeat(ctx context.Context, d Delivery) Delivery {
	d.Header = d.Header.Clone()
	d.Header.Del("X-Slack-Signature")
	d.Header.Del("X-Slack-Request-Timestamp")
	return s.deliver(ctx, d)
}

// Send sends a delivery as it stands: with its headers, whatever they say. Sent twice it is a replay.
func (s *Server) Send(ctx context.Context, d Delivery) Delivery {
	s.mu.Lock()
	target := s.opt.Target
	s.mu.Unlock()
	d.Status, d.Answer, d.Error = 0, nil, ""
	started := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target+d.Path, bytes.NewReader(d.Body))
	if err != nil {
		d.Error = err.Error()
		return d
	}
	req.Header = d.Header.Clone()
	req.Header.Set("Content-Type", d.ContentType)
	req.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	resp, err := s.client.Do(req)
	if err != nil {
		d.Error = failure(err)
	} else {
		d.Status = resp.StatusCode
		d.Answer, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		d.Error = cmp.Or(failure(err), d.Error)
		_ = resp.Body.Close()
	}
	d.Took = time.Since(started)
	s.mu.Lock()
	s.note(Entry{Kind: "delivery", Method: d.Kind, Status: d.Status, Error: d.Error, Body: string(d.Answer)})
	s.mu.Unlock()
	return d
}

func failure(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return ""
	case errors.As(err, &timeout) && timeout.Timeout():
		return "operation_timeout"
	}
	return "connection_failed"
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process rather
	return hex.EncodeToString(b)
}

// payload wraps an interaction as a form.
func payload(v any) []byte {
	return []byte(url.Values{"payload": {string(mustJSON(v))}}.Encode())
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// show keeps what a person gets to see of an immediate answer.
func (s *Server) show(d Delivery) {
	if !d.OK() || len(bytes.TrimSpace(d.Answer)) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var m posted
	if json.Unmarshal(d.Answer, &m) != nil {
		m = posted{Text: string(d.Answer)}
	}
	s.put(m, d.channel, d.user)
}
