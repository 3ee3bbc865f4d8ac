package actions

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is kept of one run's output.
const (
	keepHead = 32 << 10
	keepTail = 32 << 10
	longLine = 4 << 10 // an unfinished line is handed on when it is this long
)

// Output takes a run's raw output and makes of it what people may see: secrets blotted out, everything that could move a
// cursor, change colours or reverse reading order turned into visible text, the first and last 32 KiB kept, all bytes
// counted. It is safe for one writer and any readers. Memory is bounded whatever is written.
type Output struct {
	mu      sync.Mutex
	blotter *blotter
	to      func(text string)
	bytes   int64
	partial []byte // clean text of a line that has not ended
	rune    []byte // the beginning of a character that was cut between two chunks
	cr      bool   // a carriage return that may turn out to be half of a line end
	head    []byte
	tail    []byte
	dropped int64
}

// Kept is the bounded text of an output.
type Kept struct {
	Head    string
	Tail    string // "" when Head is everything
	Dropped int64  // bytes of clean text that were left out between the two
}

// NewOutput makes an Output. Values in secrets of at least 4 bytes are blotted out wherever they appear. to, if not nil,
// receives the clean text as it comes, in whole lines (a very long line in pieces), from within Write and Close.
func NewOutput(secrets []string, to func(text string)) *Output {
	if to == nil {
		to = func(string) {}
	}
	return &Output{blotter: newBlotter(secrets), to: to}
}

// Write takes a raw chunk. It keeps nothing of p.
func (o *Output) Write(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes += int64(len(p))
	o.clean(o.blotter.write(p))
}

// Flush hands on a line that has not ended: for programs that print a question or a progress line and wait. Characters
// that may be the beginning of a secret stay back.
func (o *Output) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handOn()
}

// Close hands on what was held back.
func (o *Output) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clean(o.blotter.close())
	for _, b := range o.rune {
		o.put(hexByte(b))
	}
	o.rune = nil
	if o.cr {
		o.put(`\r`)
		o.cr = false
	}
	o.handOn()
}

// Bytes is how much raw output was written in all.
func (o *Output) Bytes() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// Kept is the clean text as far as it is kept; complete after Close.
func (o *Output) Kept() Kept {
	o.mu.Lock()
	defer o.mu.Unlock()
	tail := o.tail
	if len(tail) > keepTail {
		tail = tail[len(tail)-keepTail:]
		for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
			tail = tail[1:]
		}
	}
	return Kept{Head: string(o.head), Tail: string(tail), Dropped: o.dropped + int64(len(o.tail)-len(tail))}
}

// clean escapes blotted bytes and puts them on the current line.
func (o *Output) clean(p []byte) {
	if len(o.rune) > 0 {
		p = append(o.rune, p...)
		o.rune = nil
	}
	for len(p) > 0 {
		if n := plainRun(p); n > 0 {
			o.endCR(p[0])
			o.put(string(p[:n]))
			p = p[n:]
			continue
		}
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 && !utf8.FullRune(p) {
			o.rune = append([]byte(nil), p...)
			return
		}
		o.endCR(p[0])
		switch {
		case r == '\n':
			o.put("\n")
			o.handOn()
		case r == '\r':
			o.cr = true
		default:
			o.put(visible(r, p[:n]))
		}
		p = p[n:]
	}
}

// endCR decides on a carriage return when the next byte is known: before a line feed it is part of the line end and goes;
// alone it would overwrite the line on a terminal and is shown.
func (o *Output) endCR(next byte) {
	if o.cr && next != '\n' {
		o.put(`\r`)
	}
	o.cr = false
}

// plainRun is the length of the ASCII text at the beginning of p that needs no thought.
func plainRun(p []byte) int {
	for i, b := range p {
		if (b < ' ' && b != '\t') || b >= 0x7f {
			return i
		}
	}
	return len(p)
}

// visible is a character as text: itself when it has a shape, else its escape. Bidirectional controls, zero-width
// characters and line separators have none.
func visible(r rune, raw []byte) string {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		return hexByte(raw[0])
	case unicode.IsGraphic(r):
		return string(raw)
	case r < 0x80:
		return hexByte(byte(r))
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}

// hexByte is written without fmt: a flood of binary output is mostly this.
func hexByte(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{'\\', 'x', digits[b>>4], digits[b&15]})
}

// put adds clean text to the current line and to what is kept.
func (o *Output) put(s string) {
	o.partial = append(o.partial, s...)
	if room := keepHead - len(o.head); room > 0 && o.dropped == 0 && len(o.tail) == 0 {
		n := runeCut(s, room)
		o.head = append(o.head, s[:n]...)
		s = s[n:]
	}
	o.tail = append(o.tail, s...)
	if over := len(o.tail) - 2*keepTail; over > 0 { // trimmed by halves, so that a flood costs little
		cut := len(o.tail) - keepTail
		o.dropped += int64(cut)
		o.tail = append(o.tail[:0], o.tail[cut:]...)
		for len(o.tail) > 0 && !utf8.RuneStart(o.tail[0]) {
			o.tail = o.tail[1:]
			o.dropped++
		}
	}
	if len(o.partial) >= longLine {
		o.handOn()
	}
}

// runeCut is the greatest length ≤ most at which s may be cut without cutting a character.
func runeCut(s string, most int) int {
	if len(s) <= most {
		return len(s)
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return most
}

func (o *Output) handOn() {
	if len(o.partial) == 0 {
		return
	}
	text := string(o.partial)
	o.partial = o.partial[:0]
	o.to(text)
}

// String is the kept text with a mark where something was left out; for logs and tests. People read Kept with a sentence
// in their language.
func (k Kept) String() string {
	if k.Dropped == 0 {
		return k.Head + k.Tail
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n… %d bytes …\n%s", k.Head, k.Dropped, k.Tail)
	return b.String()
}
