package wecomtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dogwatch/bot/wecom/wecomtest"
)

const (
	corp   = "wwc"
	agent  = 7
	secret = "s3cret"
	aesKey = "ZG9nd2F0Y2gtdGVzdC1rZXktMzItYnl0ZXMtbG9uZyE"
)

// caller speaks to the fake in plain HTTP, as no adapter does.
type caller struct {
	*testing.T
	fake *wecomtest.Server
	url  string
}

func start(t *testing.T, change ...func(*wecomtest.Options)) *caller {
	t.Helper()
	began := time.Now()
	o := wecomtest.Options{
		CorpID: corp, AgentID: agent, Secret: secret, Token: "tok", AESKey: aesKey, Target: "http://127.0.0.1:1/",
		Members: []string{"alice", "bob", "Zhang"}, Robots: map[string]string{"ops": "rk"}, Now: func() time.Time { return began },
	}
	for _, f := range change {
		f(&o)
	}
	fake, err := wecomtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return &caller{t, fake, server.URL}
}

// get and post give the decoded answer.
func (c *caller) get(path string) map[string]any {
	c.Helper()
	resp, err := http.Get(c.url + path)
	return c.decode(resp, err)
}

func (c *caller) post(path, body string) map[string]any {
	c.Helper()
	resp, err := http.Post(c.url+path, "application/json", strings.NewReader(body))
	return c.decode(resp, err)
}

func (c *caller) decode(resp *http.Response, err error) map[string]any {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		c.Fatal(err)
	}
	return out
}

func (c *caller) want(what string, answer map[string]any, errcode int) map[string]any {
	c.Helper()
	if answer["errcode"] != float64(errcode) {
		c.Errorf("%s: %v; want errcode %d", what, answer, errcode)
	}
	return answer
}

func (c *caller) token() string {
	c.Helper()
	return c.want("gettoken", c.get("/cgi-bin/gettoken?corpid="+corp+"&corpsecret="+secret), 0)["access_token"].(string)
}

func (c *caller) send(body string) map[string]any {
	c.Helper()
	return c.post("/cgi-bin/message/send?access_token="+c.token(), body)
}

// buttons is a good card; each change replaces a part of it.
func buttons(task string, change ...string) string {
	s := fmt.Sprintf(`{"touser":"alice|bob","msgtype":"template_card","agentid":7,"template_card":{"card_type":"button_interaction",`+
		`"main_title":{"title":"T"},"task_id":"%s","button_list":[{"text":"Ack","style":1,"key":"k1"},{"text":"Done","style":2,"key":"k2"}]}}`, task)
	return strings.NewReplacer(change...).Replace(s)
}

func TestTokens(t *testing.T) {
	c := start(t)
	a, b := c.token(), c.token()
	if a != b {
		t.Error("the token changed while it was valid")
	}
	c.want("no corp", c.get("/cgi-bin/gettoken"), 41002)
	c.want("no secret", c.get("/cgi-bin/gettoken?corpid="+corp), 41004)
	c.want("foreign corp", c.get("/cgi-bin/gettoken?corpid=x&corpsecret="+secret), 40013)
	c.want("no token", c.post("/cgi-bin/message/send", "{}"), 41001)
	c.want("foreign token", c.post("/cgi-bin/message/send?access_token=x", "{}"), 40014)
	c.fake.KillToken()
	c.want("killed", c.post("/cgi-bin/message/send?access_token="+a, "{}"), 40014)
	if c.token() == a {
		t.Error("a killed token was handed out again")
	}
	b = c.token()
	c.fake.Advance(2 * time.Hour)
	c.want("old", c.post("/cgi-bin/message/send?access_token="+b, "{}"), 42001)
	for range 5 {
		c.want("wrong secret", c.get("/cgi-bin/gettoken?corpid="+corp+"&corpsecret=x"), 40001)
	}
	c.want("banned", c.get("/cgi-bin/gettoken?corpid="+corp+"&corpsecret="+secret), 45009)
	c.fake.Advance(time.Hour)
	c.token()
}

