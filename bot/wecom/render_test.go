package wecom

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dogwatch/bot"
)

var update = flag.Bool("update", false, "write the goldens anew")

// cards are the cards that are drawn in testdata/golden; the conformance test sends them to the fake too.
func cards() map[string]bot.Card {
	incident := []bot.Button{
		{Verb: "acknowledge", Label: "Acknowledge", Value: "v.ack", Style: bot.Primary},
		{Verb: "resolve", Label: "Resolve", Value: "v.res"},
		{Verb: "snooze", Label: "Snooze", Value: "v.snz"},
		{Verb: "escalate", Label: "Escalate", Value: "v.esc", Style: bot.Danger},
		{Verb: "run", Label: "Run…", Value: "v.run"},
	}
	decide := []bot.Button{
		{Verb: "approve", Label: "Approve", Value: "v.app", Style: bot.Primary},
		{Verb: "reject", Label: "Reject", Value: "v.rej", Style: bot.Danger},
	}
	links := []bot.Link{{Label: "Console", URL: "https://dogwatch.example.org/incidents/42"}, {Label: "Runbook", URL: "https://wiki.example.org/disk(full)"}}
	zh := make([]bot.Button, len(incident))
	for i, l := range []string{"认领", "解决", "稍后提醒", "升级给下一位值班人员", "执行…"} {
		zh[i] = incident[i]
		zh[i].Label = l
	}
	return map[string]bot.Card{
		"page_en": {
			Kind: bot.PageCard, Subject: "i1", Severity: "P1", State: "triggered", Lang: "en",
			Headline: "P1 · #42 · Disk full on db-3", Status: "Triggered, paging Alice Chen",
			Facts: []bot.Fact{{Name: "Host", Value: "db-3"}, {Name: "Source", Value: "prom"}, {Name: "Route", Value: "web"}},
			Body:  []string{"/var/lib is at 97 %"}, Buttons: incident, Links: links, Footer: "Paged 10:42 +08:00",
		},
		"page_zh": {
			Kind: bot.PageCard, Subject: "i1", Severity: "P0", State: "triggered", Lang: "zh",
			Headline: "P0 · #43 · 支付网关错误率超过百分之五已持续五分钟并且仍在上升请立即处理不要等待", Status: "已触发，正在呼叫张三",
			Facts: []bot.Fact{{Name: "服务", Value: "payments"}, {Name: "环境", Value: "生产"}, {Name: "集群名称很长", Value: "上海一区"}},
			Body:  []string{strings.Repeat("错误率持续上升，", 30), "第二段"}, Buttons: zh, Links: links, Footer: "10:42 呼叫",
		},
		"incident_with_request": {
			Kind: bot.IncidentCard, Subject: "i1", Severity: "P2", State: "acknowledged", Lang: "en",
			Headline: "P2 · #42 · Disk full", Status: "Acknowledged by Bob at 10:42", Buttons: incident, Links: links[:1],
			Requests: []bot.RequestPart{
				{ID: "r1", State: "succeeded", Status: "restart nginx: succeeded"},
				{ID: "r2", State: "pending", Status: "Waiting for approval until 10:52", Code: "/usr/local/bin/clean-disk db-3", Buttons: decide},
				{ID: "r3", State: "pending", Status: "Second one waits too", Code: "x", Buttons: []bot.Button{{Verb: "approve", Label: "Approve", Value: "v.app2"}}},
			},
		},
		"resolved": {
			Kind: bot.PageCard, Subject: "i1", Severity: "P1", State: "resolved", Lang: "zh",
			Headline: "P1 · #42 · 磁盘已满", Status: "已由李四解决", Links: links,
		},
		"nothing_to_press": {
			Kind: bot.DigestCard, Severity: "P3", Lang: "en", Headline: "7 incidents", Status: "3 new",
			Facts: []bot.Fact{{Name: "P1", Value: "#42 Disk full <b>"}}, Body: []string{"<a href='https://evil.example'>x</a> @all"},
		},
		"hostile": {
			Kind: bot.IncidentCard, Severity: "P1", State: "triggered", Lang: "en",
			Headline: "</font><@all> [x](https://evil.example) \\u003c \u202egnp.exe\x00\x1b[31m", Status: "a\nb\u2028c\xff & <b>",
			Facts:   []bot.Fact{{Name: "@all", Value: "<@alice>"}, {Name: "", Value: ""}, {Name: "host", Value: "`x`"}},
			Body:    []string{"<!DOCTYPE x>", "# title\n> quote"},
			Buttons: []bot.Button{{Verb: "acknowledge", Label: "Ack", Value: "same"}, {Verb: "resolve", Label: "R", Value: "same"}, {Label: "none"}},
			Links:   []bot.Link{{Label: "js", URL: "javascript:alert(1)"}, {Label: "file", URL: "file:///etc/passwd"}, {Label: "](x", URL: "https://ok.example/a)b"}},
		},
	}
}

// drawn is all that one card becomes.
type drawn struct {
	Send   *templateCard `json:"send"`
	Text   string        `json:"text,omitempty"`
	Update templateCard  `json:"update"`
	Robot  string        `json:"robot"`
}

