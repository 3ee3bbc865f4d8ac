package bot

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// kinds are those of the contract, with what their lines carry.
var kinds = map[string][]string{
	"opened":           {`{"count":3}`, `{"count":1}`, `{"title":"x"}`},
	"alert_firing":     {`{"count":1}`, `{"count":7}`},
	"alert_resolved":   {`{"count":1}`, `{"count":7,"reason":"not reported any more"}`},
	"page":             {page("queued"), page("sent"), page("failed"), `{"person":"","channel":"slack:C0OPS","step":1,"round":1,"state":"queued"}`, `{"person":"","channel":"slack:C0OPS","step":1,"round":1,"state":"sent"}`, `{"person":"","channel":"slack:C0OPS","step":1,"round":1,"state":"failed"}`, `{"person":"","channel":"web:ops","step":1,"round":1,"state":"sent","nobody":true}`},
	"page_failed":      {`{"person":"bob","channel":"slack:U0BOB","reason":"refused"}`},
	"page_skipped":     {`{"step":1,"round":1,"reason":"nobody"}`, `{"step":1,"round":1,"reason":"condition"}`, `{"step":1,"round":1,"reason":"no policy"}`, `{"step":1,"round":1,"reason":"answered"}`},
	"acknowledged":     {`{}`, `{"reason":"mine"}`},
	"escalated":        {`{}`},
	"assigned":         {`{"person":"bob"}`},
	"snoozed":          {`{"until":"2026-11-20T10:00:00Z"}`, `{"ended":true}`},
	"note":             {`{"text":"looking"}`},
	"merged":           {`{"into":42}`},
	"severity":         {`{"from":"P3","to":"P1"}`},
	"resolved":         {`{}`, `{"reason":"all alerts resolved"}`, `{"reason":"no alert was reported any more"}`},
	"reopened":         {`{"count":1}`, `{"count":2}`, `{}`},
	"request_created":  {`{"action":"restart","request":"x"}`},
	"request_approval": {`{"action":"restart","have":1,"quorum":2}`}, "request_approved": {`{"action":"restart"}`}, "request_rejected": {`{"action":"restart","reason":"no"}`},
	"request_expired": {`{"action":"restart"}`}, "request_cancelled": {`{"action":"restart"}`}, "request_withdrawn": {`{"action":"restart","why":"why_resolved"}`},
	"request_void": {`{"action":"restart","why":"why_changed"}`}, "run_started": {`{"action":"restart"}`}, "run_succeeded": {`{"action":"restart","exit_code":0}`},
	"run_failed": {`{"action":"restart","exit_code":1,"why":"why_exit"}`}, "run_cancelled": {`{"action":"restart"}`}, "run_cancel_asked": {`{"action":"restart"}`},
	"run_reported": {`{"action":"restart"}`}, "run_unknown": {`{"action":"restart","why":"why_lost"}`},
}

func page(state string) string {
	return `{"person":"bob","channel":"slack:U0BOB","step":1,"round":1,"state":"` + state + `"}`
}

// Every kind of line has a sentence in both languages, by a person and by the system, with nothing left to fill in.
func TestEveryKindOfLineIsTold(t *testing.T) {
	d, faults := schedules.NewDirectory([]schedules.Person{{ID: "alice", Name: "Alice Chen"}, {ID: "bob", Name: "Bob"}}, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	c := NewConsole(&Bot{cfg: Config{Directory: func() *schedules.Directory { return d }}})
	for _, lang := range text.Languages {
		who := Visitor{ID: "alice", Lang: lang, Zone: time.UTC}
		for kind, all := range kinds {
			for _, data := range all {
				for _, actor := range []incidents.Actor{{Person: "alice", Via: "web"}, incidents.System} {
					e := c.event(who, &incidents.Line{Seq: 1, At: time.Unix(0, 0), Kind: kind, Actor: actor, Data: json.RawMessage(data)})
					if e.Sentence == "" || e.Sentence == kind || strings.ContainsAny(e.Sentence, "{}«") {
						t.Errorf("%s: %s by %q %s is told as %q", lang, kind, actor.Person, data, e.Sentence)
					}
					if lang == text.Chinese && strings.Contains(e.Words, "reported") {
						t.Errorf("%s %s: %q is not Chinese", kind, data, e.Words)
					}
				}
			}
		}
	}
}

// What a line holds is put in as it is: words in braces are no placeholders, a broken line is told by its kind, an unknown kind too.
func TestOddLinesAreTold(t *testing.T) {
	d, _ := schedules.NewDirectory(nil, nil)
	c := NewConsole(&Bot{cfg: Config{Directory: func() *schedules.Directory { return d }}})
	who := Visitor{Lang: text.English, Zone: time.UTC}
	for _, l := range []struct {
		kind, data, sentence, words string
	}{
		{"note", `{"text":"{who} {{.x}}"}`, "eve noted", "{who} {{.x}}"},
		{"note", `not JSON`, "eve noted", ""},
		{"reticulated", `{"a":1}`, "reticulated", ""},
		{"snoozed", `{"until":"soon"}`, "eve snoozed it until soon", ""},
		{"snoozed", `{"until":"2026-11-20T10:00:00Z"}`, "eve snoozed it until 2026-11-20 10:00 UTC", ""},
		{"resolved", `{"reason":"because I say so"}`, "eve resolved it", "because I say so"},
	} {
		e := c.event(who, &incidents.Line{Kind: l.kind, Actor: incidents.Actor{Person: "eve", Via: "web"}, Data: json.RawMessage(l.data)})
		if e.Sentence != l.sentence || e.Words != l.words {
			t.Errorf("%s %s: %q and %q, want %q and %q", l.kind, l.data, e.Sentence, e.Words, l.sentence, l.words)
		}
	}
}
