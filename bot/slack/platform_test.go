package slack_test

import (
	"encoding/json"
	"html"
	"strings"
	"testing"

	"dogwatch/bot"
	"dogwatch/bot/bottest"
	"dogwatch/bot/slack/slacktest"
)

// The adapter holds what package bot relies on, in a channel and in a person's direct messages.
func TestPlatform(t *testing.T) {
	bottest.Platform(t, func(t *testing.T) bottest.Subject {
		r := newRig(t, nil)
		return bottest.Subject{Platform: r.slack, Channel: bot.Address{Platform: "slack", To: "C0OPS"},
			Person: bot.Address{Platform: "slack", To: "U0ALICE"}, Missing: bot.Address{Platform: "slack", To: "C0NOWHERE"},
			Everybody: []string{"<!channel>", "<@"}, Secrets: []string{testToken, testSecret, testApp}, Shown: func(ref bot.Ref) string { return shown(t, r.fake, ref) }}
	})
}

// shown is all of a message's text in Slack's own markup.
func shown(t *testing.T, fake *slacktest.Server, ref bot.Ref) string {
	for _, m := range fake.Messages(ref.Channel) {
		if m.TS != ref.ID {
			continue
		}
		var blocks any
		if len(m.Blocks) > 0 {
			if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
				t.Errorf("blocks of %s: %v", ref.ID, err)
			}
		}
		return m.Text + "\n" + strings.Join(markupOf(blocks), "\n")
	}
	return ""
}

// markupOf collects the texts in blocks. Where Slack reads no markup a text means itself, which markup writes escaped.
func markupOf(v any) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = append(out, markupOf(e)...)
		}
	case map[string]any:
		words, isText := v["text"].(string)
		switch {
		case isText && v["type"] == "mrkdwn":
			out = append(out, words)
		case isText:
			out = append(out, html.EscapeString(words))
		}
		for _, e := range v {
			out = append(out, markupOf(e)...)
		}
	}
	return out
}
