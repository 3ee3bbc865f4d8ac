package wecom

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"dogwatch/bot"
)

const (
	maxText     = 2048 // bytes of a text message; WeCom cuts the rest away
	maxMarkdown = 4096 // bytes of a robot's markdown
	maxDead     = 20   // characters on a dead button
)

// How long WeCom swallows the same request. A card names itself by its task id, so it may be the longest there is. A note
// has no name: the same words to the same person are taken for a repeat only for two minutes.
const (
	repeatCard = 4 * time.Hour
	repeatNote = 2 * time.Minute
)

// appMessage is the body of message/send. Its encoding is the same for the same message, since the duplicate check compares
// bytes.
type appMessage struct {
	To       string        `json:"touser"`
	Type     string        `json:"msgtype"`
	Agent    int64         `json:"agentid"`
	Text     *textPart     `json:"text,omitempty"`
	Card     *templateCard `json:"template_card,omitempty"`
	Check    int           `json:"enable_duplicate_check"`
	Interval int           `json:"duplicate_check_interval,omitempty"` // seconds
}

type textPart struct {
	Content string   `json:"content"`
	Mention []string `json:"mentioned_list,omitempty"`
}

type markdownPart struct {
	Content string `json:"content"`
}

type robotMessage struct {
	Type     string        `json:"msgtype"`
	Text     *textPart     `json:"text,omitempty"`
	Markdown *markdownPart `json:"markdown,omitempty"`
}

type updateMessage struct {
	Users  []string      `json:"userids"`
	Agent  int64         `json:"agentid"`
	Code   string        `json:"response_code"`
	Button *replaced     `json:"button,omitempty"`
	Card   *templateCard `json:"template_card,omitempty"`
}

type replaced struct {
	Name string `json:"replace_name"`
}

// Send puts a message to a person ("@alice") or a robot's group ("ops"). Threads do not exist and are ignored. A person's
// Ref carries the code that changes the card once; a robot's carries none. See the package for what a repeat does.
func (w *WeCom) Send(ctx context.Context, m bot.Message) (bot.Ref, error) {
	if !strings.HasPrefix(m.To.To, "@") {
		return w.sendRobot(ctx, m)
	}
	user := person(m.To.To)
	if user == "" {
		return bot.Ref{}, sendError(bot.Refused, codeAddress, "send %s: not a WeCom account", m.Key)
	}
	if w.tokens == nil {
		return bot.Ref{}, sendError(bot.Misconfigured, codeNoApp, "send %s: wecom has robots only, no application", m.Key)
	}
	var task string
	body := appMessage{To: user, Agent: w.cfg.AgentID, Check: 1, Interval: int(repeatNote / time.Second)}
	if m.Card == nil {
		body.Type, body.Text = "text", &textPart{Content: cutBytes(inText(clean(m.Text)), maxText)}
	} else if card, ok := renderCard(m.Card); ok {
		if task = taskID(m.Key, card); task == "" {
			return bot.Ref{}, sendError(bot.Refused, "encode", "send %s: the card cannot be encoded", m.Key)
		}
		card.TaskID = task
		body.Type, body.Card, body.Interval = "template_card", &card, int(repeatCard/time.Second)
	} else {
		body.Type, body.Text = "text", &textPart{Content: renderText(m.Card)}
	}
	a, err := w.post(ctx, user, body)
	if err != nil {
		return bot.Ref{}, err
	}
	return bot.Ref{Platform: Name, Channel: "@" + user, ID: a.MsgID, Code: a.ResponseCode, Task: task}, nil
}

// post sends an application message to one person. errcode 0 with the person among the invalid is a refusal.
func (w *WeCom) post(ctx context.Context, user string, m appMessage) (answer, error) {
	body, err := encode(m)
	if err != nil {
		return answer{}, sendError(bot.Refused, "encode", "%w", err)
	}
	a, err := w.appCall(ctx, pathSend, body)
	if err == nil && (a.InvalidUser.has(user) || a.Unlicensed.has(user)) {
		return answer{}, sendError(bot.Refused, codeInvalidUser, "send: the account is unknown, out of the application's scope or without a licence")
	}
	return a, err
}

