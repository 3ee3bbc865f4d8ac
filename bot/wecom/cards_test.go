package wecom

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/wecom/wecomtest"
	"dogwatch/internal/text"
)

const (
	cardsToken = "cardsToken"
	cardsKey   = "ZG9nd2F0Y2gtdGVzdC1rZXktMzItYnl0ZXMtbG9uZyE"
)

// atFake is an adapter before the fake, for what only looks at cards.
func atFake(t *testing.T) (*WeCom, *wecomtest.Server) {
	t.Helper()
	fake, err := wecomtest.New(wecomtest.Options{
		CorpID: "wwc", AgentID: 7, Secret: "s", Token: cardsToken, AESKey: cardsKey, Target: "http://x", Robots: map[string]string{"ops": "k"},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	w, err := Open(func(v any) error {
		*v.(*Config) = Config{
			CorpID: "wwc", AgentID: 7, Secret: text.NewSecret("s"), Token: text.NewSecret(cardsToken),
			EncodingAESKey: text.NewSecret(cardsKey), APIURL: server.URL, Robots: map[string]Robot{"ops": {Key: text.NewSecret("k")}},
		}
		return nil
	}, Deps{Now: fake.Now, Seen: func(context.Context, string, time.Duration) (bool, error) { return true, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return w, fake
}

// deliver sends a card to a person and a group and changes it, and wants no refusal.
func deliver(t *testing.T, w *WeCom, key string, c bot.Card) {
	t.Helper()
	m := bot.Message{Key: key, To: bot.Address{Platform: Name, To: "@u" + strings.ReplaceAll(key, "/", "-")}, Card: &c}
	ref, err := w.Send(t.Context(), m)
	if err != nil {
		t.Fatalf("%s: %v\n%+v", key, err, c)
	}
	if ref.Code != "" {
		if _, err := w.Edit(t.Context(), ref, m); err != nil {
			t.Fatalf("edit %s: %v\n%+v", key, err, c)
		}
	}
	m.To.To = "ops"
	if _, err := w.Send(t.Context(), m); err != nil {
		t.Fatalf("robot %s: %v\n%+v", key, err, c)
	}
}

func TestTheFakeTakesEveryGolden(t *testing.T) {
	w, _ := atFake(t)
	for name, c := range cards() {
		deliver(t, w, "golden/"+name, c)
	}
}

// Whatever an alert says, the card is deliverable: three hundred cards of hostile length and content, none refused.
func TestTheFakeTakesWhateverAlertsSay(t *testing.T) {
	w, fake := atFake(t)
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"值班", "🔥", "\u202e", "\x00", "\xff", "<@all>", "<b>", `\u003c`, `\`, "u0041", "\n", "]]>", "](", "`", "a", "word ", "https://x.example/(", "\u2028", "\t", "@all", "|"}
	words := func(limit int) string {
		var b strings.Builder
		for range r.IntN(limit) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	for i := range 300 {
		c := bot.Card{
			Headline: words(60), Status: words(60), Severity: words(8), State: []string{"resolved", "triggered", words(3)}[r.IntN(3)],
			Body: []string{words(400), words(2000)}, Code: words(300), Footer: words(50), Lang: []string{"en", "zh"}[r.IntN(2)],
		}
		for range r.IntN(10) {
			c.Facts = append(c.Facts, bot.Fact{Name: words(6), Value: words(40)})
			c.Buttons = append(c.Buttons, bot.Button{Verb: words(3), Label: words(20), Value: words(5), Style: bot.Primary})
			c.Links = append(c.Links, bot.Link{Label: words(20), URL: "https://h.example/" + words(5)})
		}
		if r.IntN(2) == 0 {
			c.Requests = []bot.RequestPart{{Status: words(80), Code: words(900), Buttons: []bot.Button{{Label: words(12), Value: "v"}}}, {Status: words(50), Code: words(50)}}
		}
		if strings.Trim(inMarkdown(oneLine(c.Headline)), " ") == "" {
			c.Headline = "P1 " + c.Headline // a headline is never empty in the product
		}
		deliver(t, w, fmt.Sprintf("random/%d", i), c)
		fake.Advance(4 * time.Second)
	}
}
