package alertmanager

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// wide is alert for the thorough reader, which meets any body there is: an object with a million members must not
// become a map with a million entries before somebody counts them.
type wide struct {
	Status       string `json:"status"`
	Labels       pairs  `json:"labels"`
	Annotations  pairs  `json:"annotations"`
	StartsAt     string `json:"startsAt"`
	EndsAt       string `json:"endsAt"`
	GeneratorURL string `json:"generatorURL"`
	Fingerprint  string `json:"fingerprint"`
}

func (w *wide) alert() *alert {
	return &alert{
		Status: w.Status, Labels: w.Labels, Annotations: w.Annotations,
		StartsAt: w.StartsAt, EndsAt: w.EndsAt, GeneratorURL: w.GeneratorURL, Fingerprint: w.Fingerprint,
	}
}

const (
	// smallObject is the length up to which an object of texts cannot make a map that is worth worrying about.
	smallObject = 32 << 10
	// mostPairs is how many different names a longer one is read for; far over the limits for labels and
	// annotations, which are looked at when the alert is taken.
	mostPairs = 1024
)

// pairs is map[string]string, read as encoding/json reads one, but bounded.
type pairs map[string]string

var textType = reflect.TypeFor[string]()

// UnmarshalJSON adds the members of an object to the map, as encoding/json does when a field comes twice.
func (p *pairs) UnmarshalJSON(raw []byte) error {
	if len(raw) <= smallObject {
		return json.Unmarshal(raw, (*map[string]string)(p))
	}
	stream := json.NewDecoder(bytes.NewReader(raw))
	if bracket, err := stream.Token(); err != nil || bracket != json.Delim('{') {
		return &json.UnmarshalTypeError{Value: "value", Type: textType}
	}
	if *p == nil {
		*p = pairs{}
	}
	for stream.More() {
		name, err := stream.Token()
		if err != nil {
			return err
		}
		value, err := stream.Token()
		if err != nil {
			return err
		}
		text, isText := value.(string)
		if !isText && value != nil {
			return &json.UnmarshalTypeError{Value: "value", Type: textType}
		}
		if _, known := (*p)[name.(string)]; known || len(*p) < mostPairs {
			(*p)[name.(string)] = text
		}
	}
	return nil
}

// tooDeep gives the offset of the first bracket that stands deeper than limit, or -1.
func tooDeep(body []byte, limit int) int {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}
