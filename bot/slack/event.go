package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dogwatch/bot"
)

// answeredLife is longer than Slack repeats an event.
const answeredLife = 24 * time.Hour

// envelope is what is read of an Events API request.
type envelope struct {
	Type           string `json:"type"`
	Challenge      string `json:"challenge"`
	TeamID         string `json:"team_id"`
	AppID          string `json:"api_app_id"`
	EventID        string `json:"event_id"`
	Authorizations []struct {
		UserID string `json:"user_id"`
	} `json:"authorizations"`
	Event message `json:"event"`
}

// message is the inner event, as far as app_mention and message.im go.
type message struct {
	Type        string `json:"type"`
	Subtype     string `json:"subtype"`
	ChannelType string `json:"channel_type"`
	User        string `json:"user"`
	BotID       string `json:"bot_id"`
	Text        string `json:"text"`
	Channel     string `json:"channel"`
	TS          string `json:"ts"`
	ThreadTS    string `json:"thread_ts"`
	Team        string `json:"team"`
	UserTeam    string `json:"user_team"`
	SourceTeam  string `json:"source_team"`
}

// event takes mentions and direct messages as lines of words. What it does not know is acknowledged: Slack would repeat it
// and in the end switch our events off.
func (s *Slack) event(ctx context.Context, inbox bot.Inbox, body []byte) (outcome, error) {
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return outcome{}, errMalformed
	}
	if e.Type == "url_verification" {
		answer, err := json.Marshal(map[string]string{"challenge": e.Challenge})
		return outcome{body: answer}, err
	}
	if e.Type != "event_callback" {
		return outcome{}, nil
	}
	if !s.ourApp(e.AppID) {
		return outcome{}, errForeignApp
	}
	if e.TeamID != s.cfg.TeamID || !e.Event.forUs() || e.EventID == "" {
		return outcome{}, nil
	}
	return s.heard(ctx, inbox, e)
}

// forUs is a person's new words: not a bot's (our own messages come back too), not an edit or a join.
func (m message) forUs() bool {
	if m.User == "" || m.BotID != "" || m.Subtype != "" {
		return false
	}
	return m.Type == "app_mention" || (m.Type == "message" && m.ChannelType == "im")
}

// heard says the words to the Inbox. A repeated delivery is said again, since the first may have died on its way; the
// Inbox knows it by its ID, and only the first answer is given.
func (s *Slack) heard(ctx context.Context, inbox bot.Inbox, e envelope) (outcome, error) {
	m := e.Event
	for _, a := range e.Authorizations {
		if m.User == a.UserID {
			return outcome{}, nil
		}
		m.Text = strings.ReplaceAll(m.Text, "<@"+a.UserID+">", " ")
	}
	who := s.member(ctx, m.User)
	u := bot.Utterance{
		Account: s.account(m.User, s.authorTeam(m), who),
		ID:      digest("event", e.EventID),
		Text:    unescape(m.Text),
		Channel: publicPlace(m.Channel),
		Lang:    who.lang,
	}
	answer, err := inbox.Say(ctx, u)
	if err != nil {
		return outcome{}, fmt.Errorf("take event %s: %w", e.EventID, err)
	}
	first, err := s.env.Seen(ctx, "slack:event:"+digest(e.EventID), answeredLife)
	if err != nil {
		return outcome{}, fmt.Errorf("note event %s: %w", e.EventID, err)
	}
	if !first {
		return outcome{}, nil
	}
	if answer.Form != nil { // an event brings no trigger
		answer = noForm(*answer.Form, "", who.lang)
	}
	at := place{channel: m.Channel, thread: m.ThreadTS, user: m.User}
	return outcome{after: func(ctx context.Context) { s.tell(ctx, at, answer) }}, nil
}

// authorTeam is the author's own workspace; in a channel shared between workspaces it is not ours.
func (s *Slack) authorTeam(m message) string {
	for _, team := range []string{m.UserTeam, m.SourceTeam, m.Team} {
		if team != "" && team != s.cfg.TeamID {
			return team
		}
	}
	return s.cfg.TeamID
}
