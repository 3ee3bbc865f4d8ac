package slacktest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Errors of acting as a person.
var (
	ErrNoMessage = errors.New("no such message")
	ErrNoButton  = errors.New("the message does not show that button")
	ErrNoView    = errors.New("no such view is open")
	ErrRequired  = errors.New("a required field is empty")
	ErrNoUser    = errors.New("no such user")
)

// Command types a slash command; text is what follows its name, with @name for people.
func (s *Server) Command(ctx context.Context, user, channel, text string) (Delivery, error) {
	s.mu.Lock()
	u, known := s.world.users[user]
	if !known {
		s.mu.Unlock()
		return Delivery{}, fmt.Errorf("type command as %s: %w", user, ErrNoUser)
	}
	if channel == "" {
		channel = s.world.dm(user)
	}
	d := Delivery{
		Kind: "command", Path: "/chat/slack/commands", ContentType: formType, user: user, channel: channel,
		TriggerID: s.newTrigger(user), ResponseURL: s.newHook("commands", user, channel, nil),
	}
	name := "directmessage"
	if c := s.world.channels[channel]; c != nil && !strings.HasPrefix(channel, "D") {
		name = c.Name
	}
	form := map[string]string{
		"token": "verification-token-deprecated", "team_id": s.opt.Team, "team_domain": s.opt.Domain,
		"channel_id": channel, "channel_name": name, "user_id": user, "user_name": u.Name,
		"command": s.opt.Command, "text": s.escapeTyped(text), "api_app_id": s.opt.AppID, "is_enterprise_install": "false",
		"response_url": d.ResponseURL, "trigger_id": d.TriggerID,
	}
	s.mu.Unlock()
	values := url.Values{}
	for k, v := range form {
		values.Set(k, v)
	}
	d.Body = []byte(values.Encode())
	d = s.post(ctx, d, "slash_commands", form)
	s.show(d)
	return d, nil
}

var atName = regexp.MustCompile(`@([a-z0-9._-]+)`)

// escapeTyped is what Slack does to typed text: entities first, then names as mentions.
func (s *Server) escapeTyped(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return atName.ReplaceAllStringFunc(text, func(at string) string {
		for _, u := range s.world.users {
			if u.Name == at[1:] {
				return "<@" + u.ID + "|" + u.Name + ">"
			}
		}
		return at
	})
}

// Click says which button a person presses: by its words, its value or its action id.
type Click struct {
	User    string `json:"user"`
	Channel string `json:"channel"` // a user's id: their direct messages
	TS      string `json:"ts"`      // "": the channel's newest message that shows the button
	Label   string `json:"label"`
	Value   string `json:"value"`
	Action  string `json:"action"`
	// Stale presses a button of an earlier rendering, which is no longer shown: a client that has not caught up.
	Stale bool `json:"stale"`
}

// Click presses a button. One that is not shown is refused with ErrNoButton.
func (s *Server) Click(ctx context.Context, c Click) (Delivery, error) {
	s.mu.Lock()
	if d, ok := s.world.direct[c.Channel]; ok {
		c.Channel = d
	}
	u, known := s.world.users[c.User]
	m, blockID, button, err := s.button(c)
	if !known {
		err = ErrNoUser
	}
	if err != nil {
		s.mu.Unlock()
		return Delivery{}, fmt.Errorf("click in %s as %s: %w", c.Channel, c.User, err)
	}
	d := Delivery{
		Kind: "click", Path: "/chat/slack/interactions", ContentType: formType, user: c.User, channel: c.Channel,
		TriggerID: s.newTrigger(c.User), ResponseURL: s.newHook("actions", c.User, c.Channel, m),
		ActionTS: s.world.ts(s.Clock.Now()),
	}
	body := s.interaction("block_actions", u, d)
	container := map[string]any{
		"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": m.For != "",
	}
	if m.ThreadTS != "" {
		container["thread_ts"] = m.ThreadTS
	}
	body["container"], body["state"], body["response_url"] = container, map[string]any{"values": map[string]any{}}, d.ResponseURL
	body["channel"] = map[string]any{"id": m.Channel, "name": "directmessage"}
	if room := s.world.channels[m.Channel]; room != nil && room.Name != "" {
		body["channel"] = map[string]any{"id": m.Channel, "name": room.Name}
	}
	if m.For == "" {
		body["message"] = s.shown(m, true)
	}
	delete(button, "confirm") // it was asked and confirmed
	button["block_id"], button["action_ts"] = blockID, d.ActionTS
	body["actions"] = []any{button}
	s.mu.Unlock()
	d.Body = payload(body)
	return s.post(ctx, d, "interactive", body), nil
}

// interaction is what all interactions have in common. The caller holds the mutex.
func (s *Server) interaction(kind string, u User, d Delivery) map[string]any {
	return map[string]any{
		"type": kind, "api_app_id": s.opt.AppID, "token": "verification-token-deprecated", "trigger_id": d.TriggerID,
		"user":       map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.Team},
		"team":       map[string]any{"id": s.opt.Team, "domain": s.opt.Domain},
		"enterprise": nil, "is_enterprise_install": false,
	}
}

