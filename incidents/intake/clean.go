package intake

import (
	"strings"
	"unicode/utf8"
)

// clean replaces by U+FFFD what could deceive or break a reader further on: bytes that are not UTF-8, control
// characters other than tab and line ends (NUL and the escape of terminals among them), and the bidirectional
// embeddings, overrides and isolates that make a text read differently from its bytes. It tells whether it
// replaced anything. Marks of direction that only help right-to-left scripts (U+200E, U+200F) stay.
func clean(s string) (string, bool) {
	i := printable(s)
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' && !blank(rune(c)) || c >= 0x7f {
			return cleanFrom(s, i)
		}
	}
	return s, false
}

// printable gives a length up to which s is printable ASCII, looking at eight bytes at a time: nearly all of what
// passes through here is, and every byte of every alert does pass.
func printable(s string) int {
	const ones = 0x0101010101010101
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := s[i : i+8]
		x := uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
			uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
		// The top bit of some byte is set if that byte is 0x80 or more, below 0x20, or 0x7f.
		if (x|(x-0x20*ones)|(x+ones))&(0x80*ones) != 0 {
			break
		}
	}
	return i
}

// cleanFrom is clean for a text whose first i bytes are known to be plain.
func cleanFrom(s string, i int) (string, bool) {
	first := -1
	for j, r := range s[i:] {
		if foul(r) || r == utf8.RuneError && !strings.HasPrefix(s[i+j:], "\uFFFD") {
			first = i + j
			break
		}
	}
	if first < 0 {
		return s, false
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:first])
	for _, r := range s[first:] {
		if foul(r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

func foul(r rune) bool {
	switch {
	case r < ' ':
		return !blank(r)
	case r < 0x7f:
		return false
	case r <= 0x9f: // DEL and the second set of control characters
		return true
	}
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func blank(r rune) bool { return r == '\t' || r == '\n' || r == '\r' }

// cut shortens s to at most n bytes without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
