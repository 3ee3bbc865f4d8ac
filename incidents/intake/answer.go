package intake

import (
	"encoding/json"
	"net/http"
	"strconv"

	"dogwatch/incidents"
)

// maxRejections is how many rejected alerts an answer lists; the number of all stands beside the list.
const maxRejections = 20

// The values of headers that every answer shares.
var (
	jsonType    = []string{"application/json"}
	problemType = []string{"application/problem+json"}
)

// rejection is one alert that was left out, in an answer.
type rejection struct {
	Index  int    `json:"index"`
	Where  string `json:"where"`
	Reason string `json:"reason"`
}

func shownRejections(all []incidents.Rejected) []rejection {
	shown := make([]rejection, 0, min(len(all), maxRejections))
	for _, r := range all[:min(len(all), maxRejections)] {
		shown = append(shown, rejection(r))
	}
	return shown
}

// accepted is the body of a 200.
type accepted struct {
	Accepted   int         `json:"accepted"`
	Rejected   int         `json:"rejected,omitempty"`
	DeadLetter string      `json:"dead_letter,omitempty"`
	Rejections []rejection `json:"rejections,omitempty"`

	rejections []incidents.Rejected
}

// plainAnswers are the answers to bodies of which everything was accepted, by the number of alerts.
var plainAnswers = func() (answers [128][]byte) {
	for n := range answers {
		answers[n] = plainAnswer(n)
	}
	return answers
}()

func plainAnswer(n int) []byte {
	return append(strconv.AppendInt([]byte(`{"accepted":`), int64(n), 10), "}\n"...)
}

func (a *accepted) write(w http.ResponseWriter) {
	w.Header()["Content-Type"] = jsonType
	switch {
	case a.Rejected > 0:
		a.Rejections = shownRejections(a.rejections)
		writeJSON(w, a)
	case a.Accepted >= 0 && a.Accepted < len(plainAnswers):
		_, _ = w.Write(plainAnswers[a.Accepted])
	default:
		_, _ = w.Write(plainAnswer(a.Accepted))
	}
}

// fault is what a problem says beyond its status.
type fault struct {
	Detail     string // "" is made of Where and Reason
	Where      string
	Reason     string
	DeadLetter string
	Rejected   int
	Rejections []rejection
}

// problem answers with an RFC 9457 problem.
func problem(w http.ResponseWriter, status int, f fault) {
	if f.Detail == "" && f.Where != "" {
		f.Detail = f.Where + ": " + f.Reason
	}
	w.Header()["Content-Type"] = problemType
	w.WriteHeader(status)
	writeJSON(w, struct {
		Title      string      `json:"title"`
		Status     int         `json:"status"`
		Detail     string      `json:"detail,omitempty"`
		Where      string      `json:"where,omitempty"`
		Reason     string      `json:"reason,omitempty"`
		DeadLetter string      `json:"dead_letter,omitempty"`
		Rejected   int         `json:"rejected,omitempty"`
		Rejections []rejection `json:"rejections,omitempty"`
	}{http.StatusText(status), status, f.Detail, f.Where, f.Reason, f.DeadLetter, f.Rejected, f.Rejections})
}

// later answers that the alerts cannot be kept now and should be sent again.
func (d *Doors) later(w http.ResponseWriter) {
	seconds := max(int64(d.config.RetryAfter.Seconds()), 1)
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	problem(w, http.StatusServiceUnavailable, fault{Detail: "the alerts cannot be kept now; send them again"})
}

// writeJSON writes the body of an answer. A failure is the client's having gone, which needs no answer.
func writeJSON(w http.ResponseWriter, v any) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
}
