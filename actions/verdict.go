package actions

import (
	"slices"
	"strings"

	"dogwatch/schedules"
)

// Denial is why somebody may not do something; it is also the key of its sentence in the catalogue.
type Denial string

// The denials.
const (
	NoPerson   Denial = "denied_nobody"   // nobody we know, or not named at all
	NoRole     Denial = "denied_role"     // lacks the role that it takes
	NotNamed   Denial = "denied_named"    // has the role, but the action's approvers do not name them
	OwnRequest Denial = "denied_own"      // four eyes: somebody else must approve
	NotYours   Denial = "denied_withdraw" // neither the requester nor somebody who could reject it
)

// Verdict is the answer to "may this person?". The zero value says no.
type Verdict struct {
	Allowed bool
	Why     Denial // "" when allowed
}

var allowed = Verdict{Allowed: true}

func denied(why Denial) Verdict { return Verdict{Why: why} }

// question is all that a verdict depends on; every verdict is a pure function of it. The zero value is answered with no.
type question struct {
	directory *schedules.Directory
	onCall    func(schedule string) []string // at the instant that is asked about
	approval  Approval
	requester string
	person    string
}

// mayRequest: responders ask.
func (q question) mayRequest() Verdict { return q.needs(schedules.Responder) }

// mayApprove: approvers whom the action names, but not of their own request unless it says so.
func (q question) mayApprove() Verdict {
	if v := q.mayReject(); !v.Allowed {
		return v
	}
	if q.person == q.requester && !q.approval.Own {
		return denied(OwnRequest)
	}
	return allowed
}

// mayReject: approvers whom the action names. Rejecting one's own request harms nobody.
func (q question) mayReject() Verdict {
	if v := q.needs(schedules.Approver); !v.Allowed {
		return v
	}
	if !q.named() {
		return denied(NotNamed)
	}
	return allowed
}

// mayCancel: the requester, whoever may reject it, and admins, who must be able to stop anything.
func (q question) mayCancel() Verdict {
	if _, known := q.directory.Person(q.person); !known {
		return denied(NoPerson)
	}
	if q.person == q.requester && q.mayRequest().Allowed || q.mayReject().Allowed || q.directory.Allows(q.person, schedules.Admin) {
		return allowed
	}
	return denied(NotYours)
}

func (q question) needs(role schedules.Role) Verdict {
	if _, known := q.directory.Person(q.person); !known {
		return denied(NoPerson)
	}
	if !q.directory.Allows(q.person, role) {
		return denied(NoRole)
	}
	return allowed
}

// named says whether the approvers name the person. An empty list, or an entry nobody understands, names nobody.
func (q question) named() bool {
	return slices.ContainsFunc(q.approval.Approvers, func(entry string) bool {
		kind, name, _ := strings.Cut(entry, ":")
		switch kind {
		case "person":
			return name == q.person
		case "team":
			team, ok := q.directory.Team(name)
			return ok && slices.Contains(team.Members, q.person)
		case "schedule":
			return q.onCall != nil && slices.Contains(q.onCall(name), q.person)
		case "role":
			return q.directory.Allows(q.person, schedules.Role(name))
		}
		return false
	})
}