// button finds what a click presses, newest message first. The caller holds the mutex.
func (s *Server) button(c Click) (*Message, string, map[string]any, error) {
	var candidates []*Message
	candidates = append(candidates, s.world.messages[c.Channel]...)
	for _, m := range s.world.ephemerals {
		if m.Channel == c.Channel && m.For == c.User {
			candidates = append(candidates, m)
		}
	}
	found := false
	for i := len(candidates) - 1; i >= 0; i-- {
		m := candidates[i]
		if c.TS != "" && m.TS != c.TS {
			continue
		}
		found = true
		shown := []json.RawMessage{m.Blocks}
		if c.Stale {
			shown = m.Past
		}
		for j := len(shown) - 1; j >= 0; j-- {
			if id, b := pick(shown[j], c); b != nil {
				return m, id, b, nil
			}
		}
	}
	if !found {
		return nil, "", nil, ErrNoMessage
	}
	return nil, "", nil, ErrNoButton
}

// pick finds a button in a rendering.
func pick(rendering json.RawMessage, c Click) (blockID string, button map[string]any) {
	var blocks []struct {
		BlockID   string           `json:"block_id"`
		Elements  []map[string]any `json:"elements"`
		Accessory map[string]any   `json:"accessory"`
	}
	if json.Unmarshal(rendering, &blocks) != nil {
		return "", nil
	}
	for _, b := range blocks {
		for _, e := range append(b.Elements, b.Accessory) {
			if e["type"] != "button" {
				continue
			}
			label, _ := e["text"].(map[string]any)
			if (c.Label == "" || label["text"] == c.Label) && (c.Value == "" || e["value"] == c.Value) &&
				(c.Action == "" || e["action_id"] == c.Action) {
				return b.BlockID, e
			}
		}
	}
	return "", nil
}

// Submit fills in and sends a modal.
type Submit struct {
	User string `json:"user"`
	View string `json:"view"` // "": the one in front
	// Values by the field's label or its block id; what is missing keeps its initial value.
	Values map[string]string `json:"values"`
}

// Submit sends a modal's form. Slack itself holds a form back whose required fields are empty: ErrRequired.
func (s *Server) Submit(ctx context.Context, in Submit) (Delivery, error) {
	s.mu.Lock()
	var v *View
	for _, open := range s.world.views {
		if open.User == in.User && (in.View == "" || open.ID == in.View) {
			v = open
		}
	}
	if v == nil {
		s.mu.Unlock()
		return Delivery{}, fmt.Errorf("submit form as %s: %w", in.User, ErrNoView)
	}
	state, err := fill(v.View, in.Values)
	if err != nil {
		s.mu.Unlock()
		return Delivery{}, fmt.Errorf("submit form as %s: %w", in.User, err)
	}
	d := Delivery{
		Kind: "submit", Path: "/chat/slack/interactions", ContentType: formType, user: in.User, view: v.ID,
		TriggerID: s.newTrigger(in.User),
	}
	body := s.interaction("view_submission", s.world.users[in.User], d)
	body["view"], body["response_urls"] = s.viewJSON(v, state), []any{}
	s.mu.Unlock()
	d.Body = payload(body)
	d = s.post(ctx, d, "interactive", body)
	s.submitted(d)
	return d, nil
}

// fill makes the state of a form.
func fill(raw json.RawMessage, values map[string]string) (map[string]any, error) {
	var v struct {
		Blocks []struct {
			Type     string      `json:"type"`
			BlockID  string      `json:"block_id"`
			Label    *textObject `json:"label"`
			Optional bool        `json:"optional"`
			Element  struct {
				Type     string   `json:"type"`
				ActionID string   `json:"action_id"`
				Initial  string   `json:"initial_value"`
				Option   *option  `json:"initial_option"`
				Options  []option `json:"options"`
			} `json:"element"`
		} `json:"blocks"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	state := map[string]any{}
	for _, b := range v.Blocks {
		if b.Type != "input" {
			continue
		}
		given, ok := values[b.BlockID]
		if !ok && b.Label != nil {
			given, ok = values[b.Label.Text]
		}
		value := map[string]any{"type": b.Element.Type}
		if b.Element.Type == "static_select" {
			chosen := b.Element.Option
			for i, o := range b.Element.Options {
				if ok && (o.Value == given || o.Text.Text == given) {
					chosen = &b.Element.Options[i]
				}
			}
			value["selected_option"] = nil
			if chosen != nil {
				value["selected_option"] = chosen
			}
			ok = chosen != nil
		} else {
			given = cmp.Or(given, b.Element.Initial)
			value["value"] = nil
			if given != "" {
				value["value"] = given
			}
			ok = given != ""
		}
		if !ok && !b.Optional {
			return nil, fmt.Errorf("%s: %w", b.BlockID, ErrRequired)
		}
		state[b.BlockID] = map[string]any{b.Element.ActionID: value}
	}
	return state, nil
}

// submitted does what the bot's answer to a submission asks for.
func (s *Server) submitted(d Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.view(d.view)
	if v == nil || !d.OK() {
		return
	}
	var a struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if len(bytes.TrimSpace(d.Answer)) == 0 {
		s.closeView(v)
		return
	}
	if json.Unmarshal(d.Answer, &a) != nil {
		v.Errors = map[string]string{"": "We had some trouble connecting. Try again?"}
		return
	}
	switch a.Action {
	case "errors":
		v.Errors = a.Errors
	case "update":
		if checkView(a.View) == nil {
			v.View, v.Errors = a.View, nil
		} else {
			v.Errors = map[string]string{"": "We had some trouble connecting. Try again?"}
		}
	case "push":
		s.world.views = append(s.world.views, &View{ID: s.world.next("V0"), User: d.user, View: a.View})
	case "clear":
		for _, open := range append([]*View(nil), s.world.views...) {
			if open.User == d.user {
				s.closeView(open)
			}
		}
	}
}
