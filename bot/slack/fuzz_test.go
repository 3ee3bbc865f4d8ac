package slack

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"regexp"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// taken counts what came through the parsers.
type taken struct{ accounts []bot.Account }

func (i *taken) Press(_ context.Context, p bot.Press) (bot.Answer, error) {
	i.accounts = append(i.accounts, p.Account)
	return bot.Answer{}, nil
}

func (i *taken) Say(_ context.Context, u bot.Utterance) (bot.Answer, error) {
	i.accounts = append(i.accounts, u.Account)
	return bot.Answer{}, nil
}

// Whatever a verified body holds: no panic, only our own errors, and nobody acts without an id.
func FuzzInbound(f *testing.F) {
	for _, seed := range []string{
		"", "a=b", "{}", "null", "payload=null", "payload=[]", "payload={\"type\":\"block_actions\",\"actions\":null}",
		"user_id=U0BOB&command=%2Foncall&team_id=T0WEB&text=ack+%3C%40U1%7Cx%3E",
		`payload={"type":"block_actions","team":{"id":"T0WEB"},"user":{"id":"U0BOB"},"container":{"channel_id":"C1"},"actions":[{"type":"button","value":"v"}]}`,
		`payload={"type":"view_submission","team":{"id":"T0WEB"},"user":{"id":"U0BOB"},"view":{"callback_id":"dogwatch_form","private_metadata":"{}","state":{"values":{"field.a":{"value":{"value":null}}}}}}`,
		`{"type":"event_callback","team_id":"T0WEB","event_id":"E1","event":{"type":"app_mention","user":"U0BOB","text":"<@U1> ack","channel":"C1"},"authorizations":[{"user_id":"U1"}]}`,
		`{"type":"url_verification","challenge":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	cfg := Config{TeamID: "T0WEB", Token: text.NewSecret("t"), SigningSecret: text.NewSecret("s"), APIURL: "http://127.0.0.1:1/"}
	s, err := Open(func(v any) error { *v.(*Config) = cfg; return nil }, Deps{
		Log:  slog.New(slog.DiscardHandler),
		Seen: func(context.Context, string, time.Duration) (bool, error) { return true, nil },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, handle := range []handler{s.commandForm, s.commandJSON, s.interactionForm, s.interactionJSON, s.event} {
			in := &taken{}
			_, err := handle(t.Context(), in, body)
			if err != nil && !errors.Is(err, errMalformed) && !errors.Is(err, errForeignApp) {
				t.Errorf("unexpected error %v", err)
			}
			for _, a := range in.accounts {
				if a.User == "" || a.Platform != Name || a.Team == "" {
					t.Errorf("somebody without an id acts: %+v", a)
				}
			}
		}
	})
}

// A fact's name and value stand side by side on the wire too: what measures or searches posts finds "name value" in the
// form's encoding, without a digit of an escape in between.
func TestFactsReadAsTheyStandInAForm(t *testing.T) {
	blocks := renderCard(bot.Card{Facts: []bot.Fact{{Name: "sent_ns", Value: "1795000000123456789"}}, Body: []string{"sent_ns 1795000000123456789"}}, nil)
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	wire := url.Values{"blocks": {string(raw)}}.Encode() // as slack-go sends it
	if n := len(regexp.MustCompile(`sent_ns[^0-9]{1,12}1795000000123456789`).FindAllString(wire, -1)); n < 2 {
		t.Errorf("found %d times in %s", n, wire)
	}
}
