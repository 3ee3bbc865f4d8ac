package slacktest

import (
	"encoding/json"
	"fmt"
)

// textObject is a text of Block Kit.
type textObject struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim *bool  `json:"verbatim"`
}

// option is one choice of a select.
type option struct {
	Text  *textObject `json:"text"`
	Value string      `json:"value"`
}

// element is a part of a block that people act on.
type element struct {
	Type     string   `json:"type"`
	ActionID string   `json:"action_id"`
	Value    string   `json:"value"`
	URL      string   `json:"url"`
	Style    string   `json:"style"`
	Text     any      `json:"text"` // an object at buttons, a string in rich text
	Options  []option `json:"options"`
	Max      int      `json:"max_length"`
	Confirm  *struct {
		Title   *textObject `json:"title"`
		Text    *textObject `json:"text"`
		Confirm *textObject `json:"confirm"`
		Deny    *textObject `json:"deny"`
	} `json:"confirm"`
}

// block is any block that is checked.
type block struct {
	Type      string            `json:"type"`
	BlockID   string            `json:"block_id"`
	Text      *textObject       `json:"text"`
	Fields    []*textObject     `json:"fields"`
	Elements  []json.RawMessage `json:"elements"`
	Accessory json.RawMessage   `json:"accessory"`
	Label     *textObject       `json:"label"`
	Hint      *textObject       `json:"hint"`
	Element   json.RawMessage   `json:"element"`
}

// checker collects what Slack would complain of.
type checker struct{ faults []string }

func (k *checker) fault(at, format string, args ...any) {
	k.faults = append(k.faults, fmt.Sprintf(format, args...)+" [json-pointer:"+at+"]")
}

func (k *checker) longest(at, s string, limit int) {
	if units(s) > limit {
		k.fault(at, "must be less than %d characters", limit+1)
	}
}

// text checks a plain_text object; needed: it must be there.
func (k *checker) text(at string, t *textObject, limit int, needed bool) {
	if t == nil {
		if needed {
			k.fault(at, "missing required field: text")
		}
		return
	}
	k.anyText(at, t, limit)
	if t.Type != "plain_text" {
		k.fault(at+"/type", "must be plain_text")
	}
}

// anyText checks a text object of either kind.
func (k *checker) anyText(at string, t *textObject, limit int) {
	switch {
	case t.Type != "plain_text" && t.Type != "mrkdwn":
		k.fault(at+"/type", "must be plain_text or mrkdwn")
	case t.Type == "plain_text" && t.Verbatim != nil:
		k.fault(at, "no more fields allowed: verbatim")
	case t.Type == "mrkdwn" && t.Emoji != nil:
		k.fault(at, "no more fields allowed: emoji")
	}
	if t.Text == "" {
		k.fault(at+"/text", "must be more than 0 characters")
	}
	k.longest(at+"/text", t.Text, limit)
}

// checkBlocks holds the limits of Block Kit; nil is a good list.
func checkBlocks(raw json.RawMessage, most int) []string {
	var blocks []block
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return []string{"must be an array of blocks [json-pointer:/blocks]"}
	}
	k := &checker{}
	if len(blocks) > most {
		k.fault("/blocks", "no more than %d items allowed", most)
	}
	seen := map[string]bool{}
	for i, b := range blocks {
		at := fmt.Sprintf("/blocks/%d", i)
		k.longest(at+"/block_id", b.BlockID, 255)
		if b.BlockID != "" && seen[b.BlockID] {
			k.fault(at+"/block_id", "`block_id`s must be unique")
		}
		seen[b.BlockID] = true
		k.block(at, b)
	}
	return k.faults
}

func (k *checker) block(at string, b block) {
	switch b.Type {
	case "header":
		k.text(at+"/text", b.Text, 150, true)
	case "section":
		k.section(at, b)
	case "context":
		k.count(at, len(b.Elements), 10)
		for i, raw := range b.Elements {
			var t textObject
			if json.Unmarshal(raw, &t) == nil && t.Type != "image" {
				k.anyText(fmt.Sprintf("%s/elements/%d", at, i), &t, 3000)
			}
		}
	case "actions":
		k.count(at, len(b.Elements), 25)
		ids := map[string]bool{}
		for i, raw := range b.Elements {
			k.element(fmt.Sprintf("%s/elements/%d", at, i), raw, ids)
		}
	case "input":
		k.text(at+"/label", b.Label, 2000, true)
		k.text(at+"/hint", b.Hint, 2000, false)
		k.element(at+"/element", b.Element, map[string]bool{})
	case "rich_text":
		k.richText(at, b)
	case "divider":
	default:
		k.fault(at, "unsupported type: %s", b.Type)
	}
}

