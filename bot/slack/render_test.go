package slack

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"dogwatch/bot"
	"dogwatch/bot/slack/slacktest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func incidentCard(lang string) bot.Card {
	return bot.Card{
		Kind: bot.IncidentCard, Subject: "i1", Version: 7, Severity: "P1", State: "triggered", Lang: lang,
		Headline: "P1 · #42 · Disk full on db-3", Status: "Triggered, paging Alice Chen",
		Facts:   []bot.Fact{{Name: "instance", Value: "db-3:9100"}, {Name: "sent_ns", Value: "1795000000000000000"}},
		Body:    []string{"The data disk is 97 % full & rising <fast>."},
		Buttons: []bot.Button{{Verb: "acknowledge", Label: "Acknowledge", Value: "k1.aaa", Style: bot.Primary}, {Verb: "resolve", Label: "Resolve", Value: "k1.bbb"}},
		Requests: []bot.RequestPart{{ID: "r1", State: "pending", Status: "Waiting for approval until 10:52", Code: "systemctl restart ```db.service```",
			Buttons: []bot.Button{{Verb: "approve", Label: "Approve", Value: "k1.ccc", Style: bot.Danger, Confirm: "Restart db.service on db-3?"}, {Verb: "reject", Label: "Reject", Value: "k1.ddd"}}}},
		Links:  []bot.Link{{Label: "Runbook", URL: "https://runbooks.example.org/disk?a=1&b=2"}, {Label: "evil", URL: "javascript:alert(1)"}},
		Footer: "Paged Alice Chen at 10:42 +08:00",
	}
}

func TestRenderGolden(t *testing.T) {
	resolved := incidentCard("zh")
	resolved.State, resolved.Buttons, resolved.Requests, resolved.Version = "resolved", nil, nil, 9
	resolved.Headline, resolved.Status = "P1 · #42 · db-3 磁盘已满", "已由陈爱丽解决"
	for i := range 30 {
		resolved.Facts = append(resolved.Facts, bot.Fact{Name: "label", Value: strings.Repeat("x", i+1)})
	}
	for name, blocks := range map[string]any{
		"incident":     renderCard(incidentCard("en"), []string{"U0ALICE", "not an id", "S0ONCALL"}),
		"resolved":     renderCard(resolved, nil),
		"answer":       answerBlocks(bot.Answer{Text: "On call now:", Code: "web-primary  alice", Choices: []bot.Button{{Verb: "choose", Label: "web", Value: "v"}}}),
		"empty":        renderCard(bot.Card{}, nil),
		"untrusted":    renderCard(hostileCard(), nil),
		"modal":        firstOf(modal(runForm(), remembered{Value: "k1.eee", Channel: "C0OPS", Message: "1795000001.000200"})),
		"modal_barest": firstOf(modal(bot.Form{Value: "v", Submit: "Go"}, remembered{Value: "v"})),
	} {
		got, err := json.MarshalIndent(blocks, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".golden.json")
		if *update {
			if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got)+"\n" != string(want) {
			t.Errorf("%s: rendering changed (go test -update writes it anew)\n%s", name, got)
		}
	}
}

func firstOf[T any](v T, _ bool) T { return v }

func runForm() bot.Form {
	return bot.Form{
		Title: "Run an action on this incident", Value: "k1.eee", Intro: "It runs after approval.", Submit: "Request", Cancel: "Cancel",
		Fields: []bot.Field{
			{Name: "action", Label: "Action", Required: true, Options: []bot.Option{{Value: "restart", Label: "Restart a service"}}, Default: "restart"},
			{Name: "reason", Label: "Reason", Hint: "Shown to the approvers.", Long: true},
		},
		Command: "run restart unit=… for 42",
	}
}

// hostileCard is what somebody who can name an alert would try.
func hostileCard() bot.Card {
	evil := "<!channel> <@U0ALICE> <https://evil.example|Runbook> ``` *bold* \u202egnp.exe\x00\x1b[31m"
	return bot.Card{
		Headline: evil, Status: evil, Severity: "P0", Footer: evil, Code: evil + "\n```\n<!here>", Body: []string{evil, "", "  "},
		Facts:    []bot.Fact{{Name: evil, Value: evil}, {Name: "", Value: "x"}},
		Links:    []bot.Link{{Label: "a|b>" + evil, URL: "https://ok.example/|x>y"}, {Label: "l", URL: "https://user:pw@ok.example/"}},
		Buttons:  []bot.Button{{Verb: "v", Label: evil, Value: "ok"}, {Verb: "v", Label: "dead", Value: strings.Repeat("v", 2001)}, {Verb: "v", Label: " ", Value: "x"}},
		Requests: []bot.RequestPart{{Status: evil, Code: evil}},
	}
}

