package alertmanager

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
)

// quick reads a body of the plain shape. When it is not ok the batch means nothing and thorough has to decide.
func (d decoder) quick(body []byte) (batch incidents.Batch, ok bool) {
	r := readers.Get().(*reader)
	defer r.release()
	r.open(body, d.limits)
	return batch, r.envelope(d, &batch) && r.ended()
}

// reader walks the tokens of one body. Its methods answer false as soon as anything is not as expected.
type reader struct {
	tokens jsontext.Decoder
	source bytes.Buffer
	text   string // the whole body once more: the alerts' texts are parts of it
	depth  int
	most   int // labels, or annotations, an alert may have here
	// labels and annotations are the sizes of the alert before, a good guess for the next one's maps.
	labels, annotations int
}

var readers = sync.Pool{New: func() any { return new(reader) }}

func (r *reader) open(body []byte, limits intake.Limits) {
	r.source = *bytes.NewBuffer(body)
	// Repeated names are allowed here because labels may have them; fields of the shape are checked by seen.
	r.tokens.Reset(&r.source, jsontext.AllowDuplicateNames(true))
	r.text = string(body)
	r.depth, r.most = limits.Depth, limits.Labels
}

// release lets go of the body and of the text before the reader waits in the pool.
func (r *reader) release() {
	r.source = bytes.Buffer{}
	r.tokens.Reset(&r.source)
	r.text = ""
	readers.Put(r)
}

// ended is true when nothing but white space follows.
func (r *reader) ended() bool {
	_, err := r.tokens.ReadToken()
	return errors.Is(err, io.EOF)
}

// enter reads one opening bracket and tells whether it was the wanted one, not too deep.
func (r *reader) enter(bracket jsontext.Kind) bool {
	if r.tokens.PeekKind() != bracket {
		return false
	}
	_, err := r.tokens.ReadToken()
	return err == nil && r.tokens.StackDepth() <= r.depth
}

// leave reads one closing bracket. The tokenizer itself sees to it that it fits.
func (r *reader) leave() bool {
	kind := r.tokens.PeekKind()
	if kind != '}' && kind != ']' {
		return false
	}
	_, err := r.tokens.ReadToken()
	return err == nil
}

// envelope reads the whole body.
func (r *reader) envelope(d decoder, batch *incidents.Batch) bool {
	if !r.enter('{') {
		return false
	}
	alerts, truncated := false, false
	for r.tokens.PeekKind() == '"' {
		name, err := r.tokens.ReadValue()
		if err != nil {
			return false
		}
		ok := false
		switch string(name) {
		case `"alerts"`:
			ok = !alerts && r.alerts(d, batch)
			alerts = true
		case `"truncatedAlerts"`:
			ok = !truncated && r.count(&batch.Truncated)
			truncated = true
		default:
			ok = foreign(name, envelopeFields) && r.skip()
		}
		if !ok {
			return false
		}
	}
	return alerts && r.leave()
}

var (
	envelopeFields = []string{"alerts", "truncatedAlerts"}
	alertFields    = []string{"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
)

// foreign tells that a quoted field name is none of ours in any spelling that encoding/json would match.
func foreign(quoted []byte, ours []string) bool {
	name := quoted[1 : len(quoted)-1]
	for _, c := range name {
		if c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	for _, field := range ours {
		if len(name) == len(field) && bytes.EqualFold(name, []byte(field)) {
			return false
		}
	}
	return true
}

// count reads a small whole number.
func (r *reader) count(n *int) bool {
	if r.tokens.PeekKind() != '0' {
		return false
	}
	value, err := r.tokens.ReadValue()
	if err != nil || len(value) > 9 {
		return false
	}
	*n, err = strconv.Atoi(string(value))
	return err == nil && *n >= 0
}

// skip passes over a value of any kind, watching its depth.
func (r *reader) skip() bool {
	if kind := r.tokens.PeekKind(); kind != '{' && kind != '[' {
		return r.tokens.SkipValue() == nil
	}
	outside := r.tokens.StackDepth()
	for {
		if _, err := r.tokens.ReadToken(); err != nil {
			return false
		}
		switch depth := r.tokens.StackDepth(); {
		case depth == outside:
			return true
		case depth > r.depth:
			return false
		}
	}
}

// alerts reads the list.
func (r *reader) alerts(d decoder, batch *incidents.Batch) bool {
	if !r.enter('[') {
		return false
	}
	var a alert
	for i := 0; r.tokens.PeekKind() == '{'; i++ {
		if i == 0 {
			// An alert has some 500 bytes; a guess that is too high wastes little.
			batch.Reports = make([]incidents.Report, 0, min(len(r.text)/500+1, d.limits.Alerts))
		}
		a = alert{}
		if !r.alert(&a) || i >= d.limits.Alerts {
			return false
		}
		d.take(batch, intake.Place{List: "alerts", Index: i}, &a)
	}
	if len(batch.Reports) == 0 {
		batch.Reports = nil
	}
	return r.leave()
}

// alert reads one alert.
func (r *reader) alert(a *alert) bool {
	if !r.enter('{') {
		return false
	}
	seen := 0
	for r.tokens.PeekKind() == '"' {
		name, err := r.tokens.ReadValue()
		if err != nil {
			return false
		}
		field, ok := 0, false
		switch string(name) {
		case `"status"`:
			field, ok = 1, r.string(&a.Status)
		case `"labels"`:
			field, ok = 2, r.pairs(&a.Labels, &r.labels)
		case `"annotations"`:
			field, ok = 4, r.pairs(&a.Annotations, &r.annotations)
		case `"startsAt"`:
			field, ok = 8, r.string(&a.StartsAt)
		case `"endsAt"`:
			field, ok = 16, r.string(&a.EndsAt)
		case `"generatorURL"`:
			field, ok = 32, r.string(&a.GeneratorURL)
		case `"fingerprint"`:
			field, ok = 64, r.string(&a.Fingerprint)
		default:
			ok = foreign(name, alertFields) && r.skip()
		}
		if !ok || seen&field != 0 {
			return false
		}
		seen |= field
	}
	return r.leave()
}

// pairs reads an object of texts. size is the guess for the map and is brought up to date.
func (r *reader) pairs(m *map[string]string, size *int) bool {
	if !r.enter('{') {
		return false
	}
	*m = make(map[string]string, *size)
	for r.tokens.PeekKind() == '"' {
		var name, value string
		if !r.string(&name) || !r.string(&value) {
			return false
		}
		(*m)[name] = value
		if len(*m) > r.most {
			return false
		}
	}
	*size = len(*m)
	return r.leave()
}

// string reads a text, as a part of r.text unless it holds escapes.
func (r *reader) string(s *string) bool {
	if r.tokens.PeekKind() != '"' {
		return false
	}
	quoted, err := r.tokens.ReadValue()
	if err != nil {
		return false
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		end := int(r.tokens.InputOffset())
		*s = r.text[end-len(quoted)+1 : end-1]
		return true
	}
	plain, err := jsontext.AppendUnquote(nil, quoted)
	*s = string(plain)
	return err == nil
}
