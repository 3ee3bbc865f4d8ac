package slacktest

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	socketsMost  = 10
	ackWait      = 3 * time.Second
	ackMost      = 20_000
	pingEvery    = 5 * time.Second
	socketResend = 3
)

// socket is one Socket Mode connection.
type socket struct {
	conn  *websocket.Conn
	write sync.Mutex
	done  chan struct{}
}

func (k *socket) send(v any) error {
	k.write.Lock()
	defer k.write.Unlock()
	return k.conn.WriteJSON(v)
}

// connectionsOpen issues a ticket for one connection.
func (s *Server) connectionsOpen(*call) answer {
	ticket := randomHex(16)
	s.tickets[ticket] = true
	return answer{"ok": true, "url": "ws://" + s.addr + "/link/?ticket=" + ticket + "&app_id=" + s.opt.AppID}
}

// upgrader takes the origin https://api.slack.com that clients send.
var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	known, full := s.tickets[ticket], len(s.sockets) >= socketsMost
	delete(s.tickets, ticket)
	s.mu.Unlock()
	if !known || full {
		http.Error(w, "no such ticket", http.StatusNotFound)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	k := &socket{conn: conn, done: make(chan struct{})}
	hello := map[string]any{
		"type": "hello", "num_connections": 1, "connection_info": map[string]any{"app_id": s.opt.AppID},
		"debug_info": map[string]any{"host": "applink-fake", "build_number": 10, "approximate_connection_time": 18060},
	}
	if k.send(hello) != nil {
		_ = conn.Close()
		return
	}
	s.mu.Lock()
	s.sockets = append(s.sockets, k)
	s.note(Entry{Kind: "socket", Method: "connected"})
	s.mu.Unlock()
	go k.ping()
	s.read(k)
}

func (k *socket) ping() {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if k.conn.WriteControl(websocket.PingMessage, []byte("ping"), time.Now().Add(time.Second)) != nil {
				return
			}
		case <-k.done:
			return
		}
	}
}

// read takes acknowledgements until the connection ends. One that is too long is dropped without a word.
func (s *Server) read(k *socket) {
	defer func() {
		close(k.done)
		_ = k.conn.Close()
		s.mu.Lock()
		for i, other := range s.sockets {
			if other == k {
				s.sockets = append(s.sockets[:i:i], s.sockets[i+1:]...)
				break
			}
		}
		s.note(Entry{Kind: "socket", Method: "closed"})
		s.mu.Unlock()
	}()
	for {
		_, frame, err := k.conn.ReadMessage()
		if err != nil {
			return
		}
		var ack struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		if len(frame) >= ackMost || json.Unmarshal(frame, &ack) != nil {
			continue
		}
		s.mu.Lock()
		waiting := s.acks[ack.ID]
		delete(s.acks, ack.ID)
		s.mu.Unlock()
		if waiting != nil {
			waiting <- ack.Payload
		}
	}
}

// post delivers over a socket if there is one, else by HTTP.
func (s *Server) post(ctx context.Context, d Delivery, kind string, body any) Delivery {
	s.mu.Lock()
	connected := len(s.sockets) > 0
	s.mu.Unlock()
	if !connected {
		return s.deliver(ctx, d)
	}
	d.EnvelopeID = randomHex(16)
	envelope := map[string]any{
		"envelope_id": d.EnvelopeID, "type": kind, "payload": body, "accepts_response_payload": kind != "events_api",
	}
	for try := range socketResend {
		if kind == "events_api" {
			envelope["retry_attempt"], envelope["retry_reason"] = try, map[bool]string{true: "timeout"}[try > 0]
		}
		if answer, ok := s.overSocket(ctx, d.EnvelopeID, envelope); ok {
			d.Status, d.Answer = http.StatusOK, answer
			break
		}
		d.Error = "operation_timeout"
	}
	s.mu.Lock()
	s.note(Entry{Kind: "delivery", Method: d.Kind, Status: d.Status, Error: d.Error, Body: string(d.Answer)})
	s.mu.Unlock()
	return d
}

// Envelope sends a raw envelope again under its id, as a lost acknowledgement makes Slack do.
func (s *Server) Envelope(ctx context.Context, id string, envelope map[string]any) bool {
	_, ok := s.overSocket(ctx, id, envelope)
	return ok
}

// overSocket sends to one connection, any, and waits for the acknowledgement.
func (s *Server) overSocket(ctx context.Context, id string, envelope any) ([]byte, bool) {
	acked := make(chan []byte, 1)
	s.mu.Lock()
	if len(s.sockets) == 0 {
		s.mu.Unlock()
		return nil, false
	}
	k := s.sockets[rand.IntN(len(s.sockets))]
	s.acks[id] = acked
	s.mu.Unlock()
	if k.send(envelope) != nil {
		return nil, false
	}
	timer := time.NewTimer(ackWait)
	defer timer.Stop()
	select {
	case a := <-acked:
		return a, true
	case <-timer.C:
	case <-k.done:
	case <-ctx.Done():
	}
	return nil, false
}

// Sockets is how many connections are open.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// Disconnect tells every connection to go: "warning", "refresh_requested" or "link_disabled".
func (s *Server) Disconnect(reason string) {
	s.mu.Lock()
	open := append([]*socket(nil), s.sockets...)
	s.mu.Unlock()
	for _, k := range open {
		_ = k.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "applink-fake"}})
	}
}

func (s *Server) closeSockets() {
	s.mu.Lock()
	open := append([]*socket(nil), s.sockets...)
	s.mu.Unlock()
	for _, k := range open {
		_ = k.conn.Close()
	}
}