// What an alert says must not call people, link or direct, wherever it stands.
func TestRenderKeepsDataData(t *testing.T) {
	blocks, err := json.Marshal(renderCard(hostileCard(), nil))
	if err != nil {
		t.Fatal(err)
	}
	var parsed any
	if err := json.Unmarshal(blocks, &parsed); err != nil {
		t.Fatal(err)
	}
	marked := 0
	walk(parsed, func(o map[string]any) {
		words, _ := o["text"].(string)
		if strings.ContainsAny(words, "\u202e\x00\x1b") {
			t.Errorf("control characters stayed: %q", words)
		}
		if o["type"] != "mrkdwn" {
			return
		}
		marked++
		if o["verbatim"] != true {
			t.Errorf("markup that Slack may change: %q", words)
		}
		for _, bad := range []string{"<!", "<@", "<https://evil"} {
			if strings.Contains(words, bad) {
				t.Errorf("%q reached Slack's markup in %q", bad, words)
			}
		}
	})
	if marked == 0 {
		t.Fatal("no markup was looked at")
	}
}

func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, x := range v {
			walk(x, visit)
		}
	case []any:
		for _, x := range v {
			walk(x, visit)
		}
	}
}

// The fake's own reading of Slack's limits judges the renderer, at sizes far beyond what should ever come.
func FuzzRenderStaysWithinLimits(f *testing.F) {
	f.Add("disk full", 3, 3)
	f.Add(strings.Repeat("&<>😀", 2000), 120, 60)
	f.Add("", 0, 0)
	f.Add("\xff\xfe"+strings.Repeat("磁", 5000), 26, 9)
	f.Fuzz(func(t *testing.T, s string, n, k int) {
		n, k = min(max(n, 0), 150), min(max(k, 0), 150)
		lang := []string{"en", "zh"}[n%2]
		c := bot.Card{Headline: s, Status: s, Footer: s, Code: s, Severity: "P1", State: "triggered", Lang: lang, Version: int64(n)}
		var buttons []bot.Button
		for range k {
			buttons = append(buttons, bot.Button{Verb: s, Label: s, Value: "v", Confirm: s, Style: "loud"})
		}
		c.Buttons = buttons
		for range n {
			c.Facts = append(c.Facts, bot.Fact{Name: s, Value: s})
			c.Body = append(c.Body, s)
			c.Requests = append(c.Requests, bot.RequestPart{Status: s, Code: s, Buttons: buttons})
			c.Links = append(c.Links, bot.Link{Label: s, URL: "https://h.example/" + s})
		}
		for what, blocks := range map[string]any{
			"card":   renderCard(c, []string{"U0ALICE"}),
			"answer": answerBlocks(bot.Answer{Text: s, Code: s + "\n" + s, Choices: buttons}),
		} {
			raw, err := json.Marshal(blocks)
			if err != nil {
				t.Fatal(err)
			}
			if faults := slacktest.CheckBlocks(raw); string(raw) != "null" && len(faults) > 0 {
				t.Errorf("%s: %v", what, faults[0])
			}
		}
		words := fallback(bot.Message{Card: &c, Mention: []string{"U0ALICE"}})
		if n := units(words); n > 4000 || !utf8.ValidString(words) {
			t.Errorf("fallback of %d units", n)
		}
	})
}

func TestCutCountsWhatIsLeftOut(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		lang  string
		want  string
	}{
		{"short", 10, "en", "short"},
		{strings.Repeat("a", 30), 20, "en", strings.Repeat("a", 10) + "… +20 more"},
		{strings.Repeat("磁", 40), 20, "zh", strings.Repeat("磁", 11) + "… 另有 29 项"},
		{"😀😀😀😀", 3, "en", "😀"},
		{" \x00 ", 5, "en", ""},
	} {
		if got := cut(c.in, c.limit, c.lang); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

// A press on an older rendering must be told from one on the present: every block id carries the version.
func TestBlockIDsCarryTheVersion(t *testing.T) {
	blocks := renderCard(incidentCard("en"), nil)
	if len(blocks) < 8 {
		t.Fatalf("only %d blocks", len(blocks))
	}
	for _, b := range blocks {
		if !strings.HasPrefix(b.ID(), "dw.v7.") {
			t.Errorf("block id %q does not say version 7", b.ID())
		}
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		"ack 12": "ack 12",
		"override <@U0BOB00001|bob> 2h <#C0ALERTS01|alerts-prod> \"disk &gt;= 90% &amp; rising\"": "override <@U0BOB00001> 2h <#C0ALERTS01> \"disk >= 90% & rising\"",
		"page <@U0ALICE> see <https://x.example/a?b=1&amp;c=2|x.example>":                         "page <@U0ALICE> see x.example",
		"<https://x.example/a?b=1&amp;c=2>":                                                       "https://x.example/a?b=1&c=2",
		"<!subteam^S1|@oncall> <!here> <#C1|>":                                                    "<!subteam^S1> @here <#C1>",
		"&amp;lt;b&amp;gt;":                                                                       "&lt;b&gt;",
		"":                                                                                        "",
	} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}
