package wecomtest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Attack is a way in which somebody who is not WeCom calls the bot.
type Attack string

// The attacks. All but Replay carry the words "attack" from the user "mallory".
const (
	BadSignature Attack = "bad_signature"
	NoSignature  Attack = "no_signature"
	ForeignCorp  Attack = "foreign_corp"  // rightly signed, but encrypted for another company
	ForeignAgent Attack = "foreign_agent" // rightly signed, but for another application
	OldTime      Attack = "old_time"      // rightly signed, ten minutes ago
	FutureTime   Attack = "future_time"   // rightly signed, in ten minutes
	TwoNonces    Attack = "two_nonces"    // rightly signed, with a second nonce behind the first
	Doctype      Attack = "doctype"       // rightly signed, with a declared entity
	Replay       Attack = "replay"        // the last delivery once more, byte for byte
	Huge         Attack = "huge"          // two megabytes
)

// Attacks are all of them.
var Attacks = []Attack{BadSignature, NoSignature, ForeignCorp, ForeignAgent, OldTime, FutureTime, TwoNonces, Doctype, Replay, Huge}

// Attack calls the bot and gives what it answered.
func (s *Server) Attack(ctx context.Context, kind Attack) (Attempt, error) {
	s.mu.Lock()
	inner := s.innerXML("mallory", fmt.Sprintf("<MsgType>%s</MsgType><Content>%s</Content><MsgId>%d</MsgId>", cd("text"), cd("attack"), s.now().UnixNano()))
	last := s.last
	s.mu.Unlock()
	p := s.envelope(inner, s.opts.CorpID)
	switch kind {
	case BadSignature:
		p.query = strings.Replace(p.query, "msg_signature=", "msg_signature=0000", 1)
		p.query = p.query[:len("msg_signature=")+40] + p.query[len("msg_signature=")+44:]
	case NoSignature:
		p.query = "timestamp=" + strconv.FormatInt(s.Now().Unix(), 10) + "&nonce=1"
	case ForeignCorp:
		p = s.envelope(inner, "ww0000000000000000")
	case ForeignAgent:
		p = s.envelope(strings.Replace(inner, fmt.Sprintf("<AgentID>%d", s.opts.AgentID), "<AgentID>9", 1), s.opts.CorpID)
	case OldTime, FutureTime:
		by := 10 * time.Minute
		if kind == OldTime {
			by = -by
		}
		s.Advance(by)
		p = s.envelope(inner, s.opts.CorpID)
		s.Advance(-by)
	case TwoNonces:
		p.query += "&nonce=1"
	case Doctype:
		p = s.envelope(`<!DOCTYPE xml [<!ENTITY a "attack">]>`+inner, s.opts.CorpID)
	case Replay:
		if last == nil {
			return Attempt{}, fmt.Errorf("wecomtest: nothing was delivered that could be replayed")
		}
		p = *last
	case Huge:
		p.body = strings.Replace(p.body, "<xml>", "<xml>"+strings.Repeat("<a/>", 1<<19), 1)
	default:
		return Attempt{}, fmt.Errorf("wecomtest: unknown attack %q", kind)
	}
	return s.post(ctx, p), nil
}

// Verify does what the console does when the callback address is saved: it wants the decrypted echo, and nothing else, within
// a second. The error says what the console would refuse.
func (s *Server) Verify(ctx context.Context) error {
	const echo = "1616140317555161061"
	sealed := s.crypt.seal(echo, s.opts.CorpID)
	timestamp, nonce := strconv.FormatInt(s.Now().Unix(), 10), "263014780"
	q := url.Values{
		"msg_signature": {s.crypt.signature(timestamp, nonce, sealed)}, "timestamp": {timestamp}, "nonce": {nonce}, "echostr": {sealed},
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s.mu.Lock()
	target := s.opts.Target
	s.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target+"?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	if a := s.do(r); a.Err != "" || a.Status != http.StatusOK || a.Body != echo {
		return fmt.Errorf("wecomtest: the callback address is refused: status %d, body %q %s", a.Status, a.Body, a.Err)
	}
	return nil
}
