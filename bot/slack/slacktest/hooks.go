package slacktest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	hookLife = 30 * time.Minute
	hookUses = 5
)

// hook is a response_url.
type hook struct {
	user    string
	channel string
	source  *Message // the message whose button was pressed; nil for a command
	until   time.Time
	uses    int
}

// newHook issues a response_url. The caller holds the mutex.
func (s *Server) newHook(kind, user, channel string, source *Message) string {
	path := "/hooks/" + kind + "/" + s.opt.Team + "/" + s.world.next("1795") + "/" + randomHex(12)
	s.hooks[path] = &hook{user: user, channel: channel, source: source, until: s.Clock.Now().Add(hookLife)}
	return s.URL() + path
}

// posted is a message in an answer or at a response_url. Booleans may be written as strings.
type posted struct {
	ResponseType string          `json:"response_type"`
	Replace      lenientBool     `json:"replace_original"`
	Delete       lenientBool     `json:"delete_original"`
	Text         string          `json:"text"`
	Blocks       json.RawMessage `json:"blocks"`
	Thread       string          `json:"thread_ts"`
}

type lenientBool bool

// UnmarshalJSON takes true and "true".
func (b *lenientBool) UnmarshalJSON(raw []byte) error {
	*b = lenientBool(strings.Trim(string(raw), `"`) == "true")
	return nil
}

func (s *Server) serveHook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	s.mu.Lock()
	f := s.fault("response_url", "")
	s.mu.Unlock()
	c := &call{method: "response_url", args: map[string]string{}}
	if f != nil && s.before(w, r, c, f) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status, code := http.StatusOK, ""
	var m posted
	h := s.hooks[r.URL.Path]
	switch {
	case h == nil:
		status, code = http.StatusNotFound, "invalid_url"
	case s.Clock.Now().After(h.until):
		status, code = http.StatusNotFound, "expired_url"
	case h.uses >= hookUses:
		status, code = http.StatusNotFound, "used_url"
	case err != nil || json.Unmarshal(body, &m) != nil:
		status, code = http.StatusBadRequest, "invalid_payload"
	case string(m.Blocks) != "" && string(m.Blocks) != "null" && len(checkBlocks(m.Blocks, 50)) > 0:
		status, code = http.StatusBadRequest, "invalid_blocks"
	case m.Text == "" && len(m.Blocks) == 0 && !bool(m.Delete):
		status, code = http.StatusInternalServerError, "no_text"
	}
	s.note(Entry{Kind: "response_url", Method: "response_url", Status: status, Error: code, Body: string(body)})
	if code != "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write(mustJSON(deny(code)))
		return
	}
	h.uses++
	s.hooked(h, m)
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte("ok"))
}

// hooked does what a response_url's message asks for. Replacing and deleting is for buttons only.
func (s *Server) hooked(h *hook, m posted) {
	if h.source != nil && bool(m.Delete) {
		s.remove(h.source)
	}
	if h.source != nil && bool(m.Replace) {
		h.source.Past = append(h.source.Past, h.source.Blocks)
		h.source.Text, h.source.Blocks = m.Text, m.Blocks
		h.source.Updates++
		return
	}
	if m.Text != "" || len(m.Blocks) > 0 {
		s.put(m, h.channel, h.user)
	}
}

// put shows a message: to one person, or to the channel if it asks for that. The caller holds the mutex.
func (s *Server) put(m posted, channel, user string) {
	if string(m.Blocks) == "null" {
		m.Blocks = nil
	}
	if m.ResponseType != "in_channel" {
		s.whisper(channel, user, m.Text, m.Blocks).ThreadTS = m.Thread
		return
	}
	s.world.messages[channel] = append(s.world.messages[channel], &Message{
		Channel: channel, TS: s.world.ts(s.Clock.Now()), User: BotUser, BotID: BotID, Text: m.Text, Blocks: m.Blocks, ThreadTS: m.Thread,
	})
}
