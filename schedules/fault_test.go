package schedules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dogwatch/internal/text"
)

func lines(faults []Fault) string {
	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintln(&b, f.Error())
	}
	return b.String()
}

// wantFaults compares all faults as lines.
func wantFaults(t *testing.T, got []Fault, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); lines(got) != want {
		t.Errorf("faults\n%swant\n%s", lines(got), want)
	}
}

func TestCompileListsEveryFault(t *testing.T) {
	intervals, _ := CompileIntervals(map[string][]Interval{"nights": {{}}})
	c, faults := Compile(Schedule{
		Name: "web", Timezone: "Asia/Shangai",
		Layers: []Layer{
			{Name: "one", Start: "2026-01-05 09:00", Shift: "1week", During: []string{"nigths"}},
			{Name: "one", People: [][]string{{"a", "a"}, {}, {"z"}}, Start: "2026-01-05T09:00:00", End: "2026-01-05T09:00:00", Shift: "0d"},
			{Name: "override", People: [][]string{{"a"}}, Shift: "11000d"},
			{People: [][]string{{"a"}}, Start: "0001-01-01T00:00:00", End: "soon", Shift: "1m"},
		},
		Overrides: []WrittenOverride{
			{Start: "2026-02-14T09:00:00", End: "2026-02-15T09:00:00", Person: "b"},
			{Start: "2026-02-15T08:59:59", End: "2026-02-16T09:00:00", Person: "c"},
			{Start: "2026-03-14T09:00:00", End: "2026-03-14T09:00:00", Person: "nobody"},
			{Person: "a", Start: "2026-03-14T09:00:00+08:00"},
		},
	}, lettersDirectory(t), intervals)
	if c != nil {
		t.Error("a schedule with faults compiled")
	}
	wantFaults(t, faults, `
timezone: there is no time zone "Asia/Shangai" (an IANA name such as Asia/Shanghai or UTC)
layers[0].people: the layer has nobody (name at least one person)
layers[0].start: "2026-01-05 09:00" is not a date and time (local wall time without an offset, as "2026-01-05T09:00:00")
layers[0].shift: "1week" is not a length of a shift (a whole number and h, d, w or mo, as 12h, 1d, 1w, 1mo)
layers[0].during[0]: there is no time interval "nigths" (did you mean "nights"?)
layers[1].name: layers[0] is called "one" too
layers[1].people[0]: "a" stands twice in one turn
layers[1].people[1]: the turn has nobody (name a person or leave the turn out)
layers[1].people[2]: nobody is called "z" under people
layers[1].shift: a shift of "0d" is not possible (1h to ten years)
layers[1].end: the layer ends before it starts
layers[2].name: "override" is the name under which overrides are shown
layers[2].start: no time is given (local wall time without an offset, as "2026-01-05T09:00:00")
layers[2].shift: a shift of "11000d" is not possible (1h to ten years)
layers[3].start: "0001-01-01T00:00:00" is outside the years 1970 to 2199 (local wall time without an offset, as "2026-01-05T09:00:00")
layers[3].shift: "1m" is not a length of a shift (a whole number and h, d, w or mo, as 12h, 1d, 1w, 1mo)
layers[3].end: "soon" is not a date and time (local wall time without an offset, as "2026-01-05T09:00:00")
overrides[1]: overlaps with overrides[0] (only one person can take the place of all others)
overrides[2].person: nobody is called "nobody" under people
overrides[2].end: the override ends before it starts
overrides[3].start: "2026-03-14T09:00:00+08:00" is not a date and time (local wall time without an offset, as "2026-01-05T09:00:00")
overrides[3].end: no time is given (local wall time without an offset, as "2026-01-05T09:00:00")
`)
}

func TestCompileRefusesNothing(t *testing.T) {
	_, faults := Compile(Schedule{}, nil, nil)
	wantFaults(t, faults, `
timezone: no time zone is given (an IANA name such as Asia/Shanghai or UTC)
layers: a schedule needs at least one layer
`)
	for _, zone := range []string{"Local", "local", "../etc/passwd", "+08:00"} {
		if _, faults := Compile(Schedule{Timezone: zone, Layers: []Layer{}}, nil, nil); len(faults) != 2 {
			t.Errorf("zone %q: %v", zone, faults)
		}
	}
}

