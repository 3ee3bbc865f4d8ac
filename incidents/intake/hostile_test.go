package intake_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"dogwatch/incidents/intake"
)

// dial opens a raw connection to the house, which ends with the test or after a while.
func (h *house) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", h.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// head is the start of a request whose body follows.
func head(headers ...string) string {
	return "POST /alerts/prom HTTP/1.1\r\nHost: dogwatch\r\nAuthorization: " + bearer + "\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

// answerOn reads one answer.
func answerOn(t *testing.T, conn net.Conn) (int, string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("answer broke off: %v", err)
	}
	return response.StatusCode, string(body)
}

// write sends as much as the server takes; that it hangs up midway is what several tests want.
func write(conn net.Conn, text string) error {
	_, err := io.WriteString(conn, text)
	return err
}

// until waits for a condition of the house's real state.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-limit.C:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// othersAreServed shows that an honest sender is not affected.
func (h *house) othersAreServed(t *testing.T) {
	t.Helper()
	if response, answer := h.send(t, "/alerts/prom", good, "Authorization", bearer); response.StatusCode != http.StatusOK {
		t.Errorf("another sender was answered %d %s", response.StatusCode, answer)
	}
}

func TestLargeBodyAnnounced(t *testing.T) {
	h := open(t, nil)
	conn := h.dial(t)
	if err := write(conn, head("Content-Length: 10000000")); err != nil {
		t.Fatal(err)
	}
	// Nothing of the body is sent: the announcement is enough.
	status, answer := answerOn(t, conn)
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(answer, "is larger than 8388608 bytes; send fewer alerts at once") {
		t.Errorf("answer %d %s", status, answer)
	}
	h.othersAreServed(t)
}

func TestEndlessBody(t *testing.T) {
	h := open(t, nil)
	conn := h.dial(t)
	if err := write(conn, head("Transfer-Encoding: chunked")); err != nil {
		t.Fatal(err)
	}
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat(" ", 64<<10))
	sent, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		for write(conn, chunk) == nil {
			sent += len(chunk)
		}
	}()
	status, answer := answerOn(t, conn)
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("answer %d %s", status, answer)
	}
	h.othersAreServed(t)
	conn.Close()
	<-ended
	if sent > 64<<20 {
		t.Errorf("the sender got rid of %d bytes", sent)
	}
	if got := h.counts("prom"); got.TooLarge != 1 {
		t.Errorf("counts %+v", got)
	}
}

func TestBomb(t *testing.T) {
	h := open(t, nil)
	bomb := zipped(t, strings.Repeat(" ", 6<<20)) // within 8 MiB, but a thousand times its size
	response, answer := h.send(t, "/alerts/prom", bomb, "Authorization", bearer, "Content-Encoding", "gzip")
	if response.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(answer, "inflates to more than 100 times its size") {
		t.Errorf("answer %d %s", response.StatusCode, answer)
	}
	h.othersAreServed(t)
}

func TestSlowSender(t *testing.T) {
	h := open(t, func(c *intake.Config) { c.ReadTimeout = 300 * time.Millisecond })
	conn := h.dial(t)
	if err := write(conn, head("Content-Length: 1000")+`{"alerts":`); err != nil {
		t.Fatal(err)
	}
	until(t, "the slow request is under way", func() bool { return h.doors.Load().Bytes > 0 })
	h.othersAreServed(t)
	status, answer := answerOn(t, conn)
	if status != http.StatusRequestTimeout || !strings.Contains(answer, "did not arrive within 300ms") {
		t.Errorf("answer %d %s", status, answer)
	}
	if got := h.counts("prom"); got.TooSlow != 1 || got.Taken != 1 {
		t.Errorf("counts %+v", got)
	}
}

func TestSenderHangsUp(t *testing.T) {
	h := open(t, nil)
	conn := h.dial(t)
	if err := write(conn, head("Content-Length: 1000")+`{"alerts":`); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	until(t, "the request has ended", func() bool { return h.counts("prom").Broken == 1 })
	if len(h.buried) != 0 {
		t.Errorf("half a body was buried: %q", h.buried)
	}
}

func TestManyAlertsInOneBody(t *testing.T) {
	h := open(t, nil)
	body := `{"alerts":[` + strings.Repeat(`{"status":"firing","labels":{"a":"b"}},`, 4999) + `{"status":"firing","labels":{"a":"b"}}]}`
	if response, answer := h.send(t, "/alerts/prom", body, "Authorization", bearer); response.StatusCode != http.StatusOK || answer != "{\"accepted\":5000}\n" {
		t.Errorf("answer %d %s", response.StatusCode, answer)
	}
}

// TestManySlowSenders shows that senders who do not finish leave the places to others.
func TestManySlowSenders(t *testing.T) {
	h := open(t, func(c *intake.Config) { c.MaxRequests = 1 })
	for i := range 20 {
		if err := write(h.dial(t), head("Content-Length: 1000")+`{"alerts":`); err != nil {
			t.Fatal(err)
		}
		until(t, "the slow request is under way", func() bool { return h.doors.Load().Bytes >= int64(i+1)*8<<10 })
	}
	h.othersAreServed(t)
}

// TestClose turns new requests away and lets the one inside finish.
func TestClose(t *testing.T) {
	h := open(t, nil)
	h.gate = make(chan struct{})
	inside := h.dial(t)
	if err := write(inside, head(fmt.Sprint("Content-Length: ", len(good)))+good); err != nil {
		t.Fatal(err)
	}
	<-h.arrived
	h.doors.Close()
	if response, _ := h.send(t, "/alerts/prom", good, "Authorization", bearer); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Close: %d", response.StatusCode)
	}
	close(h.gate)
	if status, answer := answerOn(t, inside); status != http.StatusOK {
		t.Errorf("the one inside: %d %s", status, answer)
	}
}

// TestBytesUnderWay has slow senders of large bodies meet the bound on all bodies together.
func TestBytesUnderWay(t *testing.T) {
	const most = 9 << 19
	h := open(t, func(c *intake.Config) { c.MaxBody = 1 << 20; c.MaxBytes = most })
	for range 4 {
		if err := write(h.dial(t), head("Content-Length: 1000000")+strings.Repeat(" ", 900_000)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "four large bodies are held", func() bool { return h.doors.Load().Bytes >= 4<<20 })
	fifth := h.dial(t)
	if err := write(fifth, head("Content-Length: 1000000")+strings.Repeat(" ", 900_000)); err != nil {
		t.Fatal(err)
	}
	status, answer := answerOn(t, fifth)
	if status != http.StatusServiceUnavailable {
		t.Errorf("answer %d %s", status, answer)
	}
	if held := h.doors.Load().Bytes; held > most {
		t.Errorf("%d bytes are held, more than %d", held, most)
	}
}

// TestLongTake keeps a request in Take for longer than the time its body had: the deadline is the body's only.
func TestLongTake(t *testing.T) {
	h := open(t, func(c *intake.Config) { c.ReadTimeout = 50 * time.Millisecond })
	h.gate = make(chan struct{})
	conn := h.dial(t)
	if err := write(conn, head(fmt.Sprint("Content-Length: ", len(good)))+good); err != nil {
		t.Fatal(err)
	}
	<-h.arrived
	passed := time.Now().Add(150 * time.Millisecond)
	until(t, "the body's time is over", func() bool { return time.Now().After(passed) })
	close(h.gate)
	if status, answer := answerOn(t, conn); status != http.StatusOK {
		t.Errorf("answer %d %s", status, answer)
	}
}
