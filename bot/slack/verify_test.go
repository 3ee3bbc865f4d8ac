package slack

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	api "github.com/slack-go/slack"

	"dogwatch/bot/slack/slacktest"
	"dogwatch/internal/text"
)

type vector struct {
	ID        string  `json:"id"`
	Secret    *string `json:"signing_secret"`
	Stamp     *string `json:"timestamp"`
	Body      *string `json:"body"`
	Signature *string `json:"signature"`
	Now       int64   `json:"now"`
}

func or(p, q *string) string {
	if p != nil {
		return *p
	}
	return *q
}

// check verifies v with the fields it lacks taken from base, at v.Now or the stamp's own time.
func (v vector) check(t *testing.T, base vector) (string, error) {
	t.Helper()
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", or(v.Stamp, base.Stamp))
	h.Set("X-Slack-Signature", or(v.Signature, base.Signature))
	now := v.Now
	if now == 0 {
		n, err := strconv.ParseInt(*base.Stamp, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		now = n
	}
	return verify(h, []byte(or(v.Body, base.Body)), text.NewSecret(or(v.Secret, base.Secret)), time.Unix(now, 0))
}

func TestSignatureVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Published, Refuse []vector
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Published) < 2 || len(file.Refuse) < 10 {
		t.Fatalf("only %d published vectors and %d to refuse", len(file.Published), len(file.Refuse))
	}
	for _, v := range file.Published {
		got, err := v.check(t, v)
		if err != nil || got != *v.Signature {
			t.Errorf("%s: %q, %v; want it taken", v.ID, got, err)
		}
	}
	base := file.Published[0]
	for _, v := range file.Refuse {
		if got, err := v.check(t, base); err == nil || err.Error() != "request refused" || got != "" {
			t.Errorf("%s: %q, %v; want the one constant refusal", v.ID, got, err)
		}
	}
	edge := vector{Now: 1531420618 + 300}
	if _, err := edge.check(t, base); err != nil {
		t.Errorf("exactly five minutes old: %v; want it taken", err)
	}
}

// A request with two signatures must not be judged by one and remembered by the other.
func TestTwoSignaturesAreRefused(t *testing.T) {
	now := time.Now()
	h := slacktest.Sign("s3cret", []byte("x=1"), now)
	if _, err := verify(h, []byte("x=1"), text.NewSecret("s3cret"), now); err != nil {
		t.Fatalf("good request: %v", err)
	}
	h.Add("X-Slack-Signature", "v0=00")
	if _, err := verify(h, []byte("x=1"), text.NewSecret("s3cret"), now); err == nil {
		t.Error("two signatures were taken")
	}
}

// Our verifier and slack-go's agree, except where ours is stricter on purpose.
func TestAgreesWithSlackGo(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name   string
		secret string
		body   string
		age    time.Duration
		change func(http.Header)
	}{
		{"good", "k1", "payload=%7B%7D", 0, nil},
		{"four minutes old", "k1", "a=b", 4 * time.Minute, nil},
		{"six minutes old", "k1", "a=b", 6 * time.Minute, nil},
		{"six minutes ahead", "k1", "a=b", -6 * time.Minute, nil},
		{"wrong secret", "k2", "a=b", 0, nil},
		{"no stamp", "k1", "a=b", 0, func(h http.Header) { h.Del("X-Slack-Request-Timestamp") }},
		{"no signature", "k1", "a=b", 0, func(h http.Header) { h.Del("X-Slack-Signature") }},
		{"garbage", "k1", "a=b", 0, func(h http.Header) { h.Set("X-Slack-Signature", "v0=zz") }},
		{"empty body", "k1", "", 0, nil},
		{"Chinese", "k1", "text=磁盘", 0, nil},
	} {
		h := slacktest.Sign(c.secret, []byte(c.body), now.Add(-c.age))
		if c.change != nil {
			c.change(h)
		}
		_, ours := verify(h, []byte(c.body), text.NewSecret("k1"), now)
		v, theirs := api.NewSecretsVerifier(h, "k1")
		if theirs == nil {
			if _, err := v.Write([]byte(c.body)); err != nil {
				t.Fatal(err)
			}
			theirs = v.Ensure()
		}
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%s: ours %v, slack-go %v", c.name, ours, theirs)
		}
		if ours != nil && strings.Contains(ours.Error(), "v0=") {
			t.Errorf("%s: the refusal tells a signature: %v", c.name, ours)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("v0=00", "1531420618", []byte("a=b"))
	f.Add("", "", []byte(nil))
	f.Fuzz(func(t *testing.T, signature, stamp string, body []byte) {
		h := http.Header{}
		h["X-Slack-Signature"], h["X-Slack-Request-Timestamp"] = []string{signature}, []string{stamp}
		if _, err := verify(h, body, text.NewSecret("kept from the fuzzer"), time.Unix(1531420618, 0)); err == nil {
			t.Errorf("a guessed signature %q was taken", signature)
		}
	})
}