func (k *checker) count(at string, n, most int) {
	if n == 0 || n > most {
		k.fault(at+"/elements", "must have 1 to %d items", most)
	}
}

func (k *checker) section(at string, b block) {
	if b.Text == nil && len(b.Fields) == 0 {
		k.fault(at, "missing required field: text")
	}
	if b.Text != nil {
		k.anyText(at+"/text", b.Text, 3000)
	}
	if len(b.Fields) > 10 {
		k.fault(at+"/fields", "no more than 10 items allowed")
	}
	for i, f := range b.Fields {
		k.anyText(fmt.Sprintf("%s/fields/%d", at, i), f, 2000)
	}
	if b.Accessory != nil {
		k.element(at+"/accessory", b.Accessory, map[string]bool{})
	}
}

// richText wants something in every element; Slack documents no length for it, so a text object's is held.
func (k *checker) richText(at string, b block) {
	if len(b.Elements) == 0 {
		k.fault(at+"/elements", "must have at least 1 item")
	}
	for i, raw := range b.Elements {
		var part struct {
			Type     string    `json:"type"`
			Elements []element `json:"elements"`
		}
		where := fmt.Sprintf("%s/elements/%d", at, i)
		if json.Unmarshal(raw, &part) != nil || len(part.Elements) == 0 {
			k.fault(where, "must have elements")
			continue
		}
		for _, e := range part.Elements {
			words, isText := e.Text.(string)
			if e.Type == "text" && (!isText || words == "") {
				k.fault(where+"/text", "must be more than 0 characters")
			}
			k.longest(where+"/text", words, 3000)
		}
	}
}

func (k *checker) element(at string, raw json.RawMessage, ids map[string]bool) {
	var e element
	var label struct {
		Text *textObject `json:"text"`
	}
	if json.Unmarshal(raw, &e) != nil || json.Unmarshal(raw, &label) != nil {
		k.fault(at, "must be an element")
		return
	}
	k.longest(at+"/action_id", e.ActionID, 255)
	if e.ActionID != "" && ids[e.ActionID] {
		k.fault(at+"/action_id", "`action_id`s must be unique")
	}
	ids[e.ActionID] = true
	switch e.Type {
	case "button":
		k.text(at+"/text", label.Text, 75, true)
		k.longest(at+"/value", e.Value, 2000)
		k.longest(at+"/url", e.URL, 3000)
		if e.Style != "" && e.Style != "primary" && e.Style != "danger" {
			k.fault(at+"/style", "must be primary or danger")
		}
		if c := e.Confirm; c != nil {
			k.text(at+"/confirm/title", c.Title, 100, true)
			if c.Text == nil {
				k.fault(at+"/confirm", "missing required field: text")
			} else {
				k.anyText(at+"/confirm/text", c.Text, 300)
			}
			k.text(at+"/confirm/confirm", c.Confirm, 30, true)
			k.text(at+"/confirm/deny", c.Deny, 30, true)
		}
	case "static_select":
		if len(e.Options) == 0 || len(e.Options) > 100 {
			k.fault(at+"/options", "must have 1 to 100 items")
		}
		for i, o := range e.Options {
			where := fmt.Sprintf("%s/options/%d", at, i)
			k.text(where+"/text", o.Text, 75, true)
			k.longest(where+"/value", o.Value, 150)
		}
	case "plain_text_input":
		if e.Max > 3000 {
			k.fault(at+"/max_length", "must be less than 3001")
		}
	case "users_select", "overflow", "datepicker", "checkboxes", "radio_buttons":
	default:
		k.fault(at, "unsupported type: %s", e.Type)
	}
}

// CheckBlocks says what Slack would complain of in a message's blocks; nil: nothing.
func CheckBlocks(blocks json.RawMessage) []string { return checkBlocks(blocks, 50) }