func TestWhatSendRefuses(t *testing.T) {
	c := start(t)
	long := strings.Repeat("长", 200)
	for want, body := range map[string]string{
		"301002 agent":      buttons("t", `"agentid":7`, `"agentid":8`),
		"81013 nobody":      buttons("t", "alice|bob", "eve|mallory"),
		"40033 escape":      buttons("t", `"T"`, `"\u003c"`),
		"40008 type":        `{"touser":"alice","msgtype":"fax","agentid":7}`,
		"44004 empty":       `{"touser":"alice","msgtype":"text","agentid":7,"text":{"content":""}}`,
		"45002 markdown":    `{"touser":"alice","msgtype":"markdown","agentid":7,"markdown":{"content":"` + strings.Repeat("x", 2049) + `"}}`,
		"40063 textcard":    `{"touser":"alice","msgtype":"textcard","agentid":7,"textcard":{"title":"x"}}`,
		"42031 card type":   buttons("t", "button_interaction", "poster"),
		"42014 no task":     buttons(""),
		"42014 task form":   buttons("a b"),
		"42014 long task":   buttons(strings.Repeat("x", 129)),
		"42033 no title":    buttons("t", `"title":"T"`, `"title":""`),
		"45002 title":       buttons("t", `"T"`, `"`+long[:37*3]+`"`),
		"42038 no text":     buttons("t", `"Ack"`, `""`),
		"42038 long text":   buttons("t", `"Ack"`, `"`+long[:11*3]+`"`),
		"42039 no key":      buttons("t", `"k1"`, `""`),
		"42039 same key":    buttons("t", `"k1"`, `"k2"`),
		"42039 long key":    buttons("t", `"k1"`, `"`+strings.Repeat("k", 1025)+`"`),
		"40058 style":       buttons("t", `"style":1`, `"style":9`),
		"40058 no buttons":  `{"touser":"alice","msgtype":"template_card","agentid":7,"template_card":{"card_type":"button_interaction","main_title":{"title":"T"},"task_id":"t"}}`,
		"42045 notice":      `{"touser":"alice","msgtype":"template_card","agentid":7,"template_card":{"card_type":"text_notice","main_title":{"title":"T"}}}`,
		"42028 notice url":  `{"touser":"alice","msgtype":"template_card","agentid":7,"template_card":{"card_type":"text_notice","main_title":{"title":"T"},"card_action":{"type":1}}}`,
		"42027 keyname":     buttons("t", `"task_id"`, `"horizontal_content_list":[{"keyname":"abcdef","value":"v"}],"task_id"`),
		"45002 value":       buttons("t", `"task_id"`, `"horizontal_content_list":[{"keyname":"a","value":"`+long[:31*3]+`"}],"task_id"`),
		"42035 seven facts": buttons("t", `"task_id"`, `"horizontal_content_list":[`+strings.TrimSuffix(strings.Repeat(`{"keyname":"a","value":"v"},`, 7), ",")+`],"task_id"`),
		"40058 jump":        buttons("t", `"task_id"`, `"jump_list":[{"type":1,"title":"a","url":"u"}],"task_id"`),
		"45002 sub title":   buttons("t", `"task_id"`, `"sub_title_text":"`+long[:161*3]+`","task_id"`),
		"40058 not json":    `{"touser":`,
	} {
		var code int
		if _, err := fmt.Sscan(want, &code); err != nil {
			t.Fatal(err)
		}
		c.want(want, c.send(body), code)
	}
	if n := len(c.fake.Messages("")); n != 0 {
		t.Errorf("%d of the refused arrived", n)
	}
	c.want("the task id is still free", c.send(buttons("t")), 0)
	c.want("now it is not", c.send(buttons("t", `"T"`, `"U"`)), 42014)
	none := start(t, func(o *wecomtest.Options) { o.Target = "" })
	none.want("no callback address", none.send(buttons("t")), 43012)
	far := start(t, func(o *wecomtest.Options) { o.TrustedIPs = []string{"192.0.2.1"} })
	far.want("address", far.get("/cgi-bin/gettoken?corpid="+corp+"&corpsecret="+secret), 60020)
}

