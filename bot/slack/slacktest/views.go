package slacktest

import (
	"encoding/json"
	"fmt"
	"time"
)

// trigger opens one modal, within three seconds.
type trigger struct {
	user  string
	until time.Time
	used  bool
}

const (
	triggerLife = 3 * time.Second
	largestView = 250_000
	viewStack   = 3
)

// newTrigger is issued with every command, click and submission. The caller holds the mutex.
func (s *Server) newTrigger(user string) string {
	id := s.world.next("1795") + ".1234567890." + randomHex(16)
	s.triggers[id] = &trigger{user: user, until: s.Clock.Now().Add(triggerLife)}
	return id
}

func (s *Server) openView(c *call) answer {
	t := s.triggers[c.args["trigger_id"]]
	switch {
	case t == nil:
		return deny("invalid_trigger_id")
	case t.used:
		return deny("exchanged_trigger_id")
	case s.Clock.Now().After(t.until):
		return deny("expired_trigger_id")
	}
	raw := json.RawMessage(c.args["view"])
	if refused := checkView(raw); refused != nil {
		return refused
	}
	if s.stack(t.user) >= viewStack {
		return denied("invalid_arguments", "push limit reached")
	}
	t.used = true
	v := &View{ID: s.world.next("V0"), User: t.user, View: raw}
	s.world.views = append(s.world.views, v)
	return answer{"ok": true, "view": s.viewJSON(v, nil)}
}

func (s *Server) stack(user string) (n int) {
	for _, v := range s.world.views {
		if v.User == user {
			n++
		}
	}
	return n
}

func (s *Server) updateView(c *call) answer {
	v := s.view(c.args["view_id"])
	if v == nil {
		return deny("not_found")
	}
	if h := c.args["hash"]; h != "" && h != v.hash() {
		return deny("hash_conflict")
	}
	if refused := checkView(json.RawMessage(c.args["view"])); refused != nil {
		return refused
	}
	v.View, v.Errors = json.RawMessage(c.args["view"]), nil
	return answer{"ok": true, "view": s.viewJSON(v, nil)}
}

func (s *Server) view(id string) *View {
	for _, v := range s.world.views {
		if v.ID == id {
			return v
		}
	}
	return nil
}

func (s *Server) closeView(v *View) {
	kept := s.world.views[:0]
	for _, other := range s.world.views {
		if other != v {
			kept = append(kept, other)
		}
	}
	s.world.views = kept
}

func (v *View) hash() string { return fmt.Sprintf("1795.%x", len(v.View)*31+len(v.ID)) }

// viewJSON is a view as Slack gives it back, with the state of a submission.
func (s *Server) viewJSON(v *View, state map[string]any) map[string]any {
	var out map[string]any
	if json.Unmarshal(v.View, &out) != nil {
		out = map[string]any{}
	}
	out["id"], out["team_id"], out["hash"], out["root_view_id"] = v.ID, s.opt.Team, v.hash(), v.ID
	out["app_id"], out["bot_id"], out["previous_view_id"], out["external_id"] = s.opt.AppID, BotID, nil, ""
	if state == nil {
		state = map[string]any{}
	}
	out["state"] = map[string]any{"values": state}
	return out
}

// checkView holds the limits of modals; nil is a good one.
func checkView(raw json.RawMessage) answer {
	if len(raw) > largestView {
		return deny("view_too_large")
	}
	var v struct {
		Type     string          `json:"type"`
		Title    *textObject     `json:"title"`
		Submit   *textObject     `json:"submit"`
		Close    *textObject     `json:"close"`
		Callback string          `json:"callback_id"`
		Meta     string          `json:"private_metadata"`
		Blocks   json.RawMessage `json:"blocks"`
	}
	if json.Unmarshal(raw, &v) != nil || v.Type != "modal" {
		return denied("invalid_arguments", "must be a modal view [json-pointer:/view]")
	}
	k := &checker{}
	k.text("/view/title", v.Title, 24, true)
	k.text("/view/submit", v.Submit, 24, false)
	k.text("/view/close", v.Close, 24, false)
	k.longest("/view/callback_id", v.Callback, 255)
	k.longest("/view/private_metadata", v.Meta, 3000)
	k.faults = append(k.faults, checkBlocks(v.Blocks, 100)...)
	var inputs []struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(v.Blocks, &inputs) == nil && v.Submit == nil {
		for _, b := range inputs {
			if b.Type == "input" {
				k.fault("/view/submit", "missing required field: submit")
				break
			}
		}
	}
	if len(k.faults) > 0 {
		return denied("invalid_arguments", k.faults...)
	}
	return nil
}
