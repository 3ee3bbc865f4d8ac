package alertmanager

import (
	"fmt"
	"time"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
)

// absurd is how many times over the limit of alerts a body may be before it is refused whole instead of having
// each surplus alert listed as rejected.
const absurd = 10

// Decode reads a webhook body under the default limits. It is an intake.Decoder; its errors are *intake.BodyError.
func Decode(body []byte) (incidents.Batch, error) { return defaults.decode(body) }

var defaults = decoder{intake.DefaultLimits()}

// With gives a decoder under other limits.
func With(limits intake.Limits) intake.Decoder { return decoder{limits}.decode }

type decoder struct{ limits intake.Limits }

func (d decoder) decode(body []byte) (incidents.Batch, error) {
	if batch, ok := d.quick(body); ok {
		return batch, nil
	}
	return d.thorough(body)
}

// alert is one alert as the wire has it. Times stay text until both readers have met in take.
type alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt"`
	EndsAt       string            `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// take hands one alert over to the batch.
func (d decoder) take(b *incidents.Batch, at intake.Place, a *alert) {
	starts, startsOK := moment(a.StartsAt)
	ends, endsOK := moment(a.EndsAt)
	taken := len(b.Reports)
	d.limits.Admit(b, at, incidents.Report{
		Fingerprint:  a.Fingerprint,
		Status:       incidents.Status(a.Status),
		Labels:       a.Labels,
		Annotations:  a.Annotations,
		StartsAt:     starts,
		EndsAt:       ends,
		GeneratorURL: a.GeneratorURL,
	})
	if len(b.Reports) == taken {
		return
	}
	if !startsOK {
		intake.Mark(b, at.Field("startsAt"), "is not a time in the form of RFC 3339 and was left out")
	}
	if !endsOK {
		intake.Mark(b, at.Field("endsAt"), "is not a time in the form of RFC 3339 and was left out")
	}
}

// surplusReason is why an alert beyond the limit is rejected.
func (d decoder) surplusReason() string {
	return fmt.Sprintf("stands beyond the limit of %d alerts a request; set max_alerts, or group by more labels", d.limits.Alerts)
}

// moment reads a time as encoding/json would; an empty text is no time at all.
func moment(s string) (t time.Time, ok bool) {
	if s == "" || s == yearOne {
		return time.Time{}, true
	}
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return time.Time{}, false
	}
	return t, true
}

// yearOne is how Alertmanager writes the end of an alert that has none: nearly every alert carries it.
const yearOne = "0001-01-01T00:00:00Z"
