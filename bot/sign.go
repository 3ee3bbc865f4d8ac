package bot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// signer makes and checks what buttons and forms carry: "v1.VERB.SUBJECT.MAC". The MAC binds verb and subject to one platform;
// it says that the button is ours, not that whoever presses it may.
type signer struct{ key []byte }

var errForged = errors.New("the button is not ours")

// minKey is how long a platform's secret must be at least.
const minKey = 16

// newSigner derives a platform's key from its secret, so that a value of one platform is worth nothing on another.
func newSigner(platform string, secret []byte) (signer, error) {
	if len(secret) < minKey {
		return signer{}, errors.New("a key of at least 16 bytes is needed to sign buttons")
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("dogwatch buttons v1 " + platform))
	return signer{m.Sum(nil)}, nil
}

func (s signer) mac(words string) string {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(words))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}

// sign is a button's value. Subjects are ids and configured names: URL-safe ASCII.
func (s signer) sign(verb, subject string) string {
	words := "v1." + verb + "." + subject
	return words + "." + s.mac(words)
}

// open checks a value and splits it. A signer without a key opens nothing.
func (s signer) open(value string) (verb, subject string, err error) {
	at := strings.LastIndexByte(value, '.')
	if len(s.key) == 0 || len(value) > 200 || at < 0 {
		return "", "", errForged
	}
	words, mac := value[:at], value[at+1:]
	if !hmac.Equal([]byte(mac), []byte(s.mac(words))) {
		return "", "", errForged
	}
	rest, ours := strings.CutPrefix(words, "v1.")
	verb, subject, whole := strings.Cut(rest, ".")
	if !ours || !whole {
		return "", "", errForged
	}
	return verb, subject, nil
}
