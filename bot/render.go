package bot

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dogwatch/actions"
	"dogwatch/incidents"
	"dogwatch/schedules"
)

// RequestView is a request as an incident's card shows it.
type RequestView struct {
	actions.Request
	Tail string // the last lines of its output; "" if there is none
}

// What a card holds at most: one look at three in the morning, and a storm must stay small.
const (
	shownTitle    = 160
	shownFact     = 200
	shownNote     = 600
	shownNotes    = 4
	shownRequests = 3
	shownCode     = 1200
)

// scene is all that a card depends on. Rendering is a pure function of it.
type scene struct {
	incident *incidents.Incident
	lines    []incidents.Line
	requests []RequestView
	people   *schedules.Directory
	reader   reader
	// sign makes a button's value; nil: the place has no buttons.
	sign func(verb, subject string) string
	// actions says whether there is anything to run, console is the console's URL or "".
	actions bool
	console string
	// page: it is this person's own card, sent because it is their turn.
	page bool
}

// render makes an incident's card.
func (s *scene) render() *Card {
	i, r := s.incident, s.reader
	c := &Card{Kind: IncidentCard, Subject: string(i.ID), Version: i.Version, Severity: i.Severity, State: string(i.State),
		Headline: headline(i), Status: s.status(), Facts: s.facts(), Body: s.notes(), Lang: string(r.lang)}
	if s.page {
		c.Kind = PageCard
	}
	for _, q := range shown(s.requests) {
		c.Requests = append(c.Requests, s.request(&q))
	}
	c.Buttons = s.buttons()
	if s.console != "" {
		c.Links = []Link{{r.say("open_console"), s.console + "/incidents/" + strconv.FormatInt(i.Number, 10)}}
	}
	if paged := s.paged(); len(paged) > 0 {
		c.Footer = r.say("paged", "who", names(s.people, paged))
	}
	return c
}

func headline(i *incidents.Incident) string {
	return i.Severity + " · #" + strconv.FormatInt(i.Number, 10) + " · " + cut(oneLine(i.Title), shownTitle)
}

// status is the second line: where it stands, and through whom.
func (s *scene) status() string {
	i, r := s.incident, s.reader
	switch {
	case i.State == incidents.Closed && i.ResolvedAt != nil:
		if by := deref(i.ResolvedBy); by != "" {
			return r.say("status_resolved_by", "who", name(s.people, by), "at", r.clock(*i.ResolvedAt))
		}
		return r.say("status_resolved", "at", r.clock(*i.ResolvedAt))
	case i.SnoozedUntil != nil:
		return r.say("status_snoozed", "at", r.clock(*i.SnoozedUntil))
	case i.State == incidents.Acknowledged && i.AcknowledgedAt != nil:
		return r.say("status_acknowledged", "who", name(s.people, deref(i.AcknowledgedBy)), "at", r.clock(*i.AcknowledgedAt))
	case s.page:
		return r.say("status_your_turn")
	}
	who, skipped := s.paging()
	switch {
	case len(who) > 0:
		return r.say("status_paging", "who", names(s.people, who))
	case skipped:
		return r.say("status_nobody")
	}
	return r.say("status_triggered")
}

// pageData is what escalation writes into a page's line.
type pageData struct {
	Person string `json:"person"`
	Step   int    `json:"step"`
	Round  int    `json:"round"`
}

// paging are the persons of the last step that paged somebody; skipped: the last step found nobody.
func (s *scene) paging() (who []string, skipped bool) {
	last := pageData{}
	for _, l := range s.lines {
		var d pageData
		switch l.Kind {
		case "page":
			if json.Unmarshal(l.Data, &d) != nil || d.Person == "" {
				continue // a channel that was told is nobody who answers
			}
			if d.Step != last.Step || d.Round != last.Round {
				who, last = nil, d
			}
			skipped = false
			if !slices.Contains(who, d.Person) {
				who = append(who, d.Person)
			}
		case "page_skipped":
			skipped = true
		case "reopened", "opened":
			who, last, skipped = nil, pageData{}, false
		}
	}
	return who, skipped
}

// paged are all persons who were paged, in order, as far as the lines at hand go.
func (s *scene) paged() []string {
	var who []string
	for _, l := range s.lines {
		var d pageData
		if l.Kind == "page" && json.Unmarshal(l.Data, &d) == nil && d.Person != "" && !slices.Contains(who, d.Person) {
			who = append(who, d.Person)
		}
	}
	return who
}

func (s *scene) facts() []Fact {
	i, r := s.incident, s.reader
	var out []Fact
	add := func(key, value string) {
		if value != "" {
			out = append(out, Fact{r.say(key), cut(oneLine(value), shownFact)})
		}
	}
	if i.Alerts.Total > 0 {
		add("fact_alerts", r.say("alerts", "firing", i.Alerts.Firing, "total", i.Alerts.Total))
	}
	if i.State != incidents.Closed {
		add("fact_assignees", names(s.people, i.Assignees))
	}
	add("fact_since", r.clock(i.CreatedAt))
	add("fact_source", i.Source)
	add("fact_group", i.GroupKey)
	if i.Flaps > 0 {
		add("fact_flaps", strconv.FormatInt(i.Flaps, 10))
	}
	for _, n := range i.Show {
		if v := strings.TrimSpace(i.Summary[n]); v != "" && isShort(v) && v != i.Title {
			out = append(out, Fact{n, v})
		}
	}
	return out
}

// isShort says whether an annotation fits beside its name; longer ones are paragraphs.
func isShort(v string) bool { return len(v) <= 32 && !strings.ContainsAny(v, "\r\n") }

// notes are the longer annotations that the route shows, in its order. One that is the title already is not said again.
func (s *scene) notes() []string {
	var out []string
	for _, n := range s.incident.Show {
		if v := strings.TrimSpace(s.incident.Summary[n]); v != "" && !isShort(v) && v != s.incident.Title && len(out) < shownNotes {
			out = append(out, n+": "+cut(v, shownNote))
		}
	}
	return out
}

func (s *scene) buttons() []Button {
	i, r := s.incident, s.reader
	if s.sign == nil || !i.Open() {
		return nil
	}
	var out []Button
	add := func(verb string, style Style) {
		out = append(out, Button{Verb: verb, Label: r.say("button_" + verb), Value: s.sign(verb, string(i.ID)), Style: style})
	}
	if i.State == incidents.Triggered {
		add("acknowledge", Primary)
		add("resolve", Plain)
	} else {
		add("resolve", Primary)
	}
	add("snooze", Plain)
	if i.Policy != "" {
		add("escalate", Plain)
	}
	if s.actions {
		add("run", Plain)
	}
	return out
}

// shown are the requests a card has room for: the first of their order.
func shown(list []RequestView) []RequestView {
	return order(list)[:min(len(list), shownRequests)]
}

// order puts open requests first, then the newest.
func order(list []RequestView) []RequestView {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b RequestView) int {
		if a.State.Final() != b.State.Final() {
			if b.State.Final() {
				return -1
			}
			return 1
		}
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(string(a.ID), string(b.ID)))
	})
	return list
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// oneLine puts a text of several lines into one.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// cut shortens a text to so many characters, visibly.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// webURL says whether a text is a link that may be shown.
func webURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
