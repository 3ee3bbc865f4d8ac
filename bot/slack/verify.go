package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"dogwatch/internal/text"
)

const (
	signatureWindow = 5 * time.Minute
	// A signature is accepted from five minutes before to five minutes after its stamp, so ten minutes cover its life.
	replayWindow = 2 * signatureWindow
)

// errUnverified is the whole answer to a bad request: the reason would help only who forges.
var errUnverified = errors.New("request refused")

// verify checks Slack's signature over the raw body and returns it for the replay store.
//
// The comparison is of the text, not of decoded bytes: a signature in upper-case hex would be the same bytes under another
// name, and the replay store would see it for the first time.
func verify(h http.Header, body []byte, secret text.Secret, now time.Time) (signature string, err error) {
	stamps, signatures := h.Values("X-Slack-Request-Timestamp"), h.Values("X-Slack-Signature")
	if len(stamps) != 1 || len(signatures) != 1 || secret.Reveal() == "" {
		return "", errUnverified
	}
	seconds, err := strconv.ParseInt(stamps[0], 10, 64)
	if err != nil {
		return "", errUnverified
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > signatureWindow || age < -signatureWindow {
		return "", errUnverified
	}
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte("v0:" + stamps[0] + ":"))
	mac.Write(body)
	want := "v0=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(signatures[0])) {
		return "", errUnverified
	}
	return want, nil
}

// digest is a short name for foreign text in keys and ids.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
