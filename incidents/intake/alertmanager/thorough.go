package alertmanager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
)

// envelope is the body around the alerts. Both parts stay raw, so that a fault in one is not the other's.
type envelope struct {
	Alerts    json.RawMessage `json:"alerts"`
	Truncated json.RawMessage `json:"truncatedAlerts"`
}

// thorough reads any body with encoding/json and words every fault.
func (d decoder) thorough(body []byte) (incidents.Batch, error) {
	if at := tooDeep(body, d.limits.Depth); at >= 0 {
		return incidents.Batch{}, refuse("byte "+strconv.Itoa(at), "nested deeper than %d levels", d.limits.Depth)
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return incidents.Batch{}, bodyFault(err)
	}
	if len(e.Alerts) == 0 || string(e.Alerts) == "null" {
		return d.single(body)
	}
	var batch incidents.Batch
	if err := d.list(&batch, e.Alerts); err != nil {
		return incidents.Batch{}, err
	}
	if len(e.Truncated) > 0 && string(e.Truncated) != "null" {
		n, err := strconv.Atoi(string(e.Truncated))
		if err != nil || n < 0 {
			n = 0
			intake.Mark(&batch, "truncatedAlerts", "is not a count; how many alerts were left out is not known")
		}
		batch.Truncated = n
	}
	return batch, nil
}

// list reads the alerts one by one, so that a long list of rubbish takes no more memory than its text.
func (d decoder) list(batch *incidents.Batch, raw []byte) error {
	stream := json.NewDecoder(bytes.NewReader(raw))
	if bracket, err := stream.Token(); err != nil || bracket != json.Delim('[') {
		return refuse("alerts", "must be an array of alerts")
	}
	surplus := d.surplusReason()
	var one json.RawMessage
	for i := 0; stream.More(); i++ {
		if err := stream.Decode(&one); err != nil {
			return refuse("alerts", "%v", err)
		}
		switch {
		case i >= absurd*d.limits.Alerts:
			return refuse("alerts", "are more than %d times the limit of %d a request; set max_alerts", absurd, d.limits.Alerts)
		case i >= d.limits.Alerts:
			batch.Rejected = append(batch.Rejected, incidents.Rejected{Index: i, Where: "alerts", Reason: surplus})
		default:
			d.one(batch, intake.Place{List: "alerts", Index: i}, one)
		}
	}
	return nil
}

// one reads a single alert and rejects it alone if a field is of the wrong kind.
func (d decoder) one(batch *incidents.Batch, at intake.Place, raw []byte) {
	var a wide
	if err := json.Unmarshal(raw, &a); err != nil {
		field, reason := fieldFault(err)
		batch.Rejected = append(batch.Rejected, incidents.Rejected{Index: at.Index, Where: at.Field(field), Reason: reason})
		return
	}
	taken, full := len(batch.Reports), len(raw) > smallObject && len(a.Annotations) == mostPairs
	d.take(batch, at, a.alert())
	if len(batch.Reports) > taken && full {
		intake.Mark(batch, at.Field("annotations"), fmt.Sprintf("are %d or more; what came after was left out", mostPairs))
	}
	if len(batch.Reports) > taken && !utf8.Valid(raw) {
		intake.Mark(batch, at.Field(""), "bytes that are not UTF-8 were replaced by U+FFFD")
	}
}

// single takes a body without alerts for one alert, if it looks like one.
func (d decoder) single(body []byte) (incidents.Batch, error) {
	var a wide
	err := json.Unmarshal(body, &a)
	if err != nil || a.Status == "" || len(a.Labels) == 0 {
		return incidents.Batch{}, refuse("alerts", "are missing; this door reads Alertmanager's webhook body, so a custom "+
			"payload must keep alerts, or be one alert with status and labels")
	}
	var batch incidents.Batch
	d.one(&batch, intake.Place{}, body)
	if len(batch.Reports) > 0 {
		intake.Mark(&batch, "body", "a custom payload without alerts was taken as one alert")
	}
	return batch, nil
}

func refuse(where, reason string, args ...any) error {
	return &intake.BodyError{Where: where, Reason: fmt.Sprintf(reason, args...)}
}

// bodyFault words what encoding/json found wrong with the body as a whole.
func bodyFault(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return refuse("byte "+strconv.FormatInt(syntax.Offset, 10), "not JSON: %v", syntax)
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Value == "array" {
		return refuse("body", "is an array; alerts in the form of Alertmanager's API v2 go to /api/v2/alerts")
	}
	return refuse("body", "must be an object with alerts")
}

// fieldFault words what encoding/json found wrong with one alert.
func fieldFault(err error) (field, reason string) {
	var kind *json.UnmarshalTypeError
	if !errors.As(err, &kind) {
		return "", "cannot be read"
	}
	switch kind.Field {
	case "":
		return "", "must be an object"
	case "labels", "annotations":
		return kind.Field, "must be an object whose values are texts"
	}
	return kind.Field, "must be a text"
}
