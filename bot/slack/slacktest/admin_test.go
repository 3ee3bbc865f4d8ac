package slacktest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dogwatch/bot/slack/slacktest"
)

// admin steers the fake as another process would.
func admin(t *testing.T, s *slacktest.Server, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/_admin/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(bytes.TrimSpace(raw))
}

func TestAdmin(t *testing.T) {
	received := make(chan string, 10)
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received <- r.URL.Path
		_, _ = io.WriteString(w, `{"text":"hello"}`)
	}))
	defer bot.Close()
	s := newFake(t, slacktest.Options{})
	steps := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "target", `{"url":"` + bot.URL + `"}`, 200, bot.URL},
		{"POST", "channel", `{"id":"C0NEW","name":"new"}`, 200, "C0NEW"},
		{"POST", "user", `{"id":"U0DAVE","name":"dave"}`, 200, "U0DAVE"},
		{"POST", "command", `{"user":"U0DAVE","channel":"C0NEW","text":"who"}`, 200, `"status":200`},
		{"POST", "command", `{"user":"U0NOBODY","channel":"C0NEW","text":"who"}`, 409, "no such user"},
		{"GET", "ephemerals?user=U0DAVE", "", 200, "hello"},
		{"POST", "direct", `{"user":"U0DAVE","text":"hi"}`, 200, "Ev0"},
		{"GET", "messages?channel=U0DAVE", "", 200, `"text":"hi"`},
		{"POST", "click", `{"user":"U0DAVE","channel":"C0NEW","label":"Ack"}`, 409, "does not show that button"},
		{"POST", "submit", `{"user":"U0DAVE"}`, 409, "no such view"},
		{"GET", "views?user=U0DAVE", "", 200, "null"},
		{"POST", "plan", `[{"method":"api.test","kind":"error","error":"fatal_error"}]`, 200, "fatal_error"},
		{"GET", "journal?method=command", "", 200, `"kind":"delivery"`},
		{"POST", "clock", `{"advance":"soon"}`, 409, "invalid duration"},
		{"POST", "clock", `{`, 400, "unexpected EOF"},
	}
	for _, c := range steps {
		if status, body := admin(t, s, c.method, c.path, c.body); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %q", c.method, c.path, c.body, status, body, c.status, c.want)
		}
	}
	if got, _ := call(t, s, "api.test", nil); got["error"] != "fatal_error" {
		t.Errorf("planned fault: %v", got)
	}
	admin(t, s, "DELETE", "plan", "")
	if got, _ := call(t, s, "api.test", nil); got["ok"] != true {
		t.Errorf("healed: %v", got)
	}
	before := s.Clock.Now()
	_, answer := admin(t, s, "POST", "clock", `{"advance":"31m"}`)
	var now time.Time
	if err := json.Unmarshal([]byte(answer), &now); err != nil || now.Sub(before) < 31*time.Minute {
		t.Errorf("clock %s, %v", answer, err)
	}
	if a, b := <-received, <-received; a != "/chat/slack/commands" || b != "/chat/slack/events" {
		t.Errorf("the bot got %s, %s", a, b)
	}
}
