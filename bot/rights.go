package bot

import "dogwatch/schedules"

// needed is the role that each verb takes. A verb that is not here is nobody's.
var needed = map[string]schedules.Role{
	"help": schedules.Viewer, "who": schedules.Viewer, "list": schedules.Viewer, "show": schedules.Viewer,
	"acknowledge": schedules.Responder, "resolve": schedules.Responder, "reopen": schedules.Responder, "assign": schedules.Responder,
	"escalate": schedules.Responder, "snooze": schedules.Responder, "note": schedules.Responder, "page": schedules.Responder,
	"declare": schedules.Responder, "override": schedules.Responder,
	"run": schedules.Responder, "choose": schedules.Responder, "request": schedules.Responder,
	"approve": schedules.Approver, "reject": schedules.Approver,
}

// may is the one place where it is decided whether a person may do something: every press and every word passes it. Whether
// this approver may approve this request is judged again by package actions, which knows the action's own list.
func may(d *schedules.Directory, person, verb string) bool {
	role, known := needed[verb]
	return known && d.Allows(person, role)
}
