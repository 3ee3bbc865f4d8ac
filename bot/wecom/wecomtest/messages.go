package wecomtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	perMinute  = 30   // application messages to one member
	perHour    = 1000 // and in an hour
	robotLimit = 20   // a minute
	maxText    = 2048
	codeLife   = 72 * time.Hour
)

// sendRequest is the body of message/send.
type sendRequest struct {
	To    string `json:"touser"`
	Type  string `json:"msgtype"`
	Agent int64  `json:"agentid"`
	Text  *struct {
		Content string `json:"content"`
	} `json:"text"`
	Markdown *struct {
		Content string `json:"content"`
	} `json:"markdown"`
	Textcard *struct {
		Title string `json:"title"`
		Desc  string `json:"description"`
		URL   string `json:"url"`
	} `json:"textcard"`
	Card     json.RawMessage `json:"template_card"`
	Check    int             `json:"enable_duplicate_check"`
	Interval int             `json:"duplicate_check_interval"`
}

// repeat is what the duplicate check remembers of a request.
type repeat struct {
	until   time.Time
	answer  map[string]any
	message *Message
}

// code is a one-time permission to change a card.
type code struct {
	message string
	born    time.Time
	used    bool
}

// send is message/send.
func (s *Server) send(c call) reply {
	var q sendRequest
	if err := json.Unmarshal(c.body, &q); err != nil {
		return fail(40058, err.Error())
	}
	if q.Agent != s.opts.AgentID {
		return fail(301002, "not allow operate another agent with this accesstoken")
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(c.body))
	if r, seen := s.repeats[sum]; q.Check == 1 && seen && s.now().Before(r.until) {
		r.message.Repeats++
		out := ok(r.answer)
		out.note = "duplicate"
		return out
	}
	m, w := s.readMessage(&q)
	if w != nil {
		return fail(w.code, w.what)
	}
	good, bad := s.members(q.To)
	if len(good) == 0 {
		return fail(81013, "user & party & tag all invalid")
	}
	if m.Task != "" {
		s.tasks[m.Task] = true
	}
	s.serial++
	m.ID, m.At, m.To = fmt.Sprintf("msg-%06d", s.serial), s.now(), good
	answer := map[string]any{"msgid": m.ID}
	if len(bad) > 0 {
		answer["invaliduser"] = strings.ToLower(strings.Join(bad, "|"))
	}
	s.deliverTo(m)
	if m.Type == "template_card" {
		if cd := s.draw(m); interactive(cd.Type) || cd.Menu != nil {
			answer["response_code"] = s.newCode(m.ID)
		}
	}
	if q.Check == 1 {
		interval := time.Duration(q.Interval) * time.Second
		if interval <= 0 {
			interval = 1800 * time.Second
		}
		s.repeats[sum] = repeat{s.now().Add(min(interval, 4*time.Hour)), answer, m}
	}
	s.messages = append(s.messages, m)
	out := ok(answer)
	if len(m.Dropped) > 0 {
		out.note = "dropped for " + strings.Join(m.Dropped, ",") + ": over the member's limit"
	}
	return out
}

// readMessage checks the content of an application message.
func (s *Server) readMessage(q *sendRequest) (*Message, *wrong) {
	m := &Message{Type: q.Type}
	switch {
	case q.Type == "text" && q.Text != nil:
		if m.Text = q.Text.Content; m.Text == "" {
			return nil, &wrong{44004, "empty content"}
		}
		if len(m.Text) > maxText {
			m.Text = m.Text[:maxText] // WeCom cuts, and does not mind the border of a character
		}
	case q.Type == "markdown" && q.Markdown != nil:
		if m.Text = q.Markdown.Content; m.Text == "" {
			return nil, &wrong{44004, "empty content"}
		}
		if len(m.Text) > maxText {
			return nil, &wrong{45002, "content size out of limit"}
		}
	case q.Type == "textcard" && q.Textcard != nil:
		t := q.Textcard
		if t.Title == "" || t.Desc == "" || t.URL == "" {
			return nil, &wrong{40063, "textcard needs title, description and url"}
		}
		if len(t.Title) > 128 || len(t.Desc) > 512 || len(t.URL) > 2048 {
			return nil, &wrong{45002, "textcard too long"}
		}
		m.Text = t.Title + "\n" + t.Desc
	case q.Type == "template_card" && len(q.Card) > 0:
		return m, s.readNewCard(m, q.Card)
	default:
		return nil, &wrong{40008, "invalid message type " + q.Type}
	}
	return m, nil
}

func (s *Server) readNewCard(m *Message, raw json.RawMessage) *wrong {
	c, w := readCard(raw, false)
	switch {
	case w != nil:
		return w
	case interactive(c.Type) && s.opts.Target == "":
		return &wrong{43012, "callback url is required"}
	case c.Task != "" && s.tasks[c.Task]:
		return &wrong{42014, "task_id " + c.Task + " was used before"}
	}
	m.Card, m.Task = raw, c.Task
	return nil
}

// members splits touser into those in the application's scope and the others.
func (s *Server) members(to string) (good, bad []string) {
	for _, u := range strings.Split(to, "|") {
		switch {
		case u == "":
		case len(s.opts.Members) == 0 || contains(s.opts.Members, u):
			good = append(good, u)
		default:
			bad = append(bad, u)
		}
	}
	return good, bad
}

// deliverTo counts the message against every receiver's limit. Over it, WeCom drops without a word.
func (s *Server) deliverTo(m *Message) {
	for _, u := range m.To {
		id := strings.ToLower(u)
		s.member[id] = within(s.member[id], m.At, time.Hour)
		if len(s.member[id]) >= perHour || len(within(s.member[id], m.At, time.Minute)) >= perMinute {
			m.Dropped = append(m.Dropped, u)
			continue
		}
		s.member[id] = append(s.member[id], m.At)
	}
}

