package schedules

import (
	"fmt"
	"slices"
	"strings"

	"dogwatch/internal/text"
)

// Role is one kind of right that a person may have.
type Role string

// The roles. A person with any role may read; beyond that no role contains another: an admin who shall also acknowledge
// or approve is given those roles by name. A person without a role may do nothing.
const (
	// Viewer reads.
	Viewer Role = "viewer"
	// Responder acknowledges, assigns, notes, snoozes, silences, resolves and requests actions.
	Responder Role = "responder"
	// Approver may approve a request where the action's own list of approvers names the person too.
	Approver Role = "approver"
	// Admin changes configuration and people, and freezes.
	Admin Role = "admin"
)

var allRoles = []string{string(Viewer), string(Responder), string(Approver), string(Admin)}

// Roles is the set of roles that a person was given. The zero value holds none and allows nothing.
type Roles []Role

// Allow says whether someone who holds this set has the right that role stands for.
func (r Roles) Allow(role Role) bool {
	if role == Viewer {
		return slices.ContainsFunc(r, func(held Role) bool { return slices.Contains(allRoles, string(held)) })
	}
	return slices.Contains(allRoles, string(role)) && slices.Contains(r, role)
}

// Person is somebody who can be on call, be paged, press buttons.
type Person struct {
	// ID is the key under people in the configuration: short, stable, what schedules and teams name.
	ID string
	// Name is how others read the person; NewDirectory fills in the ID where it is empty.
	Name string
	// Timezone is an IANA name, used for times shown to this person; "" leaves the choice to the place where they are shown.
	Timezone string
	Language text.Lang
	Roles    Roles
	// Accounts by which the person is known outside; "" where there is none.
	Slack, WeCom, Email, Phone string
}

// The platforms whose accounts a Person carries. On "web", the console, the account is the person's ID.
const (
	onSlack = "slack"
	onWeCom = "wecom"
	onEmail = "email"
	onPhone = "phone"
	onWeb   = "web"
)

// Account is the person's account on a platform ("slack", "wecom", "email", "phone", "web"); "" if there is none.
func (p Person) Account(platform string) string {
	switch platform {
	case onSlack:
		return p.Slack
	case onWeCom:
		return p.WeCom
	case onEmail:
		return p.Email
	case onPhone:
		return p.Phone
	case onWeb:
		return p.ID
	}
	return ""
}

// check lists what is wrong with one person's own entry.
func (p Person) check() []Fault {
	var f findings
	if p.ID == "" || strings.ContainsAny(p.ID, " \t\r\n:@/") {
		f.add("", "letters, digits, '-', '_' and '.'", "%q cannot name a person", p.ID)
	}
	if p.Timezone != "" {
		if _, err := openZone(p.Timezone); err != nil {
			f.add("timezone", zoneHint, "%s", err)
		}
	}
	if p.Language != "" && !slices.Contains(text.Languages, p.Language) {
		f.add("language", "en or zh", "no language %q here", string(p.Language))
	}
	for i, r := range p.Roles {
		if !slices.Contains(allRoles, string(r)) {
			f.add(fmt.Sprintf("roles[%d]", i), "one of "+strings.Join(allRoles, ", "), "no role %q", string(r))
		}
	}
	if p.Email != "" && (strings.Count(p.Email, "@") != 1 || strings.ContainsAny(p.Email, " \t\r\n<>,;") ||
		strings.HasPrefix(p.Email, "@") || strings.HasSuffix(p.Email, "@")) {
		f.add("email", "as alice@example.org, without a name around it", "%q is not an address", p.Email)
	}
	if p.Phone != "" && !isPhone(p.Phone) {
		f.add("phone", `with country code, as "+8613800000000"`, "%q is not a telephone number", p.Phone)
	}
	return f
}

// isPhone says whether s is a number in the international form: a plus, then 7 to 15 digits.
func isPhone(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	if !plus || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}
