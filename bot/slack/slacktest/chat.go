package slacktest

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
)

const (
	longestPost   = 40_000 // longer text is cut
	longestUpdate = 4_000  // longer text is refused
)

// room is the conversation a message goes to, or the refusal. The caller holds the mutex.
func (s *Server) room(to string) (*Channel, answer) {
	if strings.HasPrefix(to, "U") || strings.HasPrefix(to, "W") {
		if _, known := s.world.users[to]; !known && !s.opt.Lenient {
			return nil, deny("channel_not_found")
		}
		to = s.world.dm(to)
	}
	c := s.world.channels[to]
	switch {
	case c == nil && s.opt.Lenient:
		c = &Channel{ID: to, Name: strings.ToLower(to)}
		s.world.channels[to] = c
	case c == nil, c.Private && c.NoBot:
		return nil, deny("channel_not_found")
	case c.Archived:
		return nil, deny("is_archived")
	case c.NoBot && !s.scope("chat:write.public"):
		return nil, deny("not_in_channel")
	}
	return c, nil
}

func (s *Server) scope(name string) bool {
	for _, x := range s.opt.Scopes {
		if x == name {
			return true
		}
	}
	return false
}

// content is what postMessage, update and postEphemeral have in common.
func content(c *call) (blocks json.RawMessage, refused answer) {
	raw, sent := c.args["blocks"]
	if sent && raw != "" {
		if faults := checkBlocks(json.RawMessage(raw), 50); len(faults) > 0 {
			return nil, denied("invalid_blocks", faults...)
		}
		blocks = json.RawMessage(raw)
	}
	if strings.TrimSpace(c.args["text"]) == "" && (blocks == nil || string(blocks) == "[]") && c.args["attachments"] == "" {
		return nil, deny("no_text")
	}
	return blocks, nil
}

// metadata is the message's own, checked; nil without.
func metadata(c *call) (json.RawMessage, answer) {
	raw := c.args["metadata"]
	if raw == "" {
		return nil, nil
	}
	var m struct {
		Type    string         `json:"event_type"`
		Payload map[string]any `json:"event_payload"`
	}
	if json.Unmarshal([]byte(raw), &m) != nil {
		return nil, deny("invalid_metadata_format")
	}
	if m.Type == "" || m.Payload == nil {
		return nil, deny("invalid_metadata_schema")
	}
	return json.RawMessage(raw), nil
}

func (s *Server) postMessage(c *call) answer {
	room, refused := s.room(c.args["channel"])
	if refused != nil {
		return refused
	}
	blocks, refused := content(c)
	if refused != nil {
		return refused
	}
	meta, refused := metadata(c)
	if refused != nil {
		return refused
	}
	thread := c.args["thread_ts"]
	if thread != "" {
		if parent := s.world.find(room.ID, thread); parent == nil || parent.ThreadTS != "" {
			return deny("cannot_reply_to_message")
		}
	}
	m := &Message{
		Channel: room.ID, TS: s.world.ts(s.Clock.Now()), ThreadTS: thread, User: BotUser, BotID: BotID,
		Text: cutTo(c.args["text"], longestPost), Blocks: blocks, Metadata: meta,
	}
	s.world.messages[room.ID] = append(s.world.messages[room.ID], m)
	return answer{"ok": true, "channel": room.ID, "ts": m.TS, "message": s.shown(m, true)}
}

func (s *Server) update(c *call) answer {
	room := s.world.channels[c.args["channel"]] // an id of a conversation; a user's is none
	if room == nil {
		return deny("channel_not_found")
	}
	m := s.world.find(room.ID, c.args["ts"])
	if m == nil {
		return deny("message_not_found")
	}
	if m.BotID != BotID {
		return deny("cant_update_message")
	}
	if room.Archived {
		return deny("is_inactive")
	}
	if units(c.args["text"]) > longestUpdate {
		return deny("msg_too_long")
	}
	text, hasText := c.args["text"]
	_, hasBlocks := c.args["blocks"]
	if hasText || hasBlocks {
		blocks, refused := content(c)
		if refused != nil {
			return refused
		}
		m.Past, m.Blocks = append(m.Past, m.Blocks), blocks // text without blocks removes the old ones
		if hasText {
			m.Text = text
		}
	}
	if c.args["metadata"] != "" {
		meta, refused := metadata(c)
		if refused != nil && c.args["metadata"] != "{}" {
			return refused
		}
		m.Metadata = meta
	}
	m.Updates++
	return answer{"ok": true, "channel": room.ID, "ts": m.TS, "text": m.Text, "message": s.shown(m, true)}
}

