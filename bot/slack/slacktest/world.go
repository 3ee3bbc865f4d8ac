package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// User is a member of the workspace, or a stranger seen in a shared channel.
type User struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	Team    string `json:"team"`   // "": the workspace's own
	Locale  string `json:"locale"` // "": en-US
	Guest   bool   `json:"guest"`
	Deleted bool   `json:"deleted"`
}

// Channel is a conversation.
type Channel struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Private  bool     `json:"private"`
	Archived bool     `json:"archived"`
	NoBot    bool     `json:"no_bot"`  // the bot is no member
	Members  []string `json:"members"` // nil: everybody
}

// Group is a user group.
type Group struct {
	ID      string   `json:"id"`
	Handle  string   `json:"handle"`
	Users   []string `json:"users"`
	Locked  bool     `json:"locked"` // changes are answered permission_denied
	Disable bool     `json:"disabled"`
}

// Message is what stands in a conversation.
type Message struct {
	Channel  string          `json:"channel"`
	TS       string          `json:"ts"`
	ThreadTS string          `json:"thread_ts,omitempty"`
	User     string          `json:"user"`
	BotID    string          `json:"bot_id,omitempty"`
	Text     string          `json:"text"`
	Blocks   json.RawMessage `json:"blocks,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Updates counts how often it was replaced; Past are the blocks it showed before, oldest first.
	Updates int               `json:"updates"`
	Past    []json.RawMessage `json:"past,omitempty"`
	// For is who alone sees it; "" for everybody.
	For string `json:"for,omitempty"`
}

// View is an open modal.
type View struct {
	ID     string            `json:"id"`
	User   string            `json:"user"`
	View   json.RawMessage   `json:"view"`
	Errors map[string]string `json:"errors,omitempty"` // shown after a refused submission
}

// world is everything Slack remembers; the server's mutex guards it.
type world struct {
	users      map[string]User
	channels   map[string]*Channel
	direct     map[string]string // user -> D…
	groups     map[string]*Group
	messages   map[string][]*Message // by channel, in order
	ephemerals []*Message
	views      []*View
	lastTS     int64
	serial     int
}

func newWorld() *world {
	return &world{
		users: map[string]User{}, channels: map[string]*Channel{}, direct: map[string]string{},
		groups: map[string]*Group{}, messages: map[string][]*Message{},
	}
}

// ts is the next timestamp: strictly increasing, at microseconds.
func (w *world) ts(now time.Time) string {
	w.lastTS = max(now.UnixMicro(), w.lastTS+1)
	return fmt.Sprintf("%d.%06d", w.lastTS/1e6, w.lastTS%1e6)
}

func (w *world) next(prefix string) string {
	w.serial++
	return fmt.Sprintf("%s%08d", prefix, w.serial)
}

// dm is a person's direct-message channel with the bot, opened when it is first needed.
func (w *world) dm(user string) string {
	id, ok := w.direct[user]
	if !ok {
		id = "D" + user[1:]
		w.direct[user] = id
		w.channels[id] = &Channel{ID: id, Members: []string{user}}
	}
	return id
}

func (w *world) find(channel, ts string) *Message {
	for _, m := range w.messages[channel] {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// replies are a message's, oldest first.
func (w *world) replies(m *Message) []*Message {
	var out []*Message
	for _, r := range w.messages[m.Channel] {
		if r.ThreadTS == m.TS && r != m {
			out = append(out, r)
		}
	}
	return out
}

// sees says whether a person is in a channel.
func (c *Channel) sees(user string) bool {
	return c.Members == nil || slices.Contains(c.Members, user)
}
