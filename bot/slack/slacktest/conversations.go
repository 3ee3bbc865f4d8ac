package slacktest

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) openConversation(c *call) answer {
	users := strings.Split(c.args["users"], ",")
	switch {
	case c.args["channel"] != "":
		room := s.world.channels[c.args["channel"]]
		if room == nil {
			return deny("channel_not_found")
		}
		return answer{"ok": true, "no_op": true, "already_open": true, "channel": map[string]any{"id": room.ID}}
	case c.args["users"] == "":
		return deny("users_list_not_supplied")
	case len(users) > 8:
		return deny("too_many_users")
	case len(users) > 1:
		slices.Sort(users)
		id := "G" + strings.Join(users, "")
		s.world.channels[id] = &Channel{ID: id, Members: users}
		return answer{"ok": true, "channel": map[string]any{"id": id}}
	}
	u, known := s.world.users[users[0]]
	switch {
	case !known && !s.opt.Lenient:
		return deny("user_not_found")
	case u.Deleted:
		return deny("user_disabled")
	}
	_, open := s.world.direct[users[0]]
	a := answer{"ok": true, "channel": map[string]any{"id": s.world.dm(users[0])}}
	if open {
		a["no_op"], a["already_open"] = true, true
	}
	return a
}

func (s *Server) conversationInfo(c *call) answer {
	room := s.world.channels[c.args["channel"]]
	if room == nil || (room.Private && room.NoBot) {
		return deny("channel_not_found")
	}
	return answer{"ok": true, "channel": map[string]any{
		"id": room.ID, "name": room.Name, "is_archived": room.Archived, "is_private": room.Private,
		"is_member": !room.NoBot, "is_im": strings.HasPrefix(room.ID, "D"),
	}}
}

// readable is a conversation whose history the bot may read.
func (s *Server) readable(id string) (*Channel, answer) {
	room := s.world.channels[id]
	switch {
	case room == nil, room.Private && room.NoBot:
		return nil, deny("channel_not_found")
	case room.NoBot:
		return nil, deny("not_in_channel")
	}
	return room, nil
}

// history is newest first, without replies.
func (s *Server) history(c *call) answer {
	room, refused := s.readable(c.args["channel"])
	if refused != nil {
		return refused
	}
	var found []*Message
	for _, m := range s.world.messages[room.ID] {
		if m.ThreadTS == "" && c.between(m.TS) {
			found = append(found, m)
		}
	}
	slices.Reverse(found)
	return s.paged(c, found)
}

// threadReplies is a thread, oldest first, its first message on top.
func (s *Server) threadReplies(c *call) answer {
	room, refused := s.readable(c.args["channel"])
	if refused != nil {
		// The one refusal that this method words differently.
		if refused.code() == "not_in_channel" {
			return deny("channel_not_found")
		}
		return refused
	}
	parent := s.world.find(room.ID, c.args["ts"])
	if parent == nil {
		return deny("thread_not_found")
	}
	found := []*Message{parent}
	for _, m := range s.world.replies(parent) {
		if c.between(m.TS) {
			found = append(found, m)
		}
	}
	return s.paged(c, found)
}

// between holds oldest, latest and inclusive. Timestamps of one length compare as text.
func (c *call) between(ts string) bool {
	oldest, latest := c.args["oldest"], cmp.Or(c.args["latest"], "9999999999.999999")
	if oldest == "" || oldest == "0" {
		oldest = "0000000000.000000"
	}
	return (ts > oldest && ts < latest) || (c.flag("inclusive") && (ts == oldest || ts == latest))
}

func (s *Server) paged(c *call, found []*Message) answer {
	limit, err := strconv.Atoi(cmp.Or(c.args["limit"], "100"))
	if err != nil || limit < 1 || limit > 999 {
		return denied("invalid_arguments", "limit must be between 1 and 999")
	}
	start := 0
	if cursor := c.args["cursor"]; cursor != "" {
		raw, err := base64.StdEncoding.DecodeString(cursor)
		n, err2 := strconv.Atoi(strings.TrimPrefix(string(raw), "next:"))
		if err != nil || err2 != nil {
			return deny("invalid_cursor")
		}
		start = min(n, len(found))
	}
	end := min(start+limit, len(found))
	messages := []any{}
	for _, m := range found[start:end] {
		messages = append(messages, s.shown(m, c.flag("include_all_metadata")))
	}
	a := answer{"ok": true, "messages": messages, "has_more": end < len(found)}
	if end < len(found) {
		a["response_metadata"] = map[string]any{
			"next_cursor": base64.StdEncoding.EncodeToString([]byte("next:" + strconv.Itoa(end))),
		}
	}
	return a
}
