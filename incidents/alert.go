package incidents

import "time"

// Status is what a source says of an alert: it fires, or it is resolved.
type Status string

// The two states of an alert. There is no third: silenced and inhibited are the source's business.
const (
	Firing   Status = "firing"
	Resolved Status = "resolved"
)

// Report is one alert as a source reported it, decoded but not routed.
// A source may send the same report many times; (Fingerprint, StartsAt, Status, EndsAt) tells two apart.
type Report struct {
	// Fingerprint is the alert's identity within its source. Empty: taken from the labels.
	Fingerprint string
	Status      Status
	// Labels identify the alert, Annotations describe it. Both are data from outside, already bounded by the
	// decoder (names, values, count) and valid UTF-8 without NUL; never a template, an expression or markup.
	Labels      map[string]string
	Annotations map[string]string
	// StartsAt is when the alert began; zero: the time of its acceptance.
	StartsAt time.Time
	// EndsAt is when it ended; zero for a firing alert (Alertmanager writes year 1).
	EndsAt time.Time
	// GeneratorURL leads back to the source; "" when it gave none. Shown only if http or https.
	GeneratorURL string
}

// Rejected is an alert of a body that could not be taken, while others of the same body could.
type Rejected struct {
	Index  int    // position in the body, from 0
	Where  string // field, as "alerts[3].labels"
	Reason string
}

// Batch is what one request's body held.
type Batch struct {
	Reports []Report
	// Truncated is the number of alerts that the source says it left out of the body.
	Truncated int
	// Rejected are alerts that were left out by the decoder, each with its reason.
	Rejected []Rejected
	// Marks says what was shortened or replaced in taken alerts ("alerts[0].annotations.summary: cut to 16384 bytes").
	Marks []string
}
