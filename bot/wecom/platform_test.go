package wecom_test

import (
	"html"
	"strings"
	"testing"

	"dogwatch/bot"
	"dogwatch/bot/bottest"
)

// The adapter holds what package bot relies on, in a robot's group and in a person's messages.
func TestPlatform(t *testing.T) {
	bottest.Platform(t, func(t *testing.T) bottest.Subject {
		h := open(t)
		return bottest.Subject{Platform: h.wecom, Channel: bot.Address{Platform: "wecom", To: "ops"},
			Person: bot.Address{Platform: "wecom", To: "@alice"}, Missing: bot.Address{Platform: "wecom", To: "@nobody"},
			Everybody: []string{"<@all>"}, Secrets: []string{secret, token, aesKey, robotKey}, Shown: h.shown}
	})
}

// shown is the text at a ref as WeCom reads it: in a card no text is markup, so it stands here escaped. A robot's messages have no
// names: all that came are taken together.
func (h *house) shown(ref bot.Ref) string {
	var words []string
	for _, m := range h.fake.Messages(ref.Channel) {
		if m.Robot != "" || m.ID == ref.ID {
			words = append(words, m.Text)
		}
	}
	if user, ok := strings.CutPrefix(ref.Channel, "@"); ok {
		for _, c := range h.fake.Cards(user) {
			if c.Message == ref.ID {
				words = append(words, html.EscapeString(string(c.Raw)))
			}
		}
	}
	return strings.Join(words, "\n")
}
