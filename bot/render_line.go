package bot

import (
	"encoding/json"

	"dogwatch/incidents"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// lineData is what history lines carry that a reply tells.
type lineData struct {
	Person  string `json:"person"`
	Text    string `json:"text"`
	Reason  string `json:"reason"`
	Until   string `json:"until"`
	From    string `json:"from"`
	To      string `json:"to"`
	Channel string `json:"channel"`
	Action  string `json:"action"`
	Ended   bool   `json:"ended"`
}

// line is a history line as a sentence: who did what, and why.
func (r reader) line(people *schedules.Directory, l *incidents.Line) string {
	var d lineData
	if json.Unmarshal(l.Data, &d) != nil {
		d = lineData{}
	}
	key := "line_" + l.Kind
	switch {
	case l.Actor.Person == "" && text.Template(r.lang, "bot."+key+"_system") != "":
		key += "_system"
	case text.Template(r.lang, "bot."+key) == "":
		key = "line_other"
	}
	s := r.say(key, "who", name(people, l.Actor.Person), "person", name(people, d.Person), "text", cut(d.Text, shownNote), "until", d.Until,
		"from", d.From, "to", d.To, "channel", d.Channel, "action", d.Action, "kind", l.Kind)
	if d.Reason != "" && l.Kind != "page_failed" {
		s = r.say("line_reason", "line", s, "reason", cut(oneLine(d.Reason), shownFact))
	} else if l.Kind == "page_failed" {
		s = r.say("line_reason", "line", s, "reason", reasonText(r, d.Reason))
	}
	return s
}

// reasonText is a reason that is a key of ours as a sentence, and any other as it is.
func reasonText(r reader, reason string) string {
	if text.Template(r.lang, "bot.reason_"+reason) != "" {
		return r.say("reason_" + reason)
	}
	return cut(oneLine(reason), shownFact)
}

// sayFrom is a sentence of another package's area.
func (r reader) sayFrom(area, key string, pairs ...any) string {
	return text.Say(r.lang, area+"."+key, pairs...)
}
