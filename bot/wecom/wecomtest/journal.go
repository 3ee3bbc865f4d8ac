package wecomtest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// Call is one request the server got. Tokens and keys are not in it.
type Call struct {
	Seq     int             `json:"seq"`
	At      time.Time       `json:"at"`
	Path    string          `json:"path"`
	Body    json.RawMessage `json:"body,omitempty"`
	Errcode int             `json:"errcode"`
	Fault   string          `json:"fault,omitempty"`
	// Note says what a person debugging wants to know: the reason of a refusal, "duplicate", "dropped".
	Note string `json:"note,omitempty"`
}

// Message is a message that was taken.
type Message struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	To []string  `json:"to,omitempty"`
	// Robot is the name of the robot's webhook, "" for an application message.
	Robot string `json:"robot,omitempty"`
	Type  string `json:"type"`
	// Text is the content of a text or markdown message.
	Text      string          `json:"text,omitempty"`
	Card      json.RawMessage `json:"card,omitempty"`
	Task      string          `json:"task_id,omitempty"`
	Mentioned []string        `json:"mentioned,omitempty"`
	// Dropped are the members who were over their limit: WeCom says nothing and shows nothing.
	Dropped []string `json:"dropped,omitempty"`
	// Repeats counts equal requests that the duplicate check swallowed.
	Repeats int `json:"repeats"`
}

// Card is what one person sees of a message with a template card.
type Card struct {
	Message string   `json:"message"`
	User    string   `json:"user"`
	Task    string   `json:"task_id"`
	Type    string   `json:"card_type"`
	Title   string   `json:"title"`
	Desc    string   `json:"desc"`
	Text    string   `json:"sub_title_text"`
	Quote   string   `json:"quote_text"`
	Buttons []Button `json:"buttons"`
	// Grey is set when the buttons can no longer be pressed; Replaced is what they show then.
	Grey     bool   `json:"grey"`
	Replaced string `json:"replaced,omitempty"`
	// Updates counts how often the card was changed.
	Updates int             `json:"updates"`
	Raw     json.RawMessage `json:"raw"`
}

// Button is a callback button of a card.
type Button struct {
	Text  string `json:"text"`
	Key   string `json:"key"`
	Style int    `json:"style"`
}

func (s *Server) note(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Seq, c.At = len(s.journal)+1, s.now()
	s.journal = append(s.journal, c)
}

// Journal are all calls of a path ("" is any), in order.
func (s *Server) Journal(path string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Call{}
	for _, c := range s.journal {
		if path == "" || c.Path == path {
			out = append(out, c)
		}
	}
	return out
}

// Messages are what arrived for a user ("@alice"), at a robot ("ops"), or everywhere (""), in order.
func (s *Server) Messages(to string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Message{}
	for _, m := range s.messages {
		user, isUser := strings.CutPrefix(to, "@")
		if to == "" || (isUser && contains(m.To, user) && !contains(m.Dropped, user)) || (!isUser && m.Robot == to) {
			out = append(out, *m)
		}
	}
	return out
}

// Cards are the cards a user sees, oldest first.
func (s *Server) Cards(user string) []Card {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Card{}
	for _, m := range s.messages {
		if c := s.cards[cardKey(m.ID, user)]; c != nil {
			out = append(out, *c)
		}
	}
	return out
}

func cardKey(message, user string) string { return message + "\x00" + strings.ToLower(user) }

// rawJSON keeps a body for the journal; what is not JSON is kept as a string.
func rawJSON(b []byte) json.RawMessage {
	if len(b) == 0 {
		return nil
	}
	if json.Valid(b) {
		return b
	}
	quoted, _ := json.Marshal(string(b))
	return quoted
}

func readAll(rw http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(rw, r.Body, 1<<20))
}
