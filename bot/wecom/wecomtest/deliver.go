package wecomtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Delivery is a callback to the bot with all its attempts.
type Delivery struct {
	Attempts []Attempt `json:"attempts"`
	// Reply is the passive reply of the last attempt; nil if it was empty.
	Reply *Reply `json:"reply,omitempty"`
	// ResponseCode is the press's own code.
	ResponseCode string `json:"response_code,omitempty"`
}

// Attempt is one request of a delivery.
type Attempt struct {
	Status int           `json:"status"`
	Body   string        `json:"body,omitempty"`
	Took   time.Duration `json:"took"`
	Err    string        `json:"err,omitempty"` // silence: nobody answered in time
}

// Reply is a passive reply, opened and checked.
type Reply struct {
	Type    string `json:"type"`
	Content string `json:"content,omitempty"`
	Replace string `json:"replace,omitempty"`
	// Fault says why WeCom would not take it; "" if it would.
	Fault string `json:"fault,omitempty"`
}

// posted is one request as it went over the wire, kept for replays.
type posted struct {
	query string
	body  string
}

const retries = 3

// How a press may go wrong.
var (
	ErrNoCard   = errors.New("wecomtest: the user has no such card")
	ErrNoButton = errors.New("wecomtest: the card does not show such a button")
	ErrGrey     = errors.New("wecomtest: the card's buttons are grey")
)

// Press is a button pressed by a user.
type Press struct {
	User string `json:"user"`
	// Message is the card's message id; "" is the user's newest card with buttons.
	Message string `json:"message"`
	// Key is the button's key, or its text.
	Key string `json:"key"`
	// Stale presses although the button is grey or gone, as a client does that has not drawn the update yet.
	Stale bool `json:"stale"`
	// Copies delivers the same press so many times at once; 0 is once.
	Copies int `json:"copies"`
}

// Click presses a button and delivers the event. With Copies, the first delivery that ended is given back.
func (s *Server) Click(ctx context.Context, p Press) (Delivery, error) {
	s.mu.Lock()
	v, key, err := s.pressed(p)
	if err != nil {
		s.mu.Unlock()
		return Delivery{}, err
	}
	k := s.newCode(v.Message)
	event := fmt.Sprintf("<MsgType>%s</MsgType><Event>%s</Event><EventKey>%s</EventKey><TaskId>%s</TaskId><CardType>%s</CardType><ResponseCode>%s</ResponseCode>",
		cd("event"), cd("template_card_event"), cd(key), cd(v.Task), cd(v.Type), cd(k))
	text := s.innerXML(p.User, event)
	s.mu.Unlock()
	d, err := s.deliverCopies(ctx, text, p.Copies)
	d.ResponseCode = k
	return d, err
}

func (s *Server) pressed(p Press) (*Card, string, error) {
	for i := len(s.messages) - 1; i >= 0; i-- {
		m := s.messages[i]
		v := s.cards[cardKey(m.ID, p.User)]
		if v == nil || (p.Message != "" && m.ID != p.Message) || (p.Message == "" && !interactive(v.Type)) {
			continue
		}
		if v.Grey && !p.Stale {
			return nil, "", ErrGrey
		}
		for _, b := range v.Buttons {
			if b.Key == p.Key || b.Text == p.Key {
				return v, b.Key, nil
			}
		}
		if p.Stale {
			return v, p.Key, nil
		}
		return nil, "", ErrNoButton
	}
	return nil, "", ErrNoCard
}

// Say sends a text from a user to the application.
func (s *Server) Say(ctx context.Context, user, text string) (Delivery, error) {
	return s.SayCopies(ctx, user, text, 1)
}

// SayCopies is Say with the same message delivered several times at once.
func (s *Server) SayCopies(ctx context.Context, user, text string, copies int) (Delivery, error) {
	s.mu.Lock()
	s.serial++
	id := 7561255354251345000 + s.serial
	body := s.innerXML(user, fmt.Sprintf("<MsgType>%s</MsgType><Content>%s</Content><MsgId>%d</MsgId>", cd("text"), cd(text), id))
	s.mu.Unlock()
	return s.deliverCopies(ctx, body, copies)
}

// Event sends an event without a card from a user: "click" with a menu key, "enter_agent", "subscribe".
func (s *Server) Event(ctx context.Context, user, event, key string) (Delivery, error) {
	s.mu.Lock()
	body := s.innerXML(user, fmt.Sprintf("<MsgType>%s</MsgType><Event>%s</Event><EventKey>%s</EventKey>", cd("event"), cd(event), cd(key)))
	s.mu.Unlock()
	return s.deliver(ctx, body)
}

// innerXML is a message around the fields that differ.
func (s *Server) innerXML(user, fields string) string {
	return fmt.Sprintf("<xml><ToUserName>%s</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime>%s<AgentID>%d</AgentID></xml>",
		cd(s.opts.CorpID), cd(user), s.now().Unix(), fields, s.opts.AgentID)
}

// cd is a CDATA section, split where the text would end it.
func cd(s string) string {
	return "<![CDATA[" + strings.ReplaceAll(s, "]]>", "]]]]><![CDATA[>") + "]]>"
}

