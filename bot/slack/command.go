package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// command is a slash command, from the form of a door or the JSON of Socket Mode.
type command struct {
	TeamID      string `json:"team_id"`
	AppID       string `json:"api_app_id"`
	ChannelID   string `json:"channel_id"`
	UserID      string `json:"user_id"`
	Command     string `json:"command"`
	Text        string `json:"text"`
	ResponseURL string `json:"response_url"`
	TriggerID   string `json:"trigger_id"`
}

// commandForm reads a slash command from the verified body alone, never from the address.
func (s *Slack) commandForm(ctx context.Context, inbox bot.Inbox, body []byte) (outcome, error) {
	f, err := url.ParseQuery(string(body))
	if err != nil {
		return outcome{}, errMalformed
	}
	if f.Get("ssl_check") == "1" {
		return outcome{}, nil
	}
	return s.command(ctx, inbox, command{
		TeamID: f.Get("team_id"), AppID: f.Get("api_app_id"), ChannelID: f.Get("channel_id"), UserID: f.Get("user_id"),
		Command: f.Get("command"), Text: f.Get("text"), ResponseURL: f.Get("response_url"), TriggerID: f.Get("trigger_id"),
	})
}

func (s *Slack) commandJSON(ctx context.Context, inbox bot.Inbox, body []byte) (outcome, error) {
	var c command
	if json.Unmarshal(body, &c) != nil {
		return outcome{}, errMalformed
	}
	return s.command(ctx, inbox, c)
}

// command says the line to the Inbox. Slack delivers a command once; its trigger names it.
func (s *Slack) command(ctx context.Context, inbox bot.Inbox, c command) (outcome, error) {
	if c.UserID == "" || c.Command == "" {
		return outcome{}, errMalformed
	}
	at := place{responseURL: c.ResponseURL, channel: c.ChannelID, user: c.UserID, trigger: c.TriggerID, command: c.Command}
	if !s.ourApp(c.AppID) {
		return outcome{}, errForeignApp
	}
	if c.TeamID != s.cfg.TeamID {
		return s.sayHere(at, foreignWorkspace()), nil
	}
	who := s.member(ctx, c.UserID)
	u := bot.Utterance{
		Account: s.account(c.UserID, c.TeamID, who),
		ID:      digest("command", c.TriggerID, c.UserID, c.Text),
		Text:    unescape(c.Text),
		Channel: publicPlace(c.ChannelID),
		Lang:    who.lang,
	}
	answer, err := inbox.Say(ctx, u)
	if err != nil {
		s.env.Log.ErrorContext(ctx, "slack command failed", "id", u.ID, "error", err)
		answer = failed(answer, who.lang)
	}
	if answer.Form != nil {
		if s.openForm(ctx, at, *answer.Form) {
			return outcome{}, nil
		}
		answer = noForm(*answer.Form, c.Command, who.lang)
	}
	return s.sayHere(at, answer), nil
}

// sayHere answers in the acknowledgement, or by the response_url when that has gone.
func (s *Slack) sayHere(at place, a bot.Answer) outcome {
	if a.Text == "" && a.Code == "" && len(a.Choices) == 0 {
		return outcome{}
	}
	body, err := json.Marshal(ephemeral(a))
	if err != nil {
		return outcome{after: func(ctx context.Context) { s.tell(ctx, at, a) }}
	}
	return outcome{body: body, late: func(ctx context.Context) { s.tell(ctx, at, a) }}
}

// failed keeps what the core had to say of its error, or says that something went wrong.
func failed(a bot.Answer, lang string) bot.Answer {
	if a.Text == "" {
		a = bot.Answer{Text: text.Say(text.ParseLang(lang), "slack.failed"), Refused: true}
	}
	return a
}

// noForm is the form as a line of words, when a modal could not be opened in its three seconds.
func noForm(f bot.Form, prefix, lang string) bot.Answer {
	line := strings.TrimSpace(prefix + " " + f.Command)
	return bot.Answer{Text: text.Say(text.ParseLang(lang), "slack.no_form", "command", line), Refused: true}
}

// foreignWorkspace is said in every language: whose it is cannot be asked there.
func foreignWorkspace() bot.Answer {
	var lines []string
	for _, lang := range text.Languages {
		lines = append(lines, text.Say(lang, "slack.foreign_workspace"))
	}
	return bot.Answer{Text: strings.Join(lines, "\n"), Refused: true}
}

// publicPlace is "" for a direct message.
func publicPlace(channel string) string {
	if strings.HasPrefix(channel, "D") {
		return ""
	}
	return channel
}

// marked are Slack's marks in text somebody typed: <@U1|name>, <#C1|name>, <https://…|label>, <!subteam^S1|@group>.
var marked = regexp.MustCompile(`<([^<>|]*)(?:\|([^<>]*))?>`)

// unescape gives typed text back: people stay as <@ID>, channels as <#ID>, an address as it was typed.
// Entities come last: what somebody typed as "<" arrives as "&lt;" and is no mark.
func unescape(s string) string {
	s = marked.ReplaceAllStringFunc(s, func(m string) string {
		p := marked.FindStringSubmatch(m)
		target, label := p[1], p[2]
		switch {
		case strings.HasPrefix(target, "@"), strings.HasPrefix(target, "#"):
			return "<" + target + ">"
		case strings.HasPrefix(target, "!subteam^"):
			return "<!subteam^" + strings.TrimPrefix(target, "!subteam^") + ">"
		case strings.HasPrefix(target, "!"):
			return "@" + strings.TrimPrefix(target, "!")
		case label != "":
			return label
		}
		return target
	})
	return strings.TrimSpace(unescaper.Replace(s))
}

var unescaper = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
