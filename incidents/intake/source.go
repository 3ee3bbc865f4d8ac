package intake

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// TokenHash is the SHA-256 of a source's token. The token itself is not kept.
type TokenHash [sha256.Size]byte

// HashToken hashes a token. The empty token has a hash like any other, but no request can present it.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// Source is one configured sender of alerts.
type Source struct {
	Name   string      // as in POST /alerts/{name}: letters, digits, '-', '_' and '.'
	Type   string      // the format's name, for people; the doors only carry it
	Tokens []TokenHash // any of them opens the door; none: nobody comes in
	Decode Decoder
}

// Validate reports all faults of the source at once.
func (s Source) Validate() error {
	var faults []error
	if s.Name == "" || strings.ContainsFunc(s.Name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	}) {
		faults = append(faults, fmt.Errorf("check source %q: the name must be of letters, digits, '-', '_' and '.'", s.Name))
	}
	if s.Decode == nil {
		faults = append(faults, fmt.Errorf("check source %s: no decoder for type %q", s.Name, s.Type))
	}
	for _, hash := range s.Tokens {
		if hash == HashToken("") {
			faults = append(faults, fmt.Errorf("check source %s: a token is empty", s.Name))
		}
	}
	return errors.Join(faults...)
}

// opens tells whether token is one of the source's. Every hash is looked at, whichever fits.
func (s *Source) opens(token string) bool {
	given := HashToken(token)
	fits := 0
	for i := range s.Tokens {
		fits |= subtle.ConstantTimeCompare(given[:], s.Tokens[i][:])
	}
	return fits == 1 && token != ""
}

// presentedToken takes the token out of a request; "" when there is none. A header goes before the query, so that a
// sender with both is judged by the one that is meant to be secret.
func presentedToken(r *http.Request) string {
	if header := r.Header["Authorization"]; len(header) > 0 {
		scheme, rest, _ := strings.Cut(header[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(rest)
		}
		_, password, _ := r.BasicAuth()
		return password
	}
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get("token")
}