func draw(c bot.Card) drawn {
	d := drawn{Update: renderUpdate(&c), Robot: renderRobot(bot.Message{Card: &c, Mention: []string{"alice", "@bob", "all", "<@x>"}})}
	if t, ok := renderCard(&c); ok {
		t.TaskID = taskID("key/1", t)
		d.Send = &t
	} else {
		d.Text = renderText(&c)
	}
	return d
}

func TestGoldens(t *testing.T) {
	for name, c := range cards() {
		b, err := encode(draw(c))
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		e := json.NewEncoder(&got)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(json.RawMessage(b)); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", "golden", name+".json")
		if *update {
			if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s is drawn as\n%s\nwant\n%s", name, got.String(), want)
		}
	}
}

func TestHostileDataMentionsNobodyAndOpensNothing(t *testing.T) {
	d := draw(cards()["hostile"])
	if n := strings.Count(d.Robot, "<@"); n != 2 || !strings.HasSuffix(d.Robot, "<@alice><@bob>") {
		t.Errorf("%d mentions in %q; want alice and bob at the end", n, d.Robot)
	}
	for _, bad := range []string{"@all", "](https://evil", "<b>", "<!", "\u202e", "\x00", "\x1b", "javascript:", "file:", "\\u003c"} {
		if strings.Contains(d.Robot, bad) {
			t.Errorf("the robot says %q: %q", bad, d.Robot)
		}
	}
	if links := strings.Count(d.Robot, "]("); links != 1 {
		t.Errorf("%d links in %q; want the one to ok.example", links, d.Robot)
	}
	b, err := encode(d)
	if err != nil || strings.Contains(string(b), `\u`) {
		t.Errorf("the body has an escape WeCom refuses: %s, %v", b, err)
	}
	text := draw(cards()["nothing_to_press"]).Text
	if strings.Contains(text, "<a") || strings.Contains(text, "@all") {
		t.Errorf("the text opens a tag or calls everybody: %q", text)
	}
}

func TestButtonsBeyondSixAreCountedAndNoKeyTwice(t *testing.T) {
	c := cards()["incident_with_request"]
	t1, _ := renderCard(&c)
	var keys []string
	for _, b := range t1.Buttons {
		keys = append(keys, b.Key)
	}
	if got := strings.Join(keys, " "); got != "v.app v.rej v.ack v.res v.snz v.esc" {
		t.Errorf("buttons %s", got)
	}
	if !strings.Contains(t1.SubTitle, "+1 more in the console") || strings.Contains(fmt.Sprint(t1), "v.app2") {
		t.Errorf("sub title %q; want the one left out counted, and no second Approve", t1.SubTitle)
	}
	if t1.Quote == nil || t1.Quote.Text != "/usr/local/bin/clean-disk db-3" {
		t.Errorf("what will run is not shown: %+v", t1.Quote)
	}
}

func TestTaskIDs(t *testing.T) {
	seen := map[string]string{}
	for _, key := range []string{"a/b", "a-b", "a:b", "", strings.Repeat("x", 100), strings.Repeat("x", 99) + "y", "页"} {
		id := taskID(key, templateCard{})
		if !taskForm(id) || seen[id] != "" {
			t.Errorf("key %q has task id %q, also of %q", key, id, seen[id])
		}
		seen[id] = "key " + key
	}
	card := templateCard{MainTitle: title{Title: "a"}}
	if taskID("k", card) == taskID("k", templateCard{}) || taskID("k", card) != taskID("k", templateCard{TaskID: "x", MainTitle: card.MainTitle}) {
		t.Error("a changed card has the task id of the first, or the same card another")
	}
}

func taskForm(id string) bool {
	return len(id) >= 1 && len(id) <= 128 && !notInTask.MatchString(id)
}

// FuzzRobot holds the markdown's limits and marks for any data.
func FuzzRobot(f *testing.F) {
	f.Add("headline", "<@all>", "](x")
	f.Add(strings.Repeat("长", 3000), strings.Repeat("`", 5000), "\\u0000")
	f.Fuzz(func(t *testing.T, headline, status, body string) {
		c := bot.Card{Headline: headline, Status: status, Body: []string{body, body}, Code: status, Facts: []bot.Fact{{Name: body, Value: headline}}}
		s := renderRobot(bot.Message{Card: &c})
		b, err := encode(robotMessage{Type: "markdown", Markdown: &markdownPart{s}})
		if err != nil || strings.Contains(string(b), `\u`) && looksEscaped.Match(b) {
			t.Fatalf("%s, %v", b, err)
		}
		if len(s) > maxMarkdown || strings.Contains(s, "<@") || strings.Contains(s, "](") || everybody.MatchString(s) {
			t.Fatalf("%d bytes: %q", len(s), s)
		}
		card := content(&c, 3)
		if len([]rune(card.SubTitle)) > maxSubTitle || len([]rune(card.MainTitle.Title)) > maxTitle || len([]rune(card.MainTitle.Desc)) > maxDesc {
			t.Fatalf("too long: %+v", card)
		}
	})
}
