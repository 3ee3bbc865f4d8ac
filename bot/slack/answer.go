package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	api "github.com/slack-go/slack"

	"dogwatch/bot"
)

// place is where an answer can go, so that only the person who acted sees it.
type place struct {
	responseURL string
	channel     string
	thread      string
	message     string // the pressed message; "" if none
	user        string
	trigger     string
	command     string // as typed, "/oncall"; "" for a press
}

// private is the body of an ephemeral answer, in an acknowledgement and to a response_url alike.
type private struct {
	ResponseType    string     `json:"response_type"`
	ReplaceOriginal bool       `json:"replace_original"`
	Text            string     `json:"text"`
	Blocks          api.Blocks `json:"blocks"`
}

func ephemeral(a bot.Answer) private {
	return private{ResponseType: "ephemeral", Text: answerText(a), Blocks: api.Blocks{BlockSet: answerBlocks(a)}}
}

func answerText(a bot.Answer) string {
	words := a.Text
	if words == "" {
		words = a.Code
	}
	return escape(cutEscaped(words, messageText, ""))
}

// answerCode is how many preformatted blocks an answer may have: a long list is split, then counted.
const answerCode = 4

// answerBlocks is an answer as blocks: sentences, preformatted text, choices.
func answerBlocks(a bot.Answer) []api.Block {
	p := &page{}
	if words := cut(a.Text, sectionText, ""); words != "" {
		p.section("say", plain(words))
	}
	parts := splitLines(clean(a.Code), sectionText-100)
	for i, part := range parts {
		if i == answerCode-1 {
			part = strings.Join(parts[i:], "")
		}
		p.code("code", part, sectionText)
		if i == answerCode-1 {
			break
		}
	}
	p.buttons("choose", a.Choices)
	p.left(len(a.Choices) - min(len(a.Choices), shownButtons))
	return p.blocks
}

// splitLines cuts text into parts of at most limit units, between lines where lines are short enough.
func splitLines(s string, limit int) []string {
	var parts []string
	part := ""
	for l := range strings.Lines(s) {
		if part != "" && units(part)+units(l) > limit {
			parts, part = append(parts, part), ""
		}
		part += l
	}
	if part != "" {
		parts = append(parts, part)
	}
	return parts
}

// tell says an answer to the one person: by the response_url, which works in every conversation; else ephemerally in the
// channel; else as a direct message, which always arrives.
func (s *Slack) tell(ctx context.Context, at place, a bot.Answer) {
	if a.Text == "" && a.Code == "" && len(a.Choices) == 0 {
		return
	}
	err := s.respond(ctx, at.responseURL, a)
	if err == nil {
		return
	}
	opts := []api.MsgOption{
		api.MsgOptionText(answerText(a), false), api.MsgOptionBlocks(answerBlocks(a)...), api.MsgOptionParse(false),
		api.MsgOptionDisableLinkUnfurl(), api.MsgOptionDisableMediaUnfurl(),
	}
	if publicPlace(at.channel) != "" {
		eph := opts
		if at.thread != "" {
			eph = append(eph[:len(eph):len(eph)], api.MsgOptionTS(at.thread))
		}
		if _, err2 := s.api.PostEphemeralContext(ctx, at.channel, at.user, eph...); err2 == nil {
			return
		}
	}
	if _, _, err3 := s.api.PostMessageContext(ctx, at.user, opts...); err3 != nil {
		s.env.Log.WarnContext(ctx, "slack answer not delivered", "user", at.user, "response_url", err, "direct", withoutAddress(err3))
	}
}

// errNoResponseURL is an answer's reason to take another way.
var errNoResponseURL = errors.New("response_url not usable")

// respond posts to a response_url. It came in a signed payload and is still only called on hosts that are Slack's or the
// configured gateway's: with a leaked secret it would otherwise reach into our network.
func (s *Slack) respond(ctx context.Context, address string, a bot.Answer) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || !s.hosts[u.Scheme+"://"+u.Host] {
		return errNoResponseURL
	}
	body, err := json.Marshal(ephemeral(a))
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return errNoResponseURL
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("post answer: %w", withoutAddress(err))
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil || resp.StatusCode != http.StatusOK || !accepted(said) {
		return fmt.Errorf("post answer: status %d: %w", resp.StatusCode, errNoResponseURL)
	}
	return nil
}

// accepted reads the two forms of a response_url's yes.
func accepted(body []byte) bool {
	if string(bytes.TrimSpace(body)) == "ok" {
		return true
	}
	var r struct {
		OK bool `json:"ok"`
	}
	return json.Unmarshal(body, &r) == nil && r.OK
}