func TestPartOfTheReceiversIsUnknown(t *testing.T) {
	c := start(t)
	a := c.want("send", c.send(buttons("t", "alice|bob", "ZHANG|Eve|Mallory")), 0)
	if a["invaliduser"] != "eve|mallory" || a["response_code"] == "" || len(c.fake.Cards("zhang")) != 1 {
		t.Errorf("%v, %v", a, c.fake.Cards("zhang"))
	}
}

func TestTheDuplicateCheckComparesEveryByte(t *testing.T) {
	c := start(t)
	body := strings.Replace(buttons("t"), `"agentid":7`, `"agentid":7,"enable_duplicate_check":1,"duplicate_check_interval":60`, 1)
	a, b := c.send(body), c.send(body)
	if a["msgid"] != b["msgid"] || a["response_code"] != b["response_code"] || len(c.fake.Messages("@bob")) != 1 {
		t.Errorf("%v and %v", a, b)
	}
	c.want("one blank more", c.send(body+" "), 42014)
	c.fake.Advance(time.Minute)
	c.want("later", c.send(body), 42014)
}

func TestUpdates(t *testing.T) {
	c := start(t)
	code := c.send(buttons("t"))["response_code"].(string)
	path := "/cgi-bin/message/update_template_card?access_token=" + c.token()
	body := func(code, users, rest string) string {
		return fmt.Sprintf(`{"userids":[%s],"agentid":7,"response_code":"%s",%s}`, users, code, rest)
	}
	dead := `"button":{"replace_name":"Acked"}`
	c.want("foreign agent", c.post(path, strings.Replace(body(code, `"bob"`, dead), `"agentid":7`, `"agentid":8`, 1)), 42015)
	c.want("unknown code", c.post(path, body("x", `"bob"`, dead)), 60140)
	c.want("nobody", c.post(path, body(code, ``, dead)), 82001)
	c.want("bad card", c.post(path, body(code, `"bob"`, `"template_card":{"card_type":"x"}`)), 42031)
	a := c.want("a refusal leaves the code good", c.post(path, body(code, `"bob","Eve"`, dead)), 0)
	if fmt.Sprint(a["invaliduser"]) != "[eve]" {
		t.Errorf("%v", a)
	}
	if b, al := c.fake.Cards("bob")[0], c.fake.Cards("alice")[0]; !b.Grey || b.Replaced != "Acked" || al.Grey {
		t.Errorf("bob %+v, alice %+v; want only bob's changed", b, al)
	}
	c.want("used", c.post(path, body(code, `"bob"`, dead)), 60140)
}

func TestRobots(t *testing.T) {
	c := start(t)
	text := func(s string) string { return `{"msgtype":"text","text":{"content":"` + s + `"}}` }
	c.want("wrong key", c.post("/cgi-bin/webhook/send?key=x", text("x")), 93000)
	path := "/cgi-bin/webhook/send?key=rk"
	for want, body := range map[string]string{
		"40008 type":   `{"msgtype":"fax"}`,
		"44004 empty":  text(""),
		"45002 long":   text(strings.Repeat("x", 2049)),
		"45002 md":     `{"msgtype":"markdown","markdown":{"content":"` + strings.Repeat("x", 4097) + `"}}`,
		"42031 button": `{"msgtype":"template_card","template_card":{"card_type":"button_interaction","main_title":{"title":"T"},"button_list":[{"text":"a","key":"b"}]}}`,
		"40033 escape": text(`\u0041`),
	} {
		var code int
		if _, err := fmt.Sscan(want, &code); err != nil {
			t.Fatal(err)
		}
		c.want(want, c.post(path, body), code)
	}
	c.fake.Advance(time.Minute)
	for i := range 20 {
		c.want("robot", c.post(path, text(fmt.Sprint(i))), 0)
	}
	c.want("the 21st", c.post(path, text("x")), 45009)
	if n := len(c.fake.Messages("ops")); n != 20 {
		t.Errorf("%d messages", n)
	}
}