// draw puts the message's card before everybody who got it.
func (s *Server) draw(m *Message) *card {
	c, _ := readCard(m.Card, true)
	for _, u := range m.To {
		if !contains(m.Dropped, u) {
			s.cards[cardKey(m.ID, u)] = drawn(&Card{Message: m.ID, User: u, Task: c.Task}, c, m.Card)
		}
	}
	return c
}

// drawn sets what a person sees of a card.
func drawn(v *Card, c *card, raw json.RawMessage) *Card {
	v.Type, v.Title, v.Desc, v.Text, v.Raw, v.Quote = c.Type, c.Main.Title, c.Main.Desc, c.SubTitle, raw, ""
	if c.Quote != nil {
		v.Quote = c.Quote.Text
	}
	v.Buttons = []Button{}
	for _, b := range c.Buttons {
		if b.Type == 0 {
			v.Buttons = append(v.Buttons, Button{b.Text, b.Key, b.Style})
		}
	}
	v.Grey, v.Replaced = c.ReplaceText != "" || !interactive(c.Type), c.ReplaceText
	return v
}

func (s *Server) newCode(message string) string {
	k := rand.Text() + rand.Text()[:17]
	s.codes[k] = &code{message: message, born: s.now()}
	return k
}

// updateRequest is the body of message/update_template_card.
type updateRequest struct {
	Users  []string `json:"userids"`
	All    int      `json:"atall"`
	Agent  int64    `json:"agentid"`
	Code   string   `json:"response_code"`
	Button *struct {
		Name string `json:"replace_name"`
	} `json:"button"`
	Card json.RawMessage `json:"template_card"`
}

// update is message/update_template_card: one code, one use, 72 hours.
func (s *Server) update(c call) reply {
	var q updateRequest
	if err := json.Unmarshal(c.body, &q); err != nil {
		return fail(40058, err.Error())
	}
	k := s.codes[q.Code]
	switch {
	case q.Agent != s.opts.AgentID:
		return fail(42015, "the card belongs to another agent")
	case k == nil, k.used, s.now().Sub(k.born) > codeLife:
		return fail(60140, "invalid response_code")
	case len(q.Users) == 0 && q.All != 1:
		return fail(82001, "nobody is named")
	case (q.Button == nil) == (len(q.Card) == 0):
		return fail(40058, "either button or template_card")
	case q.Button != nil && q.Button.Name == "":
		return fail(40063, "button.replace_name is empty")
	}
	var fresh *card
	if len(q.Card) > 0 {
		var w *wrong
		if fresh, w = readCard(q.Card, true); w != nil {
			return fail(w.code, w.what)
		}
	}
	k.used = true
	invalid := []string{}
	for _, u := range q.Users {
		v := s.cards[cardKey(k.message, u)]
		if v == nil || (fresh == nil && !interactive(v.Type)) {
			invalid = append(invalid, strings.ToLower(u))
			continue
		}
		v.Updates++
		if fresh != nil {
			drawn(v, fresh, q.Card)
		} else {
			v.Grey, v.Replaced = true, q.Button.Name
		}
	}
	return ok(map[string]any{"invaliduser": invalid})
}

// webhook is a robot's webhook/send. It takes no buttons.
func (s *Server) webhook(c call) reply {
	name := ""
	for n, key := range s.opts.Robots {
		if key != "" && key == c.arg("key") {
			name = n
		}
	}
	if name == "" {
		return fail(93000, "invalid webhook url")
	}
	now := s.now()
	if s.robot[name] = within(s.robot[name], now, time.Minute); len(s.robot[name]) >= robotLimit {
		return fail(45009, "api freq out of limit")
	}
	s.robot[name] = append(s.robot[name], now)
	if escaped.Match(c.body) {
		return fail(40033, "invalid charset: the request contains \\uXXXX")
	}
	m, w := readRobot(c.body)
	if w != nil {
		return fail(w.code, w.what)
	}
	s.serial++
	m.ID, m.At, m.Robot = fmt.Sprintf("robot-%06d", s.serial), now, name
	s.messages = append(s.messages, m)
	return ok(nil)
}

func readRobot(body []byte) (*Message, *wrong) {
	var q struct {
		Type string `json:"msgtype"`
		Text struct {
			Content string   `json:"content"`
			Mention []string `json:"mentioned_list"`
		} `json:"text"`
		Markdown struct {
			Content string `json:"content"`
		} `json:"markdown"`
		Second struct {
			Content string `json:"content"`
		} `json:"markdown_v2"`
		Card json.RawMessage `json:"template_card"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, &wrong{40008, "invalid message type: " + err.Error()}
	}
	m := &Message{Type: q.Type}
	limit := 4096
	switch q.Type {
	case "text":
		m.Text, m.Mentioned, limit = q.Text.Content, q.Text.Mention, maxText
	case "markdown":
		m.Text = q.Markdown.Content
	case "markdown_v2":
		m.Text = q.Second.Content
	case "template_card":
		c, w := readCard(q.Card, true)
		if w == nil && c.Type != "text_notice" && c.Type != "news_notice" {
			w = &wrong{42031, "a robot sends notices only"}
		}
		m.Card = q.Card
		return m, w
	default:
		return nil, &wrong{40008, "invalid message type " + q.Type}
	}
	if m.Text == "" {
		return nil, &wrong{44004, "empty content"}
	}
	if len(m.Text) > limit {
		return nil, &wrong{45002, "content size out of limit"}
	}
	return m, nil
}