func (s *Server) deliverCopies(ctx context.Context, inner string, copies int) (Delivery, error) {
	type result struct {
		d   Delivery
		err error
	}
	copies = max(copies, 1)
	results := make(chan result, copies)
	for range copies {
		go func() {
			d, err := s.deliver(ctx, inner)
			results <- result{d, err}
		}()
	}
	first := <-results
	for range copies - 1 {
		r := <-results
		first.d.Attempts = append(first.d.Attempts, r.d.Attempts...)
		first.err = errors.Join(first.err, r.err)
	}
	return first.d, first.err
}

// deliver posts a message, repeats it as WeCom does, and reads the passive reply.
func (s *Server) deliver(ctx context.Context, inner string) (Delivery, error) {
	p := s.envelope(inner, s.opts.CorpID)
	var d Delivery
	for try := 0; try <= retries; try++ {
		if try > 0 && s.opts.FreshRetries {
			p = s.envelope(inner, s.opts.CorpID)
		}
		s.remember(p)
		a := s.post(ctx, p)
		d.Attempts = append(d.Attempts, a)
		if a.Err == "" && (a.Status == http.StatusOK || !s.opts.RetryStatus) {
			if a.Status == http.StatusOK && a.Body != "" && a.Body != "success" {
				d.Reply = s.readReply(a.Body)
			}
			return d, nil
		}
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
	}
	return d, nil
}

func (s *Server) remember(p posted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = &p
}

// envelope encrypts and signs a message for receiver, at the server's time.
func (s *Server) envelope(inner, receiver string) posted {
	sealed := s.crypt.seal(inner, receiver)
	timestamp, nonce := strconv.FormatInt(s.Now().Unix(), 10), rand.Text()[:10]
	return posted{
		query: url.Values{
			"msg_signature": {s.crypt.signature(timestamp, nonce, sealed)}, "timestamp": {timestamp}, "nonce": {nonce},
		}.Encode(),
		body: fmt.Sprintf("<xml><ToUserName>%s</ToUserName><AgentID>%s</AgentID><Encrypt>%s</Encrypt></xml>",
			cd(s.opts.CorpID), cd(strconv.FormatInt(s.opts.AgentID, 10)), cd(sealed)),
	}
}

func (s *Server) post(ctx context.Context, p posted) Attempt {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Patience)
	defer cancel()
	s.mu.Lock()
	target := s.opts.Target
	s.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target+"?"+p.query, bytes.NewBufferString(p.body))
	if err != nil {
		return Attempt{Err: err.Error()}
	}
	r.Header.Set("Content-Type", "text/xml")
	return s.do(r)
}

func (s *Server) do(r *http.Request) Attempt {
	began := time.Now()
	resp, err := s.client.Do(r)
	if err != nil {
		return Attempt{Err: err.Error(), Took: time.Since(began)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	a := Attempt{Status: resp.StatusCode, Body: string(body), Took: time.Since(began)}
	if err != nil {
		a.Err = err.Error()
	}
	return a
}

// Open reads the body of an attempt as a passive reply; the error is the reply's fault.
func (s *Server) Open(body string) (Reply, error) {
	r := s.readReply(body)
	if r.Fault != "" {
		return *r, errors.New("wecomtest: " + r.Fault)
	}
	return *r, nil
}

// readReply opens a passive reply and checks it as WeCom does.
func (s *Server) readReply(body string) *Reply {
	var env struct {
		Encrypted string `xml:"Encrypt"`
		Signature string `xml:"MsgSignature"`
		Timestamp string `xml:"TimeStamp"`
		Nonce     string `xml:"Nonce"`
	}
	if err := xml.Unmarshal([]byte(body), &env); err != nil {
		return &Reply{Fault: "the envelope is not XML: " + err.Error()}
	}
	if env.Signature != s.crypt.signature(env.Timestamp, env.Nonce, env.Encrypted) {
		return &Reply{Fault: "the signature is wrong"}
	}
	plain, receiver, err := s.crypt.unseal(env.Encrypted)
	if err != nil {
		return &Reply{Fault: err.Error()}
	}
	var in struct {
		To      string `xml:"ToUserName"`
		From    string `xml:"FromUserName"`
		Type    string `xml:"MsgType"`
		Content string `xml:"Content"`
		Replace string `xml:"Button>ReplaceName"`
	}
	if err := xml.Unmarshal([]byte(plain), &in); err != nil {
		return &Reply{Fault: "the message is not XML: " + err.Error()}
	}
	r := &Reply{Type: in.Type, Content: in.Content, Replace: in.Replace}
	switch {
	case receiver != s.opts.CorpID || in.From != s.opts.CorpID:
		r.Fault = "it is not from this company: " + receiver + ", " + in.From
	case in.To == "":
		r.Fault = "it is for nobody"
	case in.Type == "text" && (in.Content == "" || len(in.Content) > maxText):
		r.Fault = fmt.Sprintf("its text has %d bytes", len(in.Content))
	case in.Type != "text" && in.Type != "update_button" && in.Type != "update_template_card":
		r.Fault = "its type is " + in.Type
	}
	return r
}
