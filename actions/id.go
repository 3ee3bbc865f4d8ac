package actions

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// newID makes an identifier of 128 random bits in lower-case letters and digits: nobody can guess one, and it is safe in a
// file name, a key and a URL.
func newID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("actions: no randomness: " + err.Error()) // crypto/rand never fails on supported systems
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}
