package wecom

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dogwatch/bot"
)

// CallbackPath is what the application's callback page must name, below the external address.
const CallbackPath = "/chat/wecom/callback"

const (
	bodyLimit = 64 << 10        // bytes of a callback; a text has at most some kilobytes
	freshness = 5 * time.Minute // how far a callback's time may be from ours, either way
	// seenFor is longer than a callback can stay fresh: what is forgotten is too old to be taken.
	seenFor = 3 * freshness
	// patience is how long WeCom is kept waiting. It hangs up after five seconds.
	patience = 3500 * time.Millisecond
)

// Routes are the doors WeCom calls, by path; none without an application. What is verified goes to inbox, from within Run.
func (w *WeCom) Routes(inbox bot.Inbox) map[string]http.Handler {
	if w.sealed == nil {
		return map[string]http.Handler{}
	}
	return map[string]http.Handler{CallbackPath: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			w.confirm(rw, r)
		case http.MethodPost:
			w.receive(rw, r, inbox)
		default:
			rw.Header().Set("Allow", "GET, POST")
			rw.WriteHeader(http.StatusMethodNotAllowed)
		}
	})}
}

// confirm answers WeCom's check of the address with the decrypted echo and not a byte more.
func (w *WeCom) confirm(rw http.ResponseWriter, r *http.Request) {
	// A "+" of base64 that some gateway did not escape arrives as a blank.
	echo := strings.ReplaceAll(r.URL.Query().Get("echostr"), " ", "+")
	plain, err := w.verify(r, echo)
	if err != nil {
		w.refuse(rw, err)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = rw.Write(plain)
}

// receive takes a message or event. Everything that is not WeCom's for our application is refused alike.
func (w *WeCom) receive(rw http.ResponseWriter, r *http.Request, inbox bot.Inbox) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, bodyLimit))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		rw.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	var sealed outer
	if err != nil || parseXML(body, &sealed) != nil {
		w.refuse(rw, errRefused)
		return
	}
	plain, err := w.verify(r, sealed.Encrypted)
	if err != nil {
		w.refuse(rw, err)
		return
	}
	var m inner
	if parseXML(plain, &m) != nil || m.To != w.cfg.CorpID || m.Agent != strconv.FormatInt(w.cfg.AgentID, 10) {
		w.refuse(rw, errRefused)
		return
	}
	if !m.isPress() && (m.From == "" || m.line() == "") {
		return // somebody followed the application, or opened it: nothing to do
	}
	reply, status := w.take(r.Context(), &m, inbox)
	if status != http.StatusOK {
		rw.WriteHeader(status)
		return
	}
	if reply != "" {
		w.writeReply(rw, &m, reply)
	}
}

// errStale is a callback whose time is not ours: a replay, or a clock that is wrong. From outside it is errRefused.
var errStale = errors.New("callback refused: its time is more than five minutes from this clock's")

// verify checks the query of a callback and opens what it encloses.
func (w *WeCom) verify(r *http.Request, encrypted string) ([]byte, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errRefused
	}
	one := func(name string, limit int) string {
		if v := query[name]; len(v) == 1 && len(v[0]) <= limit {
			return v[0]
		}
		return ""
	}
	signature, timestamp, nonce := one("msg_signature", 40), one("timestamp", 20), one("nonce", 128)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || signature == "" || nonce == "" || encrypted == "" {
		return nil, errRefused
	}
	plain, err := w.sealed.open(signature, timestamp, nonce, encrypted)
	if err != nil {
		return nil, err
	}
	if age := w.now().Sub(time.Unix(seconds, 0)); age > freshness || age < -freshness {
		return nil, errStale
	}
	return plain, nil
}

// refuse answers 403 and nothing else. The log says so at most every ten seconds, with nothing of the request in it.
func (w *WeCom) refuse(rw http.ResponseWriter, err error) {
	rw.WriteHeader(http.StatusForbidden)
	w.mu.Lock()
	quiet := w.now().Sub(w.warned) < 10*time.Second
	if !quiet {
		w.warned = w.now()
	}
	w.mu.Unlock()
	if !quiet {
		w.log.Warn("wecom callback refused", "cause", err.Error(),
			"hint", "if WeCom sent it, compare corp_id, agent_id, token and encoding_aes_key with the application's page, and the clock")
	}
}

type cdata struct {
	Text string `xml:",cdata"`
}

// textReply is a passive reply; From and To are swapped.
type textReply struct {
	XMLName xml.Name `xml:"xml"`
	To      cdata    `xml:"ToUserName"`
	From    cdata    `xml:"FromUserName"`
	Created int64    `xml:"CreateTime"`
	Type    cdata    `xml:"MsgType"`
	Content cdata    `xml:"Content"`
}

type sealedReply struct {
	XMLName   xml.Name `xml:"xml"`
	Encrypted cdata    `xml:"Encrypt"`
	Signature cdata    `xml:"MsgSignature"`
	Timestamp int64    `xml:"TimeStamp"`
	Nonce     cdata    `xml:"Nonce"`
}

// writeReply answers the callback with a text for the person alone, encrypted and signed.
func (w *WeCom) writeReply(rw http.ResponseWriter, m *inner, reply string) {
	now := w.now().Unix()
	plain, err := xml.Marshal(textReply{
		To: cdata{m.From}, From: cdata{m.To}, Created: now, Type: cdata{"text"}, Content: cdata{reply},
	})
	if err != nil {
		w.log.Error("wecom reply not written", "error", err.Error())
		return
	}
	sealed, err := w.sealed.seal(plain)
	if err != nil {
		w.log.Error("wecom reply not written", "error", err.Error())
		return
	}
	nonce := rand.Text()[:16]
	out, err := xml.Marshal(sealedReply{
		Encrypted: cdata{sealed}, Signature: cdata{w.sealed.sign(strconv.FormatInt(now, 10), nonce, sealed)},
		Timestamp: now, Nonce: cdata{nonce},
	})
	if err != nil {
		w.log.Error("wecom reply not written", "error", err.Error())
		return
	}
	rw.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = rw.Write(out)
}

// later sends what an answer could not say in the callback's own reply.
func (w *WeCom) later(ctx context.Context, user string, messages []appMessage) {
	for _, m := range messages {
		if _, err := w.post(ctx, user, m); err != nil {
			w.log.Warn("wecom answer not sent", "error", err.Error())
		}
	}
}
