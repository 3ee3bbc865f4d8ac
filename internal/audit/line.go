package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// line is one exported entry.
type line struct {
	Shard int             `json:"shard"`
	N     int64           `json:"n"`
	At    int64           `json:"at"`
	Entry json.RawMessage `json:"entry"`
	Bytes []byte          `json:"bytes"`
	Link  link            `json:"link"`
}

func (l *line) entry() entry {
	if l.Entry != nil {
		return entry{n: l.N, at: l.At, body: l.Entry}
	}
	return entry{n: l.N, at: l.At, body: l.Bytes}
}

// appendLine writes a line in its only form. It is made by hand because the entry's bytes must stand as they are, and
// encoding/json would escape some of them.
func appendLine(b []byte, shard int, e entry, l link) []byte {
	b = append(b, `{"shard":`...)
	b = strconv.AppendInt(b, int64(shard), 10)
	b = append(b, `,"n":`...)
	b = strconv.AppendInt(b, e.n, 10)
	b = append(b, `,"at":`...)
	b = strconv.AppendInt(b, e.at, 10)
	if compact(e.body) {
		b = append(b, `,"entry":`...)
		b = append(b, e.body...)
	} else {
		b = append(b, `,"bytes":"`...)
		b = base64.StdEncoding.AppendEncode(b, e.body)
		b = append(b, '"')
	}
	b = append(b, `,"link":"`...)
	b = append(b, l.String()...)
	return append(b, "\"}\n"...)
}

// compact says that b is JSON without a space or line break outside of strings, so it can stand in a line as it is.
func compact(b []byte) bool {
	if !json.Valid(b) {
		return false
	}
	var c bytes.Buffer
	return json.Compact(&c, b) == nil && bytes.Equal(c.Bytes(), b)
}

var errForm = errors.New("not in the form in which lines are written")

// parseLine reads a line (with its line break) and refuses every other way to write the same.
func parseLine(text []byte) (line, error) {
	var l line
	if err := strict(text, &l); err != nil {
		return line{}, err
	}
	if !bytes.Equal(appendLine(nil, l.Shard, l.entry(), l.Link), text) {
		return line{}, errForm
	}
	return l, nil
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read line: %w", err)
	}
	return nil
}

var start = regexp.MustCompile(`^.{9}([0-9]{1,3}).{5}([0-9]{1,18}),`)

// guess is what shard and entry a line that cannot be read was of; shard -1 if that cannot be told.
func guess(text []byte) (shard int, n int64) {
	m := start.FindSubmatch(text)
	if m == nil {
		return -1, 0
	}
	s, err1 := strconv.Atoi(string(m[1]))
	k, err2 := strconv.ParseInt(string(m[2]), 10, 64)
	if err1 != nil || err2 != nil {
		return -1, 0
	}
	return s, k
}

// heading is the first line of an export.
func heading(house string) []byte { return []byte(`{"audit":1,"house":"` + house + "\"}\n") }

// houseOf reads a heading.
func houseOf(text []byte) (string, error) {
	var h struct {
		Audit int    `json:"audit"`
		House string `json:"house"`
	}
	if err := strict(text, &h); err != nil {
		return "", err
	}
	if h.Audit != 1 || !bytes.Equal(heading(h.House), text) {
		return "", errForm
	}
	return h.House, nil
}
