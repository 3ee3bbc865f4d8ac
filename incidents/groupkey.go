package incidents

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
)

const maxGroupKey = 512

// groupKey makes both forms of a group's key. A label that is missing and one that is empty are the same, as everywhere
// in Prometheus.
func groupKey(source, route string, by []string, labels map[string]string) (id, display string) {
	if len(by) == 1 && by[0] == AllLabels {
		by = slices.Sorted(maps.Keys(labels))
	}
	var parts, shown [maxGroupKey]byte
	hashed := appendPart(appendPart(parts[:0], source), route)
	key := append(append(append(append(shown[:0], source...), '/'), route...), '{')
	first := true
	for _, name := range by {
		value := labels[name]
		if value == "" {
			continue
		}
		hashed = appendPart(appendPart(hashed, name), value)
		if len(key) > maxGroupKey {
			continue
		}
		if !first {
			key = append(key, ',')
		}
		first = false
		key = append(append(key, name...), '=')
		key = strconv.AppendQuote(key, value)
	}
	key = append(key, '}')
	sum := sha256.Sum256(hashed)
	var digits [2 * sha256.Size]byte
	hex.Encode(digits[:], sum[:])
	return string(digits[:]), cut(key)
}

func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cut shortens a key at a whole character.
func cut(key []byte) string {
	if len(key) <= maxGroupKey {
		return string(key)
	}
	end := maxGroupKey - len("…")
	for end > 0 && key[end]&0xC0 == 0x80 {
		end--
	}
	return string(key[:end]) + "…"
}