func TestIntervalsListEveryFault(t *testing.T) {
	c, faults := CompileIntervals(map[string][]Interval{
		"a": {},
		"b": {{
			Times:       []TimeRange{{"9:00", "18:00"}, {"09:00", "25:00"}, {"24:00", "24:00"}, {"10:00", "10:00"}},
			Weekdays:    []string{"saturday:sunday", "mon", "Monday:FRIDAY"},
			DaysOfMonth: []string{"0", "32", "-1:5", "5:1", "-1:-3", "1:-1", "x"},
			Months:      []string{"13", "may:jan", "May:June", "10:2"},
			Years:       []string{"2026:2025", "0"},
			Location:    "Mars/Olympus",
		}},
	})
	wantFaults(t, faults, `
a: interval "a" has no entries and would never hold (write {} for an interval that always holds)
b[0].location: there is no time zone "Mars/Olympus" (an IANA name such as Asia/Shanghai or UTC)
b[0].times[0].start_time: "9:00" is not a time of day (HH:MM from 00:00 to 23:59)
b[0].times[1].end_time: "25:00" is not a time of day (HH:MM from 00:00 to 24:00)
b[0].times[2].start_time: no range starts at 24:00 (HH:MM from 00:00 to 23:59)
b[0].times[3]: start_time and end_time are both 10:00 (the whole day is 00:00 to 24:00)
b[0].weekdays[0]: "saturday:sunday" ends before it starts; write it as two entries
b[0].weekdays[1]: "mon" is not a day of the week
b[0].months[0]: "13" is not a month
b[0].months[1]: "jan" is not a month
b[0].months[3]: "10:2" ends before it starts; write it as two entries
b[0].days_of_month[0]: "0" is not a day of the month: 1 to 31, or -1 to -31 from its end
b[0].days_of_month[1]: "32" is not a day of the month: 1 to 31, or -1 to -31 from its end
b[0].days_of_month[2]: "-1:5" starts from the month's end, so its end must be negative too
b[0].days_of_month[3]: "5:1" ends before it starts; write it as two entries
b[0].days_of_month[4]: "-1:-3" ends before it starts; write it as two entries
b[0].days_of_month[6]: "x" is not a day of the month: 1 to 31, or -1 to -31 from its end
b[0].years[0]: "2026:2025" ends before it starts; write it as two entries
b[0].years[1]: "0" is not a year
`)
	if _, known := c.find("b"); !known {
		t.Error("a faulty interval is reported as unknown where it is used")
	}
}

func TestDirectory(t *testing.T) {
	d, faults := NewDirectory([]Person{
		{ID: "alice", Name: "Alice Chen", Timezone: "Asia/Shanghai", Language: text.Chinese, Roles: Roles{Responder, Approver},
			Slack: "U0ALICE", WeCom: "Alice", Email: "Alice@example.org", Phone: "+8613800000000"},
		{ID: "bob", Roles: Roles{Admin}},
		{ID: "carol"},
		{ID: "dave", Roles: Roles{"root"}[:0]},
	}, []Team{{Name: "web", Members: []string{"alice", "bob"}, Lead: "carol"}})
	wantFaults(t, faults, "")
	for _, account := range []account{{"slack", "U0ALICE"}, {"wecom", "alice"}, {"email", "alice@EXAMPLE.org"}, {"phone", "+8613800000000"}, {"web", "alice"}} {
		if p, ok := d.PersonByAccount(account.platform, account.id); !ok || p.ID != "alice" {
			t.Errorf("%v belongs to %q, %v", account, p.ID, ok)
		}
	}
	for _, account := range []account{{"slack", "u0alice"}, {"slack", ""}, {"wecom", "bob"}, {"irc", "alice"}, {"", ""}} {
		if p, ok := d.PersonByAccount(account.platform, account.id); ok {
			t.Errorf("%v belongs to %q", account, p.ID)
		}
	}
	if p, _ := d.Person("bob"); p.Name != "bob" {
		t.Errorf("a person without a name is called %q", p.Name)
	}
	if team, ok := d.Team("web"); !ok || !slices.Equal(team.Members, []string{"alice", "bob"}) || team.Lead != "carol" {
		t.Errorf("team web is %v, %v", team, ok)
	}
}

// TestAllows is the whole table of who may do what.
func TestAllows(t *testing.T) {
	allow := func(r Roles) string {
		d, _ := NewDirectory([]Person{{ID: "p", Roles: r}}, nil)
		var granted []string
		for _, role := range []Role{Viewer, Responder, Approver, Admin, "root", ""} {
			if d.Allows("p", role) {
				granted = append(granted, string(role))
			}
		}
		return strings.Join(granted, " ")
	}
	for _, c := range []struct {
		roles Roles
		want  string
	}{
		{nil, ""},
		{Roles{Viewer}, "viewer"},
		{Roles{Responder}, "viewer responder"},
		{Roles{Approver}, "viewer approver"},
		{Roles{Admin}, "viewer admin"},
		{Roles{Responder, Approver}, "viewer responder approver"},
		{Roles{"root"}, ""},
		{Roles{""}, ""},
	} {
		if got := allow(c.roles); got != c.want {
			t.Errorf("%q allows %q, want %q", c.roles, got, c.want)
		}
	}
	var none *Directory
	if none.Allows("p", Viewer) || new(Directory).Allows("", Viewer) {
		t.Error("an empty directory allows something")
	}
}

