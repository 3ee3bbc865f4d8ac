package slack

import (
	"context"
	"encoding/json"
	"net/url"

	"dogwatch/bot"
)

// interaction is what is read of block_actions and view_submission. The message is not read: what a press means is looked
// up by its value, never taken from the text it stood on.
type interaction struct {
	Type  string `json:"type"`
	AppID string `json:"api_app_id"`
	Team  struct {
		ID string `json:"id"`
	} `json:"team"`
	User struct {
		ID     string `json:"id"`
		TeamID string `json:"team_id"`
	} `json:"user"`
	Container struct {
		Type        string `json:"type"`
		MessageTS   string `json:"message_ts"`
		ChannelID   string `json:"channel_id"`
		ThreadTS    string `json:"thread_ts"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	TriggerID   string   `json:"trigger_id"`
	ResponseURL string   `json:"response_url"`
	Actions     []action `json:"actions"`
	View        view     `json:"view"`
}

type action struct {
	Type     string `json:"type"`
	ActionID string `json:"action_id"`
	ActionTS string `json:"action_ts"`
	Value    string `json:"value"`
}

func (s *Slack) interactionForm(ctx context.Context, inbox bot.Inbox, body []byte) (outcome, error) {
	f, err := url.ParseQuery(string(body))
	if err != nil || f.Get("payload") == "" {
		return outcome{}, errMalformed
	}
	return s.interactionJSON(ctx, inbox, []byte(f.Get("payload")))
}

func (s *Slack) interactionJSON(ctx context.Context, inbox bot.Inbox, payload []byte) (outcome, error) {
	var in interaction
	if json.Unmarshal(payload, &in) != nil || in.User.ID == "" {
		return outcome{}, errMalformed
	}
	if !s.ourApp(in.AppID) {
		return outcome{}, errForeignApp
	}
	if in.Team.ID != s.cfg.TeamID {
		at := in.place()
		return outcome{after: func(ctx context.Context) { s.tell(ctx, at, foreignWorkspace()) }}, nil
	}
	switch in.Type {
	case "block_actions":
		return s.presses(ctx, inbox, in), nil
	case "view_submission":
		return s.submission(ctx, inbox, in), nil
	}
	// view_closed, shortcuts and what Slack invents next: taken, nothing to do.
	return outcome{}, nil
}

// presses handles every action of a payload; normally there is one.
func (s *Slack) presses(ctx context.Context, inbox bot.Inbox, in interaction) outcome {
	who := s.member(ctx, in.User.ID)
	at := in.place()
	var answers []bot.Answer
	for _, act := range in.Actions {
		if act.Type != "button" || act.Value == "" {
			continue // a link's press wants a 200 and nothing else
		}
		p := bot.Press{
			Account: s.account(in.User.ID, in.User.TeamID, who),
			ID:      digest("press", in.User.ID, in.Container.MessageTS, act.ActionID, act.ActionTS),
			Value:   act.Value,
			At:      in.ref(),
		}
		answer, err := inbox.Press(ctx, p)
		if err != nil {
			s.env.Log.ErrorContext(ctx, "slack press failed", "id", p.ID, "error", err)
			answer = failed(answer, who.lang)
		}
		// The trigger lives three seconds, so the form is opened before anything else happens.
		if answer.Form != nil {
			if s.openForm(ctx, at, *answer.Form) {
				continue
			}
			answer = noForm(*answer.Form, "/oncall", who.lang)
		}
		answers = append(answers, answer)
	}
	if len(answers) == 0 {
		return outcome{}
	}
	return outcome{after: func(ctx context.Context) {
		for _, a := range answers {
			s.tell(ctx, at, a)
		}
	}}
}

// ref is where the pressed message stands. An ephemeral one has no ID: nothing but its response_url can change it.
func (in interaction) ref() bot.Ref {
	r := bot.Ref{Platform: Name, Channel: in.Container.ChannelID, ID: in.Container.MessageTS}
	if in.Container.IsEphemeral {
		r.ID = ""
	}
	return r
}

func (in interaction) place() place {
	return place{
		responseURL: in.ResponseURL, channel: in.Container.ChannelID, thread: in.Container.ThreadTS,
		message: in.ref().ID, user: in.User.ID, trigger: in.TriggerID,
	}
}
