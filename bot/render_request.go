package bot

import (
	"strconv"
	"strings"

	"dogwatch/actions"
)

// request is a request inside its incident's card: what would run, how it stands, and while it waits the buttons to decide.
func (s *scene) request(q *RequestView) RequestPart {
	r := s.reader
	part := RequestPart{ID: string(q.ID), State: string(q.State), Status: s.requestStatus(q), Code: cut(commandLine(q.Argv), shownCode)}
	if q.Tail != "" {
		part.Code += "\n" + tailOf(q.Tail, shownCode)
	}
	if q.State == actions.Pending && s.sign != nil {
		part.Buttons = []Button{
			{Verb: "approve", Label: r.say("button_approve"), Value: s.sign("approve", approval(q)), Style: Primary,
				Confirm: r.say("confirm_approve", "title", cut(oneLine(q.Title), shownFact))},
			{Verb: "reject", Label: r.say("button_reject"), Value: s.sign("reject", string(q.ID)), Style: Danger},
		}
	}
	return part
}

// approval is the subject of an Approve button: the request and the beginning of the digest of what stands above the button, so
// that nobody consents to anything else.
func approval(q *RequestView) string {
	return string(q.ID) + "~" + q.Digest
}

func (s *scene) requestStatus(q *RequestView) string {
	r := s.reader
	pairs := []any{"title", cut(oneLine(q.Title), shownFact), "id", q.ID, "who", name(s.people, q.Requester), "by", name(s.people, q.DecidedBy),
		"at", r.clock(q.ExpiresAt), "given", len(q.Approvals), "quorum", q.Quorum, "code", "", "why", ""}
	if q.ExitCode != nil {
		pairs[len(pairs)-3] = strconv.Itoa(*q.ExitCode)
	}
	if q.Outcome != "" {
		pairs[len(pairs)-1] = r.sayFrom("actions", string(q.Outcome))
	}
	key := "request_" + string(q.State)
	switch {
	case q.State == actions.Pending && q.Quorum > 1:
		key = "request_pending_quorum"
	case (q.State == actions.Failed || q.State == actions.Cancelled || q.State == actions.Unknown) && q.Outcome != "":
		key += "_why"
	}
	return r.say(key, pairs...)
}

// commandLine shows an argv so that where each argument begins and ends can be seen.
func commandLine(argv []string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		if a == "" || strings.ContainsAny(a, " \t\r\n\"'\\$`;&|<>()*?[]{}~#!") || !printable(a) {
			a = strconv.Quote(a)
		}
		out[i] = a
	}
	return strings.Join(out, " ")
}

func printable(s string) bool {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// tailOf is the end of an output, from the beginning of a line.
func tailOf(s string, most int) string {
	runes := []rune(strings.TrimRight(s, "\n"))
	if len(runes) <= most {
		return string(runes)
	}
	s = string(runes[len(runes)-most:])
	if _, rest, ok := strings.Cut(s, "\n"); ok {
		s = rest
	}
	return "…\n" + s
}