func TestDirectoryListsEveryFault(t *testing.T) {
	_, faults := NewDirectory([]Person{
		{ID: "alice", Slack: "U1"},
		{ID: "alice"},
		{ID: "bob", Slack: "U1", Timezone: "Nowhere", Language: "fr", Roles: Roles{Viewer, "boss"}, Email: "Bob <bob@example.org>", Phone: "13800000000"},
		{ID: "a b"},
	}, []Team{{Name: "web", Members: []string{"alcie", "bob", "bob"}, Lead: "carol"}, {Name: "web"}})
	wantFaults(t, faults, `
people.alice: "alice" stands twice
people.bob.timezone: there is no time zone "Nowhere" (an IANA name such as Asia/Shanghai or UTC)
people.bob.language: no language "fr" here (en or zh)
people.bob.roles[1]: no role "boss" (one of viewer, responder, approver, admin)
people.bob.email: "Bob <bob@example.org>" is not an address (as alice@example.org, without a name around it)
people.bob.phone: "13800000000" is not a telephone number (with country code, as "+8613800000000")
people.bob.slack: "U1" is alice's account already (an account belongs to one person)
people.a b: "a b" cannot name a person (letters, digits, '-', '_' and '.')
teams.web.members[0]: nobody is called "alcie" under people (did you mean "alice"?)
teams.web.members[2]: "bob" stands twice
teams.web.lead: nobody is called "carol" under people
teams.web.members: team "web" has no members (name at least one person)
teams.web: "web" stands twice
`)
}

func TestWithOverrides(t *testing.T) {
	c, faults := Compile(Schedule{Timezone: "UTC",
		Layers:    []Layer{{People: [][]string{{"a"}}, Start: "2026-01-05T00:00:00", Shift: "1d"}},
		Overrides: []WrittenOverride{{Start: "2026-01-06T00:00:00", End: "2026-01-07T00:00:00", Person: "b"}},
	}, lettersDirectory(t), nil)
	wantFaults(t, faults, "")
	at := func(clock string) time.Time { return asUTC("2026-01-06T" + clock + ":00") }
	with := c.WithOverrides([]Override{
		{Person: "c", Start: at("06:00"), End: at("12:00").Add(time.Millisecond)},
		{Person: "d", Start: at("11:00"), End: at("11:30")},
		{Person: "gone", Start: at("00:00"), End: at("23:00")},
		{Person: "e", Start: at("13:00"), End: at("13:00")},
	})
	from, to := asUTC("2026-01-05T12:00:00"), asUTC("2026-01-07T12:00:00")
	want := "2026-01-05T12:00:00Z a 2026-01-06T00:00:00Z b 2026-01-06T06:00:00Z c 2026-01-06T11:00:00Z d " +
		"2026-01-06T11:30:00Z c 2026-01-06T12:00:00Z b 2026-01-07T00:00:00Z a 2026-01-07T12:00:00Z"
	if got := strings.Join(row(with, from, to), " "); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := c.On(at("11:15")); !slices.Equal(got, []string{"b"}) {
		t.Errorf("the schedule itself changed: %v", got)
	}
	if got := with.On(at("11:15")); !slices.Equal(got, []string{"d"}) {
		t.Errorf("on call %v, want d", got)
	}
	a, b := Override{Start: at("01:00"), End: at("02:00")}, Override{Start: at("02:00"), End: at("03:00")}
	if a.Overlaps(b) || b.Overlaps(a) || !a.Overlaps(a) {
		t.Error("overrides that touch overlap, or one does not overlap itself")
	}
}

// TestRangeIsCutExactly: the bounds of a range that has parts of a second come back as they were asked for.
func TestRangeIsCutExactly(t *testing.T) {
	c, faults := Compile(Schedule{Timezone: "Asia/Shanghai",
		Layers: []Layer{{People: [][]string{{"a"}}, Start: "2026-01-05T00:00:00", Shift: "1d"}}}, lettersDirectory(t), nil)
	wantFaults(t, faults, "")
	from := time.Date(2026, 2, 1, 0, 0, 0, 500, time.UTC)
	got := c.Shifts(from, from.Add(time.Hour))
	want := []Shift{{Start: from.In(c.zone.loc), End: from.Add(time.Hour).In(c.zone.loc), Person: "a", Layer: "layer 1"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := c.Shifts(from, from); got != nil {
		t.Errorf("an empty range has shifts %v", got)
	}
}
