package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// prom posts a body as the source prom does, with more headers by name and value.
func (c *tester) prom(body string, header ...string) answer {
	q := query{method: http.MethodPost, path: "/alerts/prom", as: "PROM_TOKEN", body: body, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		q.header[header[i]] = header[i+1]
	}
	return c.call(q)
}

// page is a body of Alertmanager with alerts as they are written.
func page(alerts ...string) string {
	return `{"version":"4","status":"firing","alerts":[` + strings.Join(alerts, ",") + `]}`
}

// one is an alert with a fingerprint, more labels and a beginning.
func one(fingerprint, labels, starts string) string {
	return fmt.Sprintf(`{"status":"firing","labels":{"alertname":"Hostile"%s},"annotations":{"summary":"s"},"startsAt":%q,"fingerprint":%q}`, labels, starts, fingerprint)
}

const today = "2026-11-01T00:00:00Z"

// Bad input: each gets a clear answer, what can be kept is a dead letter that can be read, and the next good alert is taken.
func TestBadInput(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	calm := func() {
		t.Helper()
		if got := c.prom(page(one("calm", "", today))); got.status != 200 {
			t.Fatalf("a good alert is answered %d %s", got.status, got.body)
		}
	}
	wants := func(got answer, status int, words ...string) {
		t.Helper()
		if got.status != status {
			t.Errorf("%d, want %d: %.300s", got.status, status, got.body)
		}
		c.says(got.body, words...)
		calm()
	}
	calm()
	wants(c.call(query{method: http.MethodPost, path: "/alerts/prom", as: "TOKEN_BOB", body: page(one("x", "", today))}), 401)
	wants(c.call(query{method: http.MethodPost, path: "/alerts/nobody", as: "PROM_TOKEN", body: page()}), 401)
	wants(c.prom(strings.Repeat(" ", 10<<20)), 413, "max_alerts")
	c.deadLetter(c.prom(`{"version":"4","alerts":[{"status":`), `{"version":"4","alerts":[{"status":`)
	c.deadLetter(c.prom("not json at all\x00\xff"), "not json at all")
	calm()

	var many []string
	for n := range 5000 {
		many = append(many, one(fmt.Sprintf("m%d", n), fmt.Sprintf(`,"n":"%d"`, n), today))
	}
	wants(c.prom(page(many...)), 200, `"accepted":5000`)
	wide := ""
	for n := range 200 {
		wide += fmt.Sprintf(`,"l%d":"v"`, n)
	}
	wants(c.prom(page(one("wide", wide, today))), 400, "dead_letter", "labels")
	wants(c.prom(page(one("wide2", wide, today), one("narrow", "", today))), 200, `"accepted":1`, `"rejected":1`)
	wants(c.prom(page(one("odd", `,"n":"a\u0000b\u202ec","bad":"`+"\xff\xfe"+`"`, today))), 200, `"accepted":1`)
	for n, at := range []string{"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
		wants(c.prom(page(one(fmt.Sprintf("y%d", n), "", at))), 200, `"accepted":1`)
	}
	wants(c.prom(squeezed(t, strings.Repeat(" ", 50<<20)), "Content-Encoding", "gzip"), 413)
	wants(c.prom("no gzip", "Content-Encoding", "gzip"), 400)
	wants(c.prom(squeezed(t, page(one("zipped", "", today))), "Content-Encoding", "gzip"), 200, `"accepted":1`)
	shown := c.does("bob GET /api/v1/incidents?limit=500", 200, "")
	if strings.ContainsAny(shown, "\x00\u202e") || strings.Contains(shown, `\u0000`) || strings.Contains(shown, `\u202e`) {
		t.Errorf("controls went through: %.2000s", shown)
	}
	c.says(shown, "DogwatchSourceRejected")
	if under := c.houses[0].house.doors.Load(); under.Bytes != 0 || under.Requests != 0 {
		t.Errorf("after it all %d bytes of %d requests are still held", under.Bytes, under.Requests)
	}
}

// deadLetter holds that an answer names a dead letter under which the body can be read.
func (c *tester) deadLetter(got answer, body string) {
	c.Helper()
	var said struct {
		DeadLetter string `json:"dead_letter"`
	}
	if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.status != 400 || said.DeadLetter == "" {
		c.Fatalf("%d %s (%v)", got.status, got.body, err)
	}
	letter := c.does("bob GET /api/v1/dead-letters/"+said.DeadLetter, 200, "")
	if kept := field(c.T, letter, "body"); !strings.HasPrefix(kept, strings.ToValidUTF8(body, "\uFFFD")) {
		c.Errorf("kept is %q, sent was %q", kept, body)
	}
	c.does("bob GET /api/v1/dead-letters/0-0", 404, "")
	c.does("nora GET /api/v1/dead-letters/"+said.DeadLetter, 403, "")
}

func squeezed(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A client that never finishes is sent away, and fifty of them hold nobody up.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	url := redisOf(t)
	w := newWorld(t)
	w.redis, w.config = url, w.config+"limits: {read_timeout: 1s}\n"
	w.start("first", "127.0.0.1:0")
	var slow []net.Conn
	for range 50 {
		conn, err := net.Dial("tcp", w.houses[0].address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /alerts/prom HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n{", w.env["PROM_TOKEN"])
		slow = append(slow, conn)
	}
	c := &tester{w, describe(t)}
	if got := c.prom(page(one("calm", "", today))); got.status != 200 {
		t.Errorf("a good alert is answered %d %s", got.status, got.body)
	}
	for _, conn := range slow {
		_ = conn.SetReadDeadline(time.Now().Add(15 * time.Second))
		got := make([]byte, 12)
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "HTTP/1.1 408" {
			t.Fatalf("a slow client is answered %q (%v)", got, err)
		}
	}
}