func (w *WeCom) sendRobot(ctx context.Context, m bot.Message) (bot.Ref, error) {
	robot, ok := w.cfg.Robots[m.To.To]
	if !ok {
		return bot.Ref{}, sendError(bot.Misconfigured, codeNoRobot, "send %s: no robot has this name", m.Key)
	}
	body := robotMessage{Type: "text"}
	if m.Card == nil {
		body.Text = &textPart{Content: cutBytes(inText(clean(m.Text)), maxText), Mention: mentions(m.Mention)}
	} else {
		body.Type, body.Markdown = "markdown", &markdownPart{renderRobot(m)}
	}
	b, err := encode(body)
	if err != nil {
		return bot.Ref{}, sendError(bot.Refused, "encode", "%w", err)
	}
	if _, err := w.exchange(ctx, request{pathRobot, map[string]string{"key": robot.Key.Reveal()}, b}); err != nil {
		return bot.Ref{}, err
	}
	return bot.Ref{Platform: Name, Channel: m.To.To, ID: m.Key}, nil
}

// Edit changes the card at ref with ref.Code, which is used up by it: the Ref that comes back has none. Without a card the
// buttons become one dead button with m.Text. Gone: the message is a robot's, or the code is missing, used or too old.
func (w *WeCom) Edit(ctx context.Context, ref bot.Ref, m bot.Message) (bot.Ref, error) {
	user := person(ref.Channel)
	switch {
	case user == "":
		return bot.Ref{}, sendError(bot.Gone, codeRobot, "edit %s: a robot's message cannot be changed", m.Key)
	case ref.Code == "":
		return bot.Ref{}, sendError(bot.Gone, codeNoCode, "edit %s: no response code is left", m.Key)
	case w.tokens == nil:
		return bot.Ref{}, sendError(bot.Misconfigured, codeNoApp, "edit %s: wecom has robots only, no application", m.Key)
	}
	u := updateMessage{Users: []string{user}, Agent: w.cfg.AgentID, Code: ref.Code}
	if m.Card == nil {
		u.Button = &replaced{Name: cut(oneLine(m.Text), maxDead)}
	} else {
		card := renderUpdate(m.Card)
		u.Card = &card
	}
	body, err := encode(u)
	if err != nil {
		return bot.Ref{}, sendError(bot.Refused, "encode", "%w", err)
	}
	a, err := w.appCall(ctx, pathUpdate, body)
	if err != nil {
		return bot.Ref{}, err
	}
	if a.InvalidUser.has(user) {
		return bot.Ref{}, sendError(bot.Gone, codeInvalidUser, "edit %s: the account no longer has this message", m.Key)
	}
	ref.Code = ""
	return ref, nil
}

// Find says "not there" for a person as long as WeCom's duplicate check makes sending the same message again harmless: a
// repeat is swallowed and answered as the first was. WeCom can look nothing up, so for robots and for what was sent longer
// ago the answer is bot.ErrCannotFind.
func (w *WeCom) Find(_ context.Context, to bot.Address, _ string, since time.Time) (bot.Ref, bool, error) {
	if person(to.To) == "" || w.now().Sub(since) >= repeatCard {
		return bot.Ref{}, false, bot.ErrCannotFind
	}
	return bot.Ref{}, false, nil
}

// taskID makes a task id of a message's key and its card: readable, within WeCom's alphabet, the same for a repeat and
// different for everything else. The card is in it because a task id is taken once: should a card have changed before its
// lost message is sent again, that is another message to WeCom, and must not be refused for the name of the first.
func taskID(key string, card templateCard) string {
	card.TaskID = ""
	b, err := encode(card)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append([]byte(key+"\x00"), b...))
	readable := strings.Trim(notInTask.ReplaceAllString(key, "-"), "-")
	return readable[:min(len(readable), 80)] + "-" + hex.EncodeToString(sum[:12])
}
