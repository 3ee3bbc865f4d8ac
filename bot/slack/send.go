package slack

import (
	"context"
	"errors"
	"strings"

	api "github.com/slack-go/slack"

	"dogwatch/bot"
)

// eventType marks our messages' metadata; its payload holds the message's key.
const eventType = "dogwatch"

// Send posts m. An address "U…" is that person's direct messages; the Ref then holds their channel "D…".
func (s *Slack) Send(ctx context.Context, m bot.Message) (bot.Ref, error) {
	to, opts := m.To.To, content(m)
	opts = append(opts, api.MsgOptionDisableLinkUnfurl(), api.MsgOptionDisableMediaUnfurl())
	if m.Thread != nil && m.Thread.ID != "" {
		opts = append(opts, api.MsgOptionTS(m.Thread.ID))
		if m.Thread.Channel != "" {
			to = m.Thread.Channel // a person's thread stands in their D… channel
		}
	}
	var f flight
	channel, ts, err := s.api.PostMessageContext(f.watch(ctx), to, opts...)
	return placed(channel, ts, err, &f)
}

// Edit replaces the message at ref. Where it stands does not change.
func (s *Slack) Edit(ctx context.Context, ref bot.Ref, m bot.Message) (bot.Ref, error) {
	var f flight
	_, ts, _, err := s.api.UpdateMessageContext(f.watch(ctx), ref.Channel, ref.ID, content(m)...)
	placedAt, err := placed(ref.Channel, ts, err, &f)
	if err != nil {
		return ref, err
	}
	return placedAt, nil
}

// placed is the Ref of an answer. An answer that names no message says nothing: slack-go takes ok:false without an error
// word for a success.
func placed(channel, ts string, err error, f *flight) (bot.Ref, error) {
	if err != nil {
		return bot.Ref{}, verdict(err, f)
	}
	if channel == "" || ts == "" {
		return bot.Ref{}, &bot.SendError{Kind: bot.Unknown, Code: "no_ts", Err: errors.New("the answer names no message")}
	}
	return bot.Ref{Platform: Name, Channel: channel, ID: ts}, nil
}

// content is what Send and Edit have in common: words, blocks, and the key under which Find looks the message up.
func content(m bot.Message) []api.MsgOption {
	opts := []api.MsgOption{
		api.MsgOptionText(fallback(m), false),
		api.MsgOptionParse(false),
		api.MsgOptionLinkNames(false),
		api.MsgOptionMetadata(api.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"key": m.Key}}),
	}
	if m.Card != nil {
		opts = append(opts, api.MsgOptionBlocks(renderCard(*m.Card, m.Mention)...))
	}
	return opts
}

// fallback is the message's text: all of a note, the notification of a card.
func fallback(m bot.Message) string {
	words := m.Text
	if words == "" && m.Card != nil {
		words = strings.TrimSpace(m.Card.Headline + "\n" + m.Card.Status)
	}
	lang := ""
	if m.Card != nil {
		lang = m.Card.Lang
	}
	who := mentions(m.Mention)
	if who != "" {
		who += " "
	}
	return who + escape(cutEscaped(words, messageText-units(who), lang))
}
