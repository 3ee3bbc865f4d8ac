package incidents

import "encoding/binary"

// pack puts labels, annotations and the generator's URL into one string: counts and lengths as varints, then the bytes.
// One packed string an alert keeps Redis memory near the size of the text itself.
func pack(r *Report) string {
	b := make([]byte, 0, 512)
	b = packMap(b, r.Labels)
	b = packMap(b, r.Annotations)
	b = packString(b, r.GeneratorURL)
	return string(b)
}

func packMap(b []byte, m map[string]string) []byte {
	b = binary.AppendUvarint(b, uint64(len(m)))
	for k, v := range m {
		b = packString(b, k)
		b = packString(b, v)
	}
	return b
}

func packString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// unpack is pack's reverse. What is cut or damaged gives what could be read.
func unpack(s string) (labels, annotations map[string]string, url string) {
	u := unpacker{b: []byte(s)}
	labels, annotations = u.dict(), u.dict()
	return labels, annotations, u.str()
}

type unpacker struct{ b []byte }

func (u *unpacker) uint() int {
	n, w := binary.Uvarint(u.b)
	if w <= 0 || n > uint64(len(u.b)) {
		u.b = nil
		return 0
	}
	u.b = u.b[w:]
	return int(n)
}

func (u *unpacker) str() string {
	n := u.uint()
	if n > len(u.b) {
		u.b = nil
		return ""
	}
	s := string(u.b[:n])
	u.b = u.b[n:]
	return s
}

func (u *unpacker) dict() map[string]string {
	m := map[string]string{}
	for n := u.uint(); n > 0 && len(u.b) > 0; n-- {
		k := u.str()
		m[k] = u.str()
	}
	return m
}
