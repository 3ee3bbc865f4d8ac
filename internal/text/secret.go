package text

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"strings"
)

// redacted is all that any way of printing a Secret shows.
const redacted = "[redacted]"

// Secret is a token, key or password. It shows itself as "[redacted]" whichever way it is printed, logged or encoded, also
// inside other values; only Reveal gives it away, so a search for Reveal finds every place that uses one.
//
// It begins as a reference ("env:NAME", "file:PATH") read from the configuration, and holds a value once Resolved made one
// of it. The zero value is no secret at all: IsZero, and equal to nothing.
type Secret struct {
	ref string
	// A pointer, since fmt follows unexported fields of foreign structs without asking their methods, but prints a nested
	// pointer as an address.
	value *string
}

// NewSecret holds a value that did not come from the configuration.
func NewSecret(value string) Secret { return Secret{value: &value} }

// ParseSecret reads a reference, "env:NAME" or "file:PATH". It looks nothing up. The error never repeats s, which may be
// a secret that somebody wrote out by mistake.
func ParseSecret(s string) (Secret, error) {
	kind, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || (kind != "env" && kind != "file") {
		return Secret{}, fmt.Errorf("a secret is written env:NAME or file:PATH, never itself")
	}
	if kind == "env" && strings.ContainsAny(rest, "= \t\x00") {
		return Secret{}, fmt.Errorf("what follows env: is the name of an environment variable")
	}
	return Secret{ref: s}, nil
}

// Resolved is the same secret with its value.
func (s Secret) Resolved(value string) Secret { return Secret{ref: s.ref, value: &value} }

// Ref is where the secret comes from, "env:NAME" or "file:PATH"; "" if it did not come from the configuration.
func (s Secret) Ref() string { return s.ref }

// IsZero says that there is neither a reference nor a value.
func (s Secret) IsZero() bool { return s.ref == "" && s.value == nil }

// Reveal is the secret itself; "" before it is resolved.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal compares with what somebody presented, in a time that tells nothing of either. An empty secret equals nothing.
func (s Secret) Equal(presented string) bool {
	have, got := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(presented))
	return subtle.ConstantTimeCompare(have[:], got[:]) == 1 && s.Reveal() != ""
}

// String is "[redacted]".
func (s Secret) String() string { return redacted }

// GoString is "[redacted]".
func (s Secret) GoString() string { return redacted }

// Format writes "[redacted]" whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText is "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON is "[redacted]".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue is "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