func (s *Server) deleteMessage(c *call) answer {
	m := s.world.find(c.args["channel"], c.args["ts"])
	switch {
	case s.world.channels[c.args["channel"]] == nil:
		return deny("channel_not_found")
	case m == nil:
		return deny("message_not_found")
	case m.BotID != BotID:
		return deny("cant_delete_message")
	}
	s.remove(m)
	return answer{"ok": true, "channel": m.Channel, "ts": m.TS}
}

func (s *Server) remove(m *Message) {
	kept := s.world.messages[m.Channel][:0]
	for _, other := range s.world.messages[m.Channel] {
		if other != m {
			kept = append(kept, other)
		}
	}
	s.world.messages[m.Channel] = kept
}

func (s *Server) postEphemeral(c *call) answer {
	room, refused := s.room(c.args["channel"])
	if refused != nil {
		return refused
	}
	if room.NoBot {
		return deny("not_in_channel")
	}
	if _, known := s.world.users[c.args["user"]]; !known || !room.sees(c.args["user"]) {
		return deny("user_not_in_channel")
	}
	blocks, refused := content(c)
	if refused != nil {
		return refused
	}
	m := s.whisper(room.ID, c.args["user"], c.args["text"], blocks)
	m.ThreadTS = c.args["thread_ts"]
	return answer{"ok": true, "message_ts": m.TS}
}

// whisper shows a message to one person. It never stands in the channel's history.
func (s *Server) whisper(channel, user, text string, blocks json.RawMessage) *Message {
	m := &Message{
		Channel: channel, TS: s.world.ts(s.Clock.Now()), User: BotUser, BotID: BotID, Text: text, Blocks: blocks, For: user,
	}
	s.world.ephemerals = append(s.world.ephemerals, m)
	return m
}

func (s *Server) permalink(c *call) answer {
	channel, ts := c.args["channel"], c.args["message_ts"]
	if s.world.channels[channel] == nil {
		return deny("channel_not_found")
	}
	m := s.world.find(channel, ts)
	if m == nil {
		return deny("message_not_found")
	}
	link := "https://" + s.opt.Domain + ".slack.com/archives/" + channel + "/p" + strings.Replace(ts, ".", "", 1)
	if m.ThreadTS != "" {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + channel
	}
	return answer{"ok": true, "channel": channel, "permalink": link}
}

// shown is a message as the API writes it; without full, metadata is only its type.
func (s *Server) shown(m *Message, full bool) map[string]any {
	out := map[string]any{"type": "message", "user": m.User, "ts": m.TS, "text": m.Text, "team": s.opt.Team}
	if m.BotID != "" {
		out["bot_id"], out["app_id"] = m.BotID, s.opt.AppID
	}
	if m.Blocks != nil {
		out["blocks"] = m.Blocks
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if m.Metadata != nil {
		out["metadata"] = m.Metadata
		if !full {
			var meta struct {
				Type string `json:"event_type"`
			}
			if json.Unmarshal(m.Metadata, &meta) == nil {
				out["metadata"] = map[string]any{"event_type": meta.Type}
			}
		}
	}
	if replies := s.world.replies(m); len(replies) > 0 {
		out["thread_ts"], out["reply_count"] = m.TS, len(replies)
		out["latest_reply"] = replies[len(replies)-1].TS
	}
	return out
}

// units counts UTF-16 units, the larger of the two numbers Slack may mean.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

func cutTo(s string, limit int) string {
	if u := utf16.Encode([]rune(s)); len(u) > limit {
		return string(utf16.Decode(u[:limit]))
	}
	return s
}
