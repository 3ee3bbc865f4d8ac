package wecom

import (
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"dogwatch/bot"
)

const maxChoiceCards = 3 // of six buttons each

// spoken turns an answer into a text for the reply and messages for what a text cannot carry: choices become a private card
// with buttons.
func (w *WeCom) spoken(a bot.Answer, user, id string) (reply string, rest []appMessage) {
	if len(a.Choices) == 0 {
		return cutBytes(inText(answerText(a)), maxText), nil
	}
	head, body, _ := strings.Cut(clean(a.Text), "\n")
	for n := 0; n*maxButtons < len(a.Choices) && n < maxChoiceCards; n++ {
		card, ok := renderCard(&bot.Card{
			Headline: head, Body: []string{body},
			Buttons: a.Choices[n*maxButtons : min((n+1)*maxButtons, len(a.Choices))],
		})
		if ok {
			card.TaskID = taskID(fmt.Sprintf("answer/%s/%d", id, n), card)
			rest = append(rest, appMessage{
				To: user, Type: "template_card", Agent: w.cfg.AgentID, Card: &card,
				Check: 1, Interval: int(repeatCard / time.Second),
			})
		}
	}
	if a.Code != "" || utf8.RuneCountInString(a.Text) > maxSubTitle || len(rest) == 0 {
		reply = cutBytes(inText(answerText(a)), maxText) // more than the card can show
	}
	return reply, rest
}

// asMessage is a text as a message of its own. It goes without the duplicate check: two equal answers to two presses are two.
func (w *WeCom) asMessage(user, s string) []appMessage {
	if s == "" {
		return nil
	}
	return []appMessage{{To: user, Type: "text", Agent: w.cfg.AgentID, Text: &textPart{Content: s}}}
}

// answerText is an answer as plain lines: sentence, faults by field, the form as a line to type, the table.
func answerText(a bot.Answer) string {
	var lines []string
	add := func(s string) {
		if s = strings.Trim(clean(s), "\n "); s != "" {
			lines = append(lines, s)
		}
	}
	add(a.Text)
	names := make([]string, 0, len(a.Errors))
	for name := range a.Errors {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		add(name + ": " + a.Errors[name])
	}
	if a.Form != nil {
		addForm(a.Form, add)
	}
	add(a.Code)
	return strings.Join(lines, "\n")
}

// addForm says what a form asks for and, last, the line to type.
func addForm(f *bot.Form, add func(string)) {
	add(f.Title)
	add(f.Intro)
	for _, field := range f.Fields {
		s := field.Name
		if field.Label != "" && field.Label != field.Name {
			s += " — " + field.Label
		}
		if field.Hint != "" {
			s += " (" + field.Hint + ")"
		}
		options := make([]string, 0, len(field.Options))
		for _, o := range field.Options {
			options = append(options, o.Value)
		}
		if len(options) > 0 {
			s += ": " + strings.Join(options, " | ")
		}
		add("· " + s)
	}
	add(f.Command)
}
