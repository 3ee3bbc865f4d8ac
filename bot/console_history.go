package bot

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/text"
)

// Event is one line of an incident's history as a sentence.
type Event struct {
	Seq      int
	At       time.Time
	Kind     string
	Sentence string
	// Words are somebody's own: a note's text, a reason; "" if there are none.
	Words string
	Via   string // "slack", "web" …; "" for the system
}

// lineFacts is what lines carry, of all kinds together.
type lineFacts struct {
	Person   string `json:"person"`
	Channel  string `json:"channel"`
	State    string `json:"state"`
	Step     int    `json:"step"`
	Round    int    `json:"round"`
	Text     string `json:"text"`
	Reason   string `json:"reason"`
	Why      string `json:"why"`
	Until    string `json:"until"`
	From     string `json:"from"`
	To       string `json:"to"`
	Action   string `json:"action"`
	Request  string `json:"request"`
	Count    int64  `json:"count"`
	Ended    bool   `json:"ended"`
	Have     int    `json:"have"`
	Quorum   int    `json:"quorum"`
	Nobody   bool   `json:"nobody"`
	ExitCode *int   `json:"exit_code"`
	Into     int64  `json:"into"`
}

// event tells a line in the words of the catalogue's area "history". A kind it does not know is shown by its name, so that
// nothing of a history is ever hidden.
func (c *Console) event(who Visitor, l *incidents.Line) Event {
	var d lineFacts
	if json.Unmarshal(l.Data, &d) != nil {
		d = lineFacts{}
	}
	r := who.reader()
	e := Event{Seq: l.Seq, At: l.At.In(who.Zone), Kind: l.Kind, Words: strings.TrimSpace(d.Text)}
	if l.Actor.Via != "system" {
		e.Via = l.Actor.Via
	}
	key := historyKey(who.Lang, l, &d)
	e.Sentence = r.sayFrom("history", key, "who", c.bot.name(l.Actor.Person), "person", c.bot.name(d.Person), "channel", d.Channel,
		"step", d.Step, "round", d.Round, "until", clockOf(r, d.Until), "from", d.From, "to", d.To, "action", d.Action, "id", d.Request,
		"count", d.Count, "have", d.Have, "quorum", d.Quorum, "into", d.Into, "code", exitCode(d.ExitCode), "kind", l.Kind)
	if d.Reason == "" {
		d.Reason = d.Why
	}
	if why := c.reason(r, d.Reason); why != "" {
		if e.Words != "" {
			why = e.Words + "\n" + why
		}
		e.Words = why
	}
	return e
}

// historyKey is the key of a line's sentence: by kind, and by what makes a difference within it.
func historyKey(lang text.Lang, l *incidents.Line, d *lineFacts) string {
	key := l.Kind
	switch {
	case l.Kind == "page" && d.Nobody:
		key += "_nobody"
	case l.Kind == "page" && d.Person == "":
		key += "_channel_" + d.State
	case l.Kind == "page" && l.Actor.Person != "":
		key += "_asked_" + d.State
	case l.Kind == "page":
		key += "_" + d.State
	case l.Kind == "snoozed" && d.Ended:
		key += "_ended"
	case (l.Kind == "alert_firing" || l.Kind == "alert_resolved") && d.Count <= 1,
		(l.Kind == "opened" || l.Kind == "reopened") && d.Count <= 1 && l.Actor.Person == "":
		key += "_one"
	}
	if l.Actor.Person == "" && text.Template(lang, "history."+key+"_system") != "" {
		key += "_system"
	}
	if text.Template(lang, "history."+key) == "" {
		return "other"
	}
	return key
}

// reason is a reason as people read it: one of ours in their language, anybody's own as it is.
func (c *Console) reason(r reader, reason string) string {
	if reason == "" {
		return ""
	}
	key := strings.ReplaceAll(strings.ToLower(reason), " ", "_")
	for _, k := range []string{"history.reason_" + key, "bot.reason_" + key, "actions." + key} {
		if text.Template(r.lang, k) != "" {
			return text.Say(r.lang, k)
		}
	}
	return reason
}

func exitCode(code *int) string {
	if code == nil {
		return ""
	}
	return strconv.Itoa(*code)
}

// clockOf is a time of a line's data in the reader's zone; what is not one stays as it is.
func clockOf(r reader, s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return r.clock(t)
	}
	return s
}
