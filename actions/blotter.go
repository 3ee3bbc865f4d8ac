package actions

import (
	"bytes"
	"sort"
)

// blot stands where a secret was. Its length says nothing about the secret's.
const blot = "[secret]"

// shortSecret is the length below which a value is not blotted out: it would make every output unreadable and protects
// nothing.
const shortSecret = 4

// blotter replaces known values in a stream, also where a value is cut between two chunks. Overlapping values become one
// blot; of two values that begin at one place the longer counts.
type blotter struct {
	values [][]byte // longest first
	begins [256]bool
	held   []byte // not handed on yet: it may be the beginning of a value
	hide   int    // bytes at the beginning of held that belong to a value already blotted
}

func newBlotter(values []string) *blotter {
	b := &blotter{}
	for _, v := range values {
		if len(v) >= shortSecret {
			b.values = append(b.values, []byte(v))
			b.begins[v[0]] = true
		}
	}
	sort.Slice(b.values, func(i, j int) bool { return len(b.values[i]) > len(b.values[j]) })
	return b
}

func (b *blotter) write(p []byte) []byte { return b.scan(p, false) }

// close gives what is held back: no more bytes can complete a value.
func (b *blotter) close() []byte { return b.scan(nil, true) }

func (b *blotter) scan(p []byte, last bool) []byte {
	if len(b.values) == 0 {
		return p
	}
	buf := p
	if len(b.held) > 0 {
		buf = append(b.held, p...)
		b.held = nil
	}
	out := make([]byte, 0, len(buf))
	i := 0
	for i < len(buf) {
		if b.begins[buf[i]] {
			n, maybe := b.match(buf[i:], last)
			if maybe {
				break
			}
			if n > b.hide {
				if b.hide == 0 {
					out = append(out, blot...)
				}
				b.hide = n
			}
		}
		if b.hide > 0 {
			b.hide--
		} else {
			out = append(out, buf[i])
		}
		i++
	}
	b.held = append(b.held, buf[i:]...)
	return out
}

// match is the length of the longest value at the beginning of p; maybe: more bytes, if any can follow, could make it a
// longer one.
func (b *blotter) match(p []byte, last bool) (n int, maybe bool) {
	for _, v := range b.values {
		if bytes.HasPrefix(p, v) {
			return len(v), false
		}
		if !last && len(p) < len(v) && bytes.HasPrefix(v, p) {
			return 0, true
		}
	}
	return 0, false
}