func TestTheVendorsSamplesAreTaken(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c := start(t)
		if strings.HasPrefix(filepath.Base(f), "robot") {
			c.want(f, c.post("/cgi-bin/webhook/send?key=rk", string(body)), 0)
		} else {
			c.want(f, c.send(string(body)), 0)
		}
	}
}

func TestRetriesOfCallbacks(t *testing.T) {
	var queries []string
	status := http.StatusInternalServerError
	bot := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.RawQuery)
		rw.WriteHeader(status)
	}))
	defer bot.Close()
	for _, c := range []struct {
		onStatus, fresh bool
		attempts, kinds int
	}{{false, false, 1, 1}, {true, false, 4, 1}, {true, true, 4, 4}} {
		queries = nil
		f := start(t, func(o *wecomtest.Options) { o.Target, o.RetryStatus, o.FreshRetries = bot.URL, c.onStatus, c.fresh })
		d, err := f.fake.Say(t.Context(), "alice", "x")
		different := map[string]bool{}
		for _, q := range queries {
			different[q] = true
		}
		if err != nil || len(d.Attempts) != c.attempts || len(different) != c.kinds {
			t.Errorf("%+v: %d attempts, %d different, %v", c, len(d.Attempts), len(different), err)
		}
	}
	silent := start(t, func(o *wecomtest.Options) { o.Target = "http://127.0.0.1:1/" })
	if d, err := silent.fake.Say(t.Context(), "alice", "x"); err != nil || len(d.Attempts) != 4 {
		t.Errorf("nobody there: %+v, %v", d, err)
	}
}

func TestTheSideDoor(t *testing.T) {
	heard := make(chan string, 10)
	bot := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		heard <- string(b)
	}))
	defer bot.Close()
	c := start(t)
	admin := func(path, body string) (int, string) {
		t.Helper()
		resp, err := http.Post(c.url+"/_admin/"+path, "application/json", bytes.NewBufferString(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if code, s := admin("target", `{"url":"`+bot.URL+`"}`); code != 200 {
		t.Fatal(code, s)
	}
	c.want("send", c.send(buttons("t")), 0)
	if code, s := admin("click", `{"user":"alice","key":"Ack"}`); code != 200 || !strings.Contains(s, "response_code") {
		t.Error(code, s)
	}
	<-heard
	if code, s := admin("click", `{"user":"alice","key":"nothing"}`); code != 400 {
		t.Error(code, s)
	}
	if code, s := admin("text", `{"user":"alice","text":"who","copies":2}`); code != 200 || strings.Count(s, `"status":200`) != 2 {
		t.Error(code, s)
	}
	_, _ = <-heard, <-heard
	before := c.fake.Now()
	if code, s := admin("clock", `{"advance":"73h"}`); code != 200 || c.fake.Now().Sub(before) != 73*time.Hour {
		t.Error(code, s)
	}
	if code, s := admin("plan", `[{"path":"gettoken","errcode":-1,"times":2}]`); code != 200 {
		t.Error(code, s)
	}
	c.want("planned", c.get("/cgi-bin/gettoken"), -1)
	if code, s := admin("plan", `[]`); code != 200 {
		t.Error(code, s)
	}
	c.token()
	if code, _ := admin("nonsense", `{}`); code != 404 {
		t.Error(code)
	}
	for _, path := range []string{"journal?path=message/send", "messages?to=@alice", "cards?user=alice"} {
		resp, err := http.Get(c.url + "/_admin/" + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !strings.Contains(string(b), "button_interaction") || strings.Contains(string(b), secret) || strings.Contains(string(b), "tok-") {
			t.Errorf("%s: %s", path, b)
		}
	}
}
