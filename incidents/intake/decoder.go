package intake

import (
	"strconv"

	"dogwatch/incidents"
)

// Decoder reads one request's body, already inflated and bounded, in the format of one kind of source.
// It is pure: no clock, no network, no memory between calls. It must neither keep nor change body, whose buffer
// is used again after the request.
//
// Alerts that cannot be taken while others can are listed in Batch.Rejected. The error is for a body of which
// nothing can be taken, and should be a *BodyError. A Batch with neither reports nor rejections is a good body
// that held no alerts.
type Decoder func(body []byte) (incidents.Batch, error)

// BodyError says why a body was refused whole, to the person who set up the source.
type BodyError struct {
	Where  string // a field as "alerts[3].labels", or a place as "byte 120"; "body" when it is the whole
	Reason string // what is wrong there and what to do about it
}

// Error gives both parts on one line.
func (e *BodyError) Error() string { return "read body: " + e.Where + ": " + e.Reason }

// Place is where an alert stands in its body. It is turned into text only when there is something to say of it,
// which keeps the ordinary alert free of formatting.
type Place struct {
	List  string // name of the array that holds the alert; "" when the body itself is the alert
	Index int    // position in the array, from 0
}

// Field names one field of the alert: "alerts[3].labels", or "labels" when the body is the alert.
// An empty name stands for the alert itself.
func (p Place) Field(name string) string {
	alert := ""
	if p.List != "" {
		alert = p.List + "[" + strconv.Itoa(p.Index) + "]"
	}
	switch {
	case alert == "" && name == "":
		return "body"
	case alert == "":
		return name
	case name == "":
		return alert
	}
	return alert + "." + name
}
