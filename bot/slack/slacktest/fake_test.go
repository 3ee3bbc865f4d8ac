package slacktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"dogwatch/bot/slack/slacktest"
)

func newFake(t *testing.T, o slacktest.Options) *slacktest.Server {
	t.Helper()
	s, err := slacktest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// call makes a Web API call as a form with a Bearer token.
func call(t *testing.T, s *slacktest.Server, method string, args map[string]string) (answer map[string]any, resp *http.Response) {
	t.Helper()
	form := url.Values{}
	for k, v := range args {
		form.Set(k, v)
	}
	return request(t, s, method, sent{"application/x-www-form-urlencoded", "Bearer " + s.Options().Token, form.Encode()})
}

// sent is what a client sends: content type, Authorization ("" is none) and body.
type sent struct{ kind, auth, body string }

func request(t *testing.T, s *slacktest.Server, method string, c sent) (map[string]any, *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+method, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", c.kind)
	if c.auth != "" {
		req.Header.Set("Authorization", c.auth)
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
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s: %v in %s", method, err, raw)
	}
	return answer, resp
}

func TestTokensAndBodies(t *testing.T) {
	s := newFake(t, slacktest.Options{})
	token, form, js := s.Options().Token, "application/x-www-form-urlencoded", "application/json; charset=utf-8"
	for name, c := range map[string]struct{ path, kind, auth, body, want string }{
		"bearer":               {"auth.test", form, "Bearer " + token, "", ""},
		"form field":           {"auth.test", form, "", "token=" + token, ""},
		"in the address":       {"auth.test?token=" + token, form, "", "x=1", "not_authed"},
		"in JSON":              {"auth.test", js, "", `{"token":"` + token + `"}`, "not_authed"},
		"wrong":                {"auth.test", form, "Bearer x", "", "invalid_auth"},
		"JSON":                 {"chat.postMessage", js, "Bearer " + token, `{"channel":"C0OPS","text":"x"}`, ""},
		"other type":           {"chat.postMessage", "text/plain", "Bearer " + token, `channel=C0OPS`, "invalid_post_type"},
		"broken JSON":          {"chat.postMessage", js, "Bearer " + token, `{`, "invalid_arguments"},
		"app token for a post": {"chat.postMessage", form, "Bearer " + s.Options().AppToken, "channel=C0OPS&text=x", "not_allowed_token_type"},
		"bot token for socket": {"apps.connections.open", form, "Bearer " + token, "", "not_allowed_token_type"},
	} {
		got, _ := request(t, s, c.path, sent{c.kind, c.auth, c.body})
		if code, _ := got["error"].(string); code != c.want {
			t.Errorf("%s: %v, want error %q", name, got, c.want)
		}
	}
	if got, _ := request(t, s, "api.test", sent{"application/json", "", `{"a":1}`}); got["warning"] != "missing_charset" {
		t.Errorf("JSON without charset: %v", got)
	}
	few := newFake(t, slacktest.Options{Scopes: []string{"users:read"}})
	if got, _ := call(t, few, "chat.postMessage", map[string]string{"channel": "C0OPS", "text": "x"}); got["error"] != "missing_scope" || got["needed"] != "chat:write" {
		t.Errorf("without the scope: %v", got)
	}
	for _, e := range s.Journal("") {
		if _, kept := e.Args["token"]; kept {
			t.Errorf("the journal keeps a token: %+v", e)
		}
	}
}

// Every word of refusal stands in the table of the method's documented errors.
func TestRefusalsAreDocumented(t *testing.T) {
	s := newFake(t, slacktest.Options{NoLimits: true, Groups: []slacktest.Group{{ID: "S0LOCKED", Locked: true}}})
	posted, _ := call(t, s, "chat.postMessage", map[string]string{"channel": "C0OPS", "text": "x"})
	ts, _ := posted["ts"].(string)
	reply, _ := call(t, s, "chat.postMessage", map[string]string{"channel": "C0OPS", "text": "x", "thread_ts": ts})
	replyTS, _ := reply["ts"].(string)
	whisper, _ := call(t, s, "chat.postEphemeral", map[string]string{"channel": "C0OPS", "user": "U0BOB", "text": "x"})
	whisperTS, _ := whisper["message_ts"].(string)
	other := s.AddMessage(slacktest.Message{Channel: "C0OPS", User: "U0BOB", Text: "mine"})
	long := strings.Repeat("x", 4001)
	for _, c := range []struct {
		method string
		args   map[string]string
		want   string
	}{
		{"chat.postMessage", map[string]string{"text": "x"}, "channel_not_found"},
		{"chat.postMessage", map[string]string{"channel": "G0SECRET", "text": "x"}, "channel_not_found"},
		{"chat.postMessage", map[string]string{"channel": "C0OPS", "text": "x", "thread_ts": replyTS}, "cannot_reply_to_message"},
		{"chat.postMessage", map[string]string{"channel": "C0OPS", "text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message"},
		{"chat.postMessage", map[string]string{"channel": "C0OPS", "text": "x", "metadata": "{"}, "invalid_metadata_format"},
		{"chat.postMessage", map[string]string{"channel": "C0OPS", "text": "x", "metadata": `{"event_type":"x"}`}, "invalid_metadata_schema"},
		{"chat.postMessage", map[string]string{"channel": "C0OPS", "blocks": `[{"type":"section"}]`}, "invalid_blocks"},
		{"chat.update", map[string]string{"channel": "C0OPS", "ts": other.TS, "text": "x"}, "cant_update_message"},
		{"chat.update", map[string]string{"channel": "C0OPS", "ts": whisperTS, "text": "x"}, "message_not_found"},
		{"chat.update", map[string]string{"channel": "U0BOB", "ts": ts, "text": "x"}, "channel_not_found"},
		{"chat.update", map[string]string{"channel": "C0OPS", "ts": ts, "text": long}, "msg_too_long"},
		{"chat.delete", map[string]string{"channel": "C0OPS", "ts": other.TS}, "cant_delete_message"},
		{"chat.postEphemeral", map[string]string{"channel": "C0FEW", "user": "U0ALICE", "text": "x"}, "user_not_in_channel"},
		{"chat.getPermalink", map[string]string{"channel": "C0OPS", "message_ts": "1.000001"}, "message_not_found"},
		{"conversations.open", map[string]string{}, "users_list_not_supplied"},
		{"conversations.open", map[string]string{"users": "U0GONE"}, "user_disabled"},
		{"conversations.history", map[string]string{"channel": "G0SECRET"}, "channel_not_found"},
		{"conversations.history", map[string]string{"channel": "C0OPS", "cursor": "?"}, "invalid_cursor"},
		{"conversations.replies", map[string]string{"channel": "C0OPS", "ts": "1.000001"}, "thread_not_found"},
		{"users.info", map[string]string{"user": "U0NOBODY"}, "user_not_found"},
		{"usergroups.users.update", map[string]string{"usergroup": "S0LOCKED", "users": "U0BOB"}, "permission_denied"},
		{"usergroups.users.update", map[string]string{"usergroup": "S0ONCALL", "users": "U0GUEST"}, "invalid_users"},
		{"usergroups.users.list", map[string]string{"usergroup": "S0NONE"}, "no_such_subteam"},
		{"views.open", map[string]string{"trigger_id": "1", "view": "{}"}, "invalid_trigger_id"},
		{"views.update", map[string]string{"view_id": "V0NONE", "view": "{}"}, "not_found"},
	} {
		got, _ := call(t, s, c.method, c.args)
		if got["error"] != c.want {
			t.Errorf("%s %v: %v, want %s", c.method, c.args, got["error"], c.want)
		}
		if !slacktest.Documented(c.method, c.want) {
			t.Errorf("%s: %s is not documented for it", c.method, c.want)
		}
	}
}

func TestTextWithoutBlocksRemovesThem(t *testing.T) {
	s := newFake(t, slacktest.Options{})
	blocks := `[{"type":"section","text":{"type":"plain_text","text":"a"}}]`
	posted, _ := call(t, s, "chat.postMessage", map[string]string{"channel": "C0OPS", "text": "x", "blocks": blocks})
	ts, _ := posted["ts"].(string)
	for _, c := range []struct {
		args map[string]string
		want string
	}{
		{map[string]string{"metadata": `{"event_type":"a","event_payload":{}}`}, blocks}, // neither text nor blocks: they stay
		{map[string]string{"text": "y"}, ""},
		{map[string]string{"text": "y", "blocks": blocks}, blocks},
		{map[string]string{"text": "y", "blocks": "[]"}, "[]"},
	} {
		c.args["channel"], c.args["ts"] = "C0OPS", ts
		if got, _ := call(t, s, "chat.update", c.args); got["ok"] != true {
			t.Fatalf("update %v: %v", c.args, got)
		}
		if got := string(s.Messages("C0OPS")[0].Blocks); got != c.want {
			t.Errorf("after %v: blocks %s, want %s", c.args, got, c.want)
		}
	}
}

func TestBlockLimits(t *testing.T) {
	text := func(kind string, n int) string {
		return `{"type":"` + kind + `","text":"` + strings.Repeat("x", n) + `"}`
	}
	button := func(label, value int, more string) string {
		return `{"type":"button","text":` + text("plain_text", label) + `,"value":"` + strings.Repeat("v", value) + `"` + more + `}`
	}
	actions := func(elements ...string) string {
		return `[{"type":"actions","elements":[` + strings.Join(elements, ",") + `]}]`
	}
	many := func(n int, s string) []string { return strings.Split(strings.Repeat(s+"\n", n)[:n*(len(s)+1)-1], "\n") }
	list := func(n int, s string) string { return "[" + strings.Join(many(n, s), ",") + "]" }
	divider := `{"type":"divider"}`
	for name, c := range map[string]struct {
		good, bad string
	}{
		"blocks":         {list(50, divider), list(51, divider)},
		"header":         {`[{"type":"header","text":` + text("plain_text", 150) + `}]`, `[{"type":"header","text":` + text("plain_text", 151) + `}]`},
		"section":        {`[{"type":"section","text":` + text("mrkdwn", 3000) + `}]`, `[{"type":"section","text":` + text("mrkdwn", 3001) + `}]`},
		"empty text":     {`[{"type":"section","text":` + text("mrkdwn", 1) + `}]`, `[{"type":"section","text":` + text("mrkdwn", 0) + `}]`},
		"field":          {`[{"type":"section","fields":[` + text("mrkdwn", 2000) + `]}]`, `[{"type":"section","fields":[` + text("mrkdwn", 2001) + `]}]`},
		"fields":         {`[{"type":"section","fields":` + list(10, text("mrkdwn", 1)) + `}]`, `[{"type":"section","fields":` + list(11, text("mrkdwn", 1)) + `}]`},
		"context":        {`[{"type":"context","elements":` + list(10, text("mrkdwn", 1)) + `}]`, `[{"type":"context","elements":` + list(11, text("mrkdwn", 1)) + `}]`},
		"buttons":        {actions(many(25, button(1, 1, ""))...), actions(many(26, button(1, 1, ""))...)},
		"button text":    {actions(button(75, 1, "")), actions(button(76, 1, ""))},
		"button value":   {actions(button(1, 2000, "")), actions(button(1, 2001, ""))},
		"style":          {actions(button(1, 1, `,"style":"danger"`)), actions(button(1, 1, `,"style":"default"`))},
		"same action id": {actions(button(1, 1, `,"action_id":"a"`), button(1, 1, `,"action_id":"b"`)), actions(button(1, 1, `,"action_id":"a"`), button(1, 1, `,"action_id":"a"`))},
		"same block id":  {`[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"b"}]`, `[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`},
		"type":           {`[{"type":"divider"}]`, `[{"type":"marquee"}]`},
		"astral text":    {`[{"type":"header","text":{"type":"plain_text","text":"` + strings.Repeat("😀", 75) + `"}}]`, `[{"type":"header","text":{"type":"plain_text","text":"` + strings.Repeat("😀", 76) + `"}}]`},
	} {
		if faults := slacktest.CheckBlocks(json.RawMessage(c.good)); len(faults) > 0 {
			t.Errorf("%s: at the limit: %v", name, faults)
		}
		if faults := slacktest.CheckBlocks(json.RawMessage(c.bad)); len(faults) == 0 {
			t.Errorf("%s: beyond the limit: nothing found", name)
		}
	}
}

// One message a second and channel beyond the burst, and a method's tier, on the fake's own clock.
func TestRateLimits(t *testing.T) {
	start := time.Unix(1795000000, 0)
	s := newFake(t, slacktest.Options{Burst: 2, Now: func() time.Time { return start }})
	post := func(channel string) int {
		_, resp := call(t, s, "chat.postMessage", map[string]string{"channel": channel, "text": "x"})
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
		}
		return resp.StatusCode
	}
	if a, b, c, other := post("C0OPS"), post("C0OPS"), post("C0OPS"), post("C0ALERTS"); a != 200 || b != 200 || c != 429 || other != 200 {
		t.Fatalf("burst of two: %d %d %d, other channel %d", a, b, c, other)
	}
	s.Clock.Advance(time.Second)
	if a, b := post("C0OPS"), post("C0OPS"); a != 200 || b != 429 {
		t.Errorf("a second later: %d %d", a, b)
	}
	last := 0
	for range 21 { // tier 2
		_, resp := call(t, s, "usergroups.list", nil)
		last = resp.StatusCode
	}
	if last != 429 {
		t.Errorf("21st call in tier 2: %d", last)
	}
	if n := len(s.Messages("C0OPS")); n != 3 {
		t.Errorf("%d messages stand there, want 3", n)
	}
}

// A trigger opens one modal, within three seconds.
func TestTriggers(t *testing.T) {
	bot := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer bot.Close()
	s := newFake(t, slacktest.Options{Target: bot.URL})
	view := `{"type":"modal","title":{"type":"plain_text","text":"T"},"blocks":[{"type":"divider"}]}`
	open := func(trigger, view string) any {
		got, _ := call(t, s, "views.open", map[string]string{"trigger_id": trigger, "view": view})
		return got["error"]
	}
	first, err := s.Command(t.Context(), "U0BOB", "C0OPS", "run")
	if err != nil {
		t.Fatal(err)
	}
	if code := open(first.TriggerID, strings.Replace(view, `"T"`, `"a title of more than 24 chars"`, 1)); code != "invalid_arguments" {
		t.Errorf("long title: %v", code)
	}
	if code := open(first.TriggerID, strings.Replace(view, `{"type":"divider"}`, `{"type":"input","label":{"type":"plain_text","text":"L"},"element":{"type":"plain_text_input","action_id":"a"}}`, 1)); code != "invalid_arguments" {
		t.Errorf("inputs without submit: %v", code)
	}
	if a, b := open(first.TriggerID, view), open(first.TriggerID, view); a != nil || b != "exchanged_trigger_id" {
		t.Errorf("used twice: %v %v", a, b)
	}
	second, err := s.Command(t.Context(), "U0BOB", "C0OPS", "run")
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(4 * time.Second)
	if code := open(second.TriggerID, view); code != "expired_trigger_id" {
		t.Errorf("four seconds old: %v", code)
	}
}

// What a bot's failures look like to the person.
func TestDeliveryFailures(t *testing.T) {
	release := make(chan struct{})
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil:
		case bytes.Contains(body, []byte("hang")):
			<-release
		case bytes.Contains(body, []byte("stop")):
			w.Header().Set("X-Slack-No-Retry", "1")
			w.WriteHeader(http.StatusInternalServerError)
		case bytes.Contains(body, []byte("channel")) && bytes.Contains(body, []byte("aloud")):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"response_type":"in_channel","text":"for all"}`)
		case bytes.Contains(body, []byte("plain")):
			_, _ = io.WriteString(w, "just words")
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer bot.Close()
	defer close(release)
	s := newFake(t, slacktest.Options{Target: bot.URL, Client: &http.Client{Timeout: 100 * time.Millisecond}, RetryAfter: []time.Duration{0, 0, 0}})
	if d, err := s.Command(t.Context(), "U0BOB", "C0OPS", "hang"); err != nil || d.Error != "operation_timeout" || d.OK() {
		t.Errorf("hanging bot: %+v, %v", d, err)
	}
	if d, err := s.Command(t.Context(), "U0BOB", "C0OPS", "plain"); err != nil || !d.OK() || s.Ephemerals("U0BOB")[0].Text != "just words" {
		t.Errorf("plain text: %+v, %v", d, err)
	}
	if _, err := s.Command(t.Context(), "U0BOB", "C0OPS", "aloud"); err != nil || s.Messages("C0OPS")[0].Text != "for all" {
		t.Errorf("in_channel: %v, %+v", err, s.Messages("C0OPS"))
	}
	got := s.Mention(t.Context(), "U0BOB", "C0OPS", "fail")
	if len(got) != 4 || got[3].Header.Get("X-Slack-Retry-Num") != "3" || got[3].Header.Get("X-Slack-Retry-Reason") != "http_error" {
		t.Errorf("event: %d attempts, last %+v", len(got), got[len(got)-1])
	}
	if string(got[0].Body) != string(got[3].Body) {
		t.Error("a repeated event has another body")
	}
	if _, err := s.Click(t.Context(), slacktest.Click{User: "U0BOB", Channel: "C0OPS", Label: "nothing"}); !errors.Is(err, slacktest.ErrNoButton) {
		t.Errorf("click on nothing: %v", err)
	}
	if _, err := s.Click(t.Context(), slacktest.Click{User: "U0BOB", Channel: "C0EMPTY", Label: "nothing"}); !errors.Is(err, slacktest.ErrNoMessage) {
		t.Errorf("click nowhere: %v", err)
	}
}

// The clock wakes who waits for it, and Heal ends what hangs.
func TestClockAndHeal(t *testing.T) {
	s := newFake(t, slacktest.Options{})
	waited := make(chan error, 1)
	go func() { waited <- s.Clock.Wait(t.Context(), time.Hour) }()
	for over := false; !over; {
		s.Clock.Advance(time.Hour) // again, should the other side not have begun to wait
		select {
		case err := <-waited:
			over = true
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.Plan(slacktest.Fault{Kind: slacktest.Hang})
	failed := make(chan error, 1)
	go func() {
		_, err := http.Post(s.APIURL()+"api.test", "application/x-www-form-urlencoded", strings.NewReader("a=b"))
		failed <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Await(ctx, func() bool { return len(s.Journal("api.test")) == 1 }); err != nil {
		t.Fatal(err)
	}
	s.Heal()
	if err := <-failed; err == nil {
		t.Error("a hanging call was answered")
	}
}

// Updates may overtake each other: one that is held back takes effect last and stays.
func TestOvertakenUpdate(t *testing.T) {
	s := newFake(t, slacktest.Options{Lenient: true})
	posted, _ := call(t, s, "chat.postMessage", map[string]string{"channel": "C0FRESH", "text": "first"})
	ts, _ := posted["ts"].(string)
	s.Plan(slacktest.Fault{Method: "chat.update", Kind: slacktest.DelayedReply, Delay: 24 * time.Hour, Times: 1})
	late := make(chan error, 1)
	go func() {
		resp, err := http.PostForm(s.APIURL()+"chat.update", url.Values{"token": {s.Options().Token}, "channel": {"C0FRESH"}, "ts": {ts}, "text": {"older"}})
		if err == nil {
			err = resp.Body.Close()
		}
		late <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Await(ctx, func() bool { return len(s.Journal("chat.update")) == 1 }); err != nil {
		t.Fatal(err)
	}
	if got, _ := call(t, s, "chat.update", map[string]string{"channel": "C0FRESH", "ts": ts, "text": "newer"}); got["ok"] != true {
		t.Fatalf("update: %v", got)
	}
	for over := false; !over; {
		s.Clock.Advance(24 * time.Hour)
		select {
		case err := <-late:
			over = true
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	if m := s.Messages("C0FRESH")[0]; m.Text != "older" || m.Updates != 2 {
		t.Errorf("the message shows %q after %d updates", m.Text, m.Updates)
	}
}
