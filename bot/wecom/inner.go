package wecom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"dogwatch/bot"
)

// outer is the envelope as it comes over the wire.
type outer struct {
	XMLName   xml.Name `xml:"xml"`
	Encrypted string   `xml:"Encrypt"`
}

// inner is a decrypted message or event; only what is used is read.
type inner struct {
	XMLName      xml.Name `xml:"xml"`
	To           string   `xml:"ToUserName"` // the company
	From         string   `xml:"FromUserName"`
	Created      int64    `xml:"CreateTime"`
	Type         string   `xml:"MsgType"`
	Content      string   `xml:"Content"`
	MsgID        string   `xml:"MsgId"` // 64 bits; never a number here
	Agent        string   `xml:"AgentID"`
	Event        string   `xml:"Event"`
	Key          string   `xml:"EventKey"`
	Task         string   `xml:"TaskId"`
	ResponseCode string   `xml:"ResponseCode"`
	Selected     []struct {
		Question string   `xml:"QuestionKey"`
		Options  []string `xml:"OptionIds>OptionId"`
	} `xml:"SelectedItems>SelectedItem"`
}

var errXML = errors.New("not one plain XML element")

// parseXML reads one <xml> element into v. Declarations of types and entities are refused before anything is decoded;
// there is nothing in WeCom's messages that needs them.
func parseXML(body []byte, v any) error {
	check := xml.NewDecoder(bytes.NewReader(body))
	depth, roots := 0, 0
	for {
		token, err := check.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errXML
		}
		switch token.(type) {
		case xml.Directive:
			return errXML
		case xml.StartElement:
			if depth++; depth > 8 {
				return errXML
			}
			if depth == 1 {
				roots++
			}
		case xml.EndElement:
			depth--
		}
	}
	if roots != 1 || xml.Unmarshal(body, v) != nil {
		return errXML
	}
	return nil
}

// id is the same for repeated deliveries and different for different ones. WeCom's advice is the message id for messages and
// person and time for events; a press adds its card, its button and its own response code, since two presses may fall into
// one second.
func (m *inner) id() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		m.To, m.Agent, m.From, strconv.FormatInt(m.Created, 10), m.Type, m.MsgID, m.Event, m.Task, m.Key, m.ResponseCode,
	}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (m *inner) isPress() bool {
	return m.Type == "event" && (m.Event == "template_card_event" || m.Event == "template_card_menu_event") &&
		m.Key != "" && m.From != ""
}

// line is what the person said: a text, or the key of a menu button ("ONCALL_WHO" is "who"). "" is nothing to answer.
func (m *inner) line() string {
	switch {
	case m.Type == "text":
		return command(m.Content)
	case m.Type == "event" && m.Event == "click":
		return command(strings.ToLower(strings.NewReplacer("_", " ", ":", " ").Replace(m.Key)))
	}
	return ""
}

func (m *inner) account() bot.Account {
	return bot.Account{Platform: Name, Team: m.To, User: m.From}
}

func (m *inner) press(id string) bot.Press {
	p := bot.Press{
		Account: m.account(), ID: id, Value: m.Key,
		At: bot.Ref{Platform: Name, Channel: "@" + m.From, Code: m.ResponseCode, Task: m.Task},
	}
	for _, s := range m.Selected {
		if p.Fields == nil {
			p.Fields = map[string]string{}
		}
		p.Fields[s.Question] = strings.Join(s.Options, ",")
	}
	return p
}

// command takes the widths of a Chinese keyboard out of a line ("／", "　", "＠") and the prefix "/oncall" off it.
func command(s string) string {
	s = strings.NewReplacer("／", "/", "　", " ", "\u00a0", " ", "＠", "@").Replace(clean(s))
	s = strings.TrimSpace(s)
	first, rest, _ := strings.Cut(strings.ReplaceAll(s, "\n", " \n"), " ")
	if strings.EqualFold(first, "/oncall") || strings.EqualFold(first, "oncall") {
		s = strings.TrimSpace(strings.ReplaceAll(rest, " \n", "\n"))
		if s == "" {
			return "help"
		}
	}
	return s
}
