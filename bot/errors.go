package bot

import (
	"errors"

	"dogwatch/actions"
	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/state"
	"dogwatch/schedules"
)

// errNotHere: what is asked for is not set up in this dogwatch.
var errNotHere = errors.New("not set up here")

// sentences is the table from errors to sentences for people.
var sentences = []struct {
	err error
	key string
}{
	{incidents.ErrUnknown, "error_no_incident"},
	{incidents.ErrPast, "error_past"},
	{incidents.ErrNoPolicy, "error_no_policy"},
	{incidents.ErrEmpty, "error_empty"},
	{actions.ErrUnknown, "error_no_request"},
	{actions.ErrNoAction, "error_no_action"},
	{actions.ErrDigest, "error_digest"},
	{actions.ErrIncidentClosed, "error_closed"},
	{escalation.ErrUnreachable, "error_unreachable"},
	{errForged, "error_forged"},
	{errNotHere, "error_not_here"},
}

// explain is an error as a sentence: what, and what to do. known=false: it is a fault of ours and belongs in the log.
func (r reader) explain(err error, people *schedules.Directory) (sentence string, known bool) {
	var late *incidents.LateError
	var lateRequest *actions.LateError
	var noRight *incidents.DeniedError
	var denied *actions.DeniedError
	var params *actions.ParamsError
	var who *whoError
	switch {
	case errors.As(err, &late):
		return r.late(string(late.State), late, people), true
	case errors.As(err, &lateRequest):
		key := "late_request"
		if lateRequest.By == "" {
			key = "late_request_system"
		}
		return r.say(key, "who", name(people, lateRequest.By), "state", r.say("state_"+string(lateRequest.State))), true
	case errors.As(err, &noRight):
		return r.say("denied_role"), true
	case errors.As(err, &denied):
		return r.say(string(denied.Why)), true
	case errors.As(err, &params):
		s := ""
		for _, f := range params.Faults {
			s += f.Say(r.lang) + "\n"
		}
		return s, true
	case errors.As(err, &who):
		if len(who.Among) > 0 {
			return r.say("error_ambiguous", "word", who.Word, "who", joinWords(who.Among)), true
		}
		return r.say("error_nobody", "word", who.Word), true
	}
	for _, s := range sentences {
		if errors.Is(err, s.err) {
			return r.say(s.key), true
		}
	}
	if state.Unavailable(err) {
		return r.say("error_unavailable"), true
	}
	return r.say("error_internal"), false
}

// late says who was first and where the incident stands.
func (r reader) late(where string, e *incidents.LateError, people *schedules.Directory) string {
	pairs := []any{"who", name(people, e.By), "state", r.say("state_" + where), "at", ""}
	key := "late"
	switch {
	case e.By == "":
		key = "late_system"
	case !e.At.IsZero():
		key = "late_at"
		pairs[len(pairs)-1] = r.clock(e.At)
	}
	return r.say(key, pairs...)
}
