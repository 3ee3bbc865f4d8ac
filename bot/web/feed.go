package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"dogwatch/bot"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
)

// Budgets: a feed takes everything; how much of it is kept is bounded.
func (w *Web) Budgets(string) []bot.Budget { return nil }

// Send keeps a message in a feed ("ops") or a person's inbox ("@alice"). The same key is the same message.
func (w *Web) Send(ctx context.Context, m bot.Message) (bot.Ref, error) {
	ref := bot.Ref{Platform: Name, Channel: m.To.To, ID: messageID(m.Key)}
	if m.To.To == "" {
		return bot.Ref{}, &bot.SendError{Kind: bot.Refused, Code: "no_feed"}
	}
	if _, err := w.store.put(ctx, "send", m.To.To, ref.ID, bounded(m)); err != nil {
		return bot.Ref{}, failed(err)
	}
	if err := w.list(ctx, m.To.To); err != nil {
		return bot.Ref{}, failed(err)
	}
	return ref, nil
}

// listAgain is how often a feed that goes on getting messages is entered anew in the list of feeds.
const listAgain = 10 * time.Minute

// list enters a feed in the list of feeds, unless this process did so lately. An inbox is on no list.
func (w *Web) list(ctx context.Context, feed string) error {
	w.mu.Lock()
	lately := time.Since(w.listed[feed]) < listAgain
	w.mu.Unlock()
	if lately || strings.HasPrefix(feed, "@") {
		return nil
	}
	if err := w.store.name(ctx, feed); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.listed) >= mostFeeds {
		clear(w.listed)
	}
	w.listed[feed] = time.Now()
	return nil
}

// Edit changes a message in its place.
func (w *Web) Edit(ctx context.Context, ref bot.Ref, m bot.Message) (bot.Ref, error) {
	ok, err := w.store.put(ctx, "edit", ref.Channel, ref.ID, bounded(m))
	if err != nil {
		return bot.Ref{}, failed(err)
	}
	if !ok {
		return bot.Ref{}, &bot.SendError{Kind: bot.Gone, Code: "gone"}
	}
	return ref, nil
}

// Find looks for a message under its key.
func (w *Web) Find(ctx context.Context, to bot.Address, key string, _ time.Time) (bot.Ref, bool, error) {
	ref := bot.Ref{Platform: Name, Channel: to.To, ID: messageID(key)}
	found, err := w.store.has(ctx, to.To, ref.ID)
	if err != nil {
		return bot.Ref{}, false, failed(err)
	}
	if !found {
		return bot.Ref{}, false, nil
	}
	return ref, true, nil
}

// failed: the store did not take it, or did and the answer was lost. Sending again is harmless, since the key decides.
func failed(err error) error {
	kind, code := bot.Unknown, "store"
	if state.Unavailable(err) {
		kind, code = bot.Retry, "store_unavailable"
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		kind, code = bot.Unknown, "ended"
	}
	return &bot.SendError{Kind: kind, Code: code, Err: fmt.Errorf("keep message: %w", err)}
}

func messageID(key string) string { return digest("message " + key)[:24] }

// What is kept of one message, so that 500 of them stay small whatever alerts say.
const (
	keptLine     = 400
	keptText     = 2000
	keptCode     = 4000
	keptFacts    = 20
	keptBody     = 8
	keptRequests = 10
)

// bounded is a message cut to what a feed keeps, with a word for what was left out.
func bounded(m bot.Message) kept {
	k := kept{Key: m.Key, Text: cut(m.Text, keptText)}
	if m.Card == nil {
		return k
	}
	c := *m.Card
	c.Headline, c.Status, c.Footer, c.Code = cut(c.Headline, keptLine), cut(c.Status, keptLine), cut(c.Footer, keptLine), cut(c.Code, keptCode)
	more := 0
	c.Facts, more = first(c.Facts, keptFacts), len(c.Facts)-keptFacts
	for i := range c.Facts {
		c.Facts[i].Name, c.Facts[i].Value = cut(c.Facts[i].Name, keptLine), cut(c.Facts[i].Value, keptLine)
	}
	more = max(more, 0) + max(len(c.Body)-keptBody, 0) + max(len(c.Requests)-keptRequests, 0)
	c.Body = first(c.Body, keptBody)
	for i := range c.Body {
		c.Body[i] = cut(c.Body[i], keptText)
	}
	c.Requests = first(c.Requests, keptRequests)
	for i := range c.Requests {
		c.Requests[i].Status, c.Requests[i].Code = cut(c.Requests[i].Status, keptLine), cut(c.Requests[i].Code, keptCode)
	}
	if more > 0 {
		c.Footer = strings.TrimSpace(c.Footer + " " + text.Say(text.ParseLang(c.Lang), "console.more", "n", more))
	}
	k.Card = &c
	return k
}

// first is a copy of the first few of a list.
func first[T any](list []T, most int) []T {
	return append([]T(nil), list[:min(len(list), most)]...)
}

// cut shortens a text to so many characters, visibly.
func cut(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
