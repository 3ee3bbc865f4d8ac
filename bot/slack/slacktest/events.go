package slacktest

import (
	"context"
	"net/http"
	"strconv"
)

// Mention writes text with a mention of the bot in a channel, and delivers the app_mention.
func (s *Server) Mention(ctx context.Context, user, channel, text string) []Delivery {
	return s.Event(ctx, s.said(user, channel, "<@"+BotUser+"> "+text, map[string]any{"type": "app_mention"}))
}

// Direct writes to the bot in private, and delivers the message.im.
func (s *Server) Direct(ctx context.Context, user, text string) []Delivery {
	s.mu.Lock()
	channel := s.world.dm(user)
	s.mu.Unlock()
	return s.Event(ctx, s.said(user, channel, text, map[string]any{"type": "message", "channel_type": "im"}))
}

// said is an inner event of something a person wrote, which then stands in the channel.
func (s *Server) said(user, channel, text string, inner map[string]any) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &Message{Channel: channel, TS: s.world.ts(s.Clock.Now()), User: user, Text: s.escapeTyped(text)}
	if len(text) > len(BotUser)+3 && text[:len(BotUser)+3] == "<@"+BotUser+">" {
		m.Text = "<@" + BotUser + ">" + s.escapeTyped(text[len(BotUser)+3:])
	}
	s.world.messages[channel] = append(s.world.messages[channel], m)
	inner["user"], inner["text"], inner["channel"] = user, m.Text, channel
	inner["ts"], inner["event_ts"], inner["team"] = m.TS, m.TS, s.world.users[user].Team
	return inner
}

// Event delivers an inner event until it is taken: at first, then up to three times more after the waits of the options.
// Every attempt is returned.
func (s *Server) Event(ctx context.Context, inner map[string]any) []Delivery {
	s.mu.Lock()
	id := s.world.next("Ev0")
	body := map[string]any{
		"token": "verification-token-deprecated", "team_id": s.opt.Team, "context_team_id": s.opt.Team,
		"context_enterprise_id": nil, "api_app_id": s.opt.AppID, "event": inner, "type": "event_callback", "event_id": id,
		"event_time": s.Clock.Now().Unix(), "is_ext_shared_channel": false, "event_context": "4-" + randomHex(8),
		"authorizations": []any{map[string]any{
			"enterprise_id": nil, "team_id": s.opt.Team, "user_id": BotUser, "is_bot": true, "is_enterprise_install": false,
		}},
	}
	s.mu.Unlock()
	d := Delivery{Kind: "event", Path: "/chat/slack/events", ContentType: jsonType, Body: mustJSON(body), EventID: id}
	attempts := []Delivery{s.post(ctx, d, "events_api", body)}
	for i, wait := range s.opt.RetryAfter {
		last := attempts[len(attempts)-1]
		if last.OK() || last.EnvelopeID != "" || last.Header.Get("X-Slack-No-Retry") == "1" || s.Clock.Wait(ctx, wait) != nil {
			break
		}
		again := d
		again.Retry = i + 1
		again.Header = http.Header{
			"X-Slack-Retry-Num": {strconv.Itoa(i + 1)}, "X-Slack-Retry-Reason": {reason(last)},
		}
		attempts = append(attempts, s.deliver(ctx, again))
	}
	return attempts
}

// reason is why an event is delivered again, in Slack's words.
func reason(d Delivery) string {
	switch {
	case d.Error == "operation_timeout":
		return "http_timeout"
	case d.Status == 0:
		return "connection_failed"
	}
	return "http_error"
}

// VerifyURL asks the bot for the challenge, as Slack does when the events URL is set.
func (s *Server) VerifyURL(ctx context.Context, challenge string) Delivery {
	return s.deliver(ctx, Delivery{
		Kind: "event", Path: "/chat/slack/events", ContentType: jsonType,
		Body: mustJSON(map[string]any{"token": "verification-token-deprecated", "challenge": challenge, "type": "url_verification"}),
	})
}
