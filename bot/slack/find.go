package slack

import (
	"context"
	"errors"
	"fmt"
	"time"

	api "github.com/slack-go/slack"

	"dogwatch/bot"
)

// What Find reads at most: a look-up after a crash, not a search.
const (
	findPages   = 5
	findPage    = 200
	findThreads = 10
	// findSlack is how far our clock and Slack's may be apart.
	findSlack = time.Minute
)

// identity is who our token is.
type identity struct{ user, botID string }

// Find looks through the place's history since a minute before since, then through the threads with replies since then
// that hang on the latest messages. found=false is only said when all of that was read; a history that is too long, or
// that our scopes do not open, is bot.ErrCannotFind.
func (s *Slack) Find(ctx context.Context, to bot.Address, key string, since time.Time) (bot.Ref, bool, error) {
	me, err := s.whoAmI(ctx)
	if err != nil {
		return bot.Ref{}, false, err
	}
	channel, err := s.channelOf(ctx, to.To)
	if err != nil {
		return bot.Ref{}, false, findError(err)
	}
	look := search{s: s, channel: channel, key: key, me: me, oldest: timestamp(since.Add(-findSlack))}
	if ref, found, err := look.history(ctx); found || err != nil {
		return ref, found, findError(err)
	}
	ref, found, err := look.threads(ctx)
	return ref, found, findError(err)
}

// search is one look-up.
type search struct {
	s       *Slack
	channel string
	key     string
	me      identity
	oldest  string
}

func (l search) history(ctx context.Context) (bot.Ref, bool, error) {
	cursor := ""
	for range findPages {
		page, err := l.page(ctx, api.GetConversationHistoryParameters{Oldest: l.oldest, Inclusive: true, Cursor: cursor})
		if err != nil {
			return bot.Ref{}, false, err
		}
		if ref, ok := l.among(page.Messages); ok {
			return ref, true, nil
		}
		if cursor = page.ResponseMetaData.NextCursor; !page.HasMore || cursor == "" {
			return bot.Ref{}, false, nil
		}
	}
	return bot.Ref{}, false, bot.ErrCannotFind
}

// threads looks for a reply: those stand in no channel's history.
func (l search) threads(ctx context.Context) (bot.Ref, bool, error) {
	page, err := l.page(ctx, api.GetConversationHistoryParameters{})
	if err != nil {
		return bot.Ref{}, false, err
	}
	looked := 0
	for _, m := range page.Messages {
		if m.ReplyCount == 0 || m.LatestReply < l.oldest || !l.ours(m) {
			continue
		}
		if looked++; looked > findThreads {
			return bot.Ref{}, false, bot.ErrCannotFind
		}
		ref, found, err := l.replies(ctx, m.Timestamp)
		if found || err != nil {
			return ref, found, err
		}
	}
	return bot.Ref{}, false, nil
}

func (l search) replies(ctx context.Context, thread string) (bot.Ref, bool, error) {
	cursor := ""
	for range findPages {
		var f flight
		msgs, more, next, err := l.s.api.GetConversationRepliesContext(f.watch(ctx), &api.GetConversationRepliesParameters{
			ChannelID: l.channel, Timestamp: thread, Oldest: l.oldest, Inclusive: true, Limit: findPage, Cursor: cursor,
			IncludeAllMetadata: true,
		})
		if err != nil {
			return bot.Ref{}, false, verdict(err, &f)
		}
		if ref, ok := l.among(msgs); ok {
			return ref, true, nil
		}
		if cursor = next; !more || cursor == "" {
			return bot.Ref{}, false, nil
		}
	}
	return bot.Ref{}, false, bot.ErrCannotFind
}

func (l search) page(ctx context.Context, p api.GetConversationHistoryParameters) (*api.GetConversationHistoryResponse, error) {
	p.ChannelID, p.Limit, p.IncludeAllMetadata = l.channel, findPage, true
	var f flight
	page, err := l.s.api.GetConversationHistoryContext(f.watch(ctx), &p)
	if err != nil {
		return nil, verdict(err, &f)
	}
	return page, nil
}

// among picks our message with the key. Metadata can be written by every app, so the author counts as well.
func (l search) among(msgs []api.Message) (bot.Ref, bool) {
	for _, m := range msgs {
		if l.ours(m) && m.Metadata.EventType == eventType && m.Metadata.EventPayload["key"] == l.key {
			return bot.Ref{Platform: Name, Channel: l.channel, ID: m.Timestamp}, true
		}
	}
	return bot.Ref{}, false
}

func (l search) ours(m api.Message) bool {
	return (l.me.botID != "" && m.BotID == l.me.botID) || (l.me.user != "" && m.User == l.me.user)
}

// channelOf is the conversation of an address: a person's direct messages are opened, which is harmless when they are.
func (s *Slack) channelOf(ctx context.Context, to string) (string, error) {
	if !isID(to, "UW") {
		return to, nil
	}
	var f flight
	ch, _, _, err := s.api.OpenConversationContext(f.watch(ctx), &api.OpenConversationParameters{Users: []string{to}})
	if err != nil {
		return "", verdict(err, &f)
	}
	return ch.ID, nil
}

// whoAmI asks once which user and bot the token is.
func (s *Slack) whoAmI(ctx context.Context) (identity, error) {
	s.mu.Lock()
	self := s.self
	s.mu.Unlock()
	if self != nil {
		return *self, nil
	}
	var f flight
	r, err := s.api.AuthTestContext(f.watch(ctx))
	if err != nil {
		return identity{}, verdict(err, &f)
	}
	me := identity{user: r.UserID, botID: r.BotID}
	s.mu.Lock()
	s.self = &me
	s.mu.Unlock()
	return me, nil
}

// findError says bot.ErrCannotFind where Slack will never let us look: a scope that was not granted, a public channel that
// we may write to but are no member of.
func findError(err error) error {
	var refused *bot.SendError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "missing_scope", "not_in_channel", "channel_not_found", "unknown_method":
			return fmt.Errorf("look up message: %w (%s)", bot.ErrCannotFind, refused.Code)
		}
	}
	return err
}

// timestamp writes a time as Slack's ts.
func timestamp(t time.Time) string {
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/int(time.Microsecond))
}
