package wecom

import (
	"strings"
	"unicode/utf8"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// factsOf are the facts that fit into the card's list of six with short names, and the others as lines. A name is never
// shortened: "Severity" cut to five characters reads as nothing.
func factsOf(c *bot.Card, lang text.Lang) (list []horizontal, over []string) {
	for _, f := range c.Facts {
		name, value := oneLine(f.Name), oneLine(f.Value)
		switch {
		case name == "" && value == "":
		case len(list) < maxFacts && name != "" && value != "" &&
			utf8.RuneCountInString(name) <= maxKeyName && utf8.RuneCountInString(value) <= maxValue:
			list = append(list, horizontal{name, value})
		default:
			over = append(over, text.Say(lang, "wecom.fact", "name", name, "value", value))
		}
	}
	return list, over
}

// subTitle are the lines below the title, most important first: what the title had to cut, the requests without a place of
// their own, the facts left over, the body, an output beside a request, the small print.
func subTitle(c *bot.Card, facts []string) []string {
	var lines []string
	add := func(s string) {
		if s = strings.TrimSpace(clean(s)); s != "" {
			lines = append(lines, s)
		}
	}
	if h := oneLine(c.Headline); utf8.RuneCountInString(h) > maxTitle {
		add(h)
	}
	if s := oneLine(c.Status); utf8.RuneCountInString(s) > maxDesc {
		add(s)
	}
	shown := pending(c)
	for i := range c.Requests {
		if &c.Requests[i] != shown {
			add(oneLine(c.Requests[i].Status))
		}
	}
	for _, f := range facts {
		add(f)
	}
	for _, b := range c.Body {
		add(b)
	}
	if shown != nil {
		add(c.Code)
	}
	add(c.Footer)
	return lines
}

// sourceWord is the grey line on top: "dogwatch · P1".
func sourceWord(c *bot.Card) string {
	if s := oneLine(c.Severity); s != "" {
		return "dogwatch · " + s
	}
	return "dogwatch"
}

// color is that of the line on top: green when it is over, red when it is loud, black otherwise.
func color(c *bot.Card) int {
	switch {
	case c.State == "resolved" || c.State == "succeeded":
		return 3
	case c.State == "failed" || c.State == "unknown" || c.Severity == "P0" || c.Severity == "P1":
		return 2
	}
	return 1
}

// stateWord is the word on the dead button of a card that is over.
func stateWord(c *bot.Card) string {
	lang := text.ParseLang(c.Lang)
	if w := text.Template(lang, "wecom.state_"+c.State); w != "" {
		return cut(w, maxLabel)
	}
	return text.Say(lang, "wecom.state_over")
}

// renderText is a card without its buttons as plain lines, for persons when WeCom has no card for it.
func renderText(c *bot.Card) string {
	lang := text.ParseLang(c.Lang)
	lines := []string{oneLine(c.Headline)}
	add := func(s string) {
		if s = strings.TrimSpace(clean(s)); s != "" {
			lines = append(lines, s)
		}
	}
	add(c.Status)
	for _, f := range c.Facts {
		if f.Name != "" || f.Value != "" {
			add(text.Say(lang, "wecom.fact", "name", oneLine(f.Name), "value", oneLine(f.Value)))
		}
	}
	for _, b := range c.Body {
		add(b)
	}
	for _, r := range c.Requests {
		add(oneLine(r.Status))
		add(r.Code)
	}
	add(c.Code)
	add(c.Footer)
	for i := range lines {
		lines[i] = inText(lines[i])
	}
	return inBytes.fit(lines, maxText, moreIn(lang))
}

// renderRobot is a card for a group: markdown without buttons. Mentions are vendor ids from the configuration and are left
// out unless they have the form of one.
func renderRobot(m bot.Message) string {
	c := m.Card
	lang := text.ParseLang(c.Lang)
	lines := []string{"**" + inMarkdown(oneLine(c.Headline)) + "**"}
	add := func(before, data, after string) {
		if s := inMarkdown(oneLine(data)); s != "" {
			lines = append(lines, before+s+after)
		}
	}
	add(`<font color="`+fontColor(c)+`">`, c.Status, "</font>")
	for _, f := range c.Facts {
		if f.Name != "" || f.Value != "" {
			add("> ", text.Say(lang, "wecom.fact", "name", f.Name, "value", f.Value), "")
		}
	}
	for _, b := range c.Body {
		add("", b, "")
	}
	for _, r := range c.Requests {
		add("> ", r.Status, "")
		add("> `", r.Code, "`")
	}
	add("`", c.Code, "`")
	add(`<font color="comment">`, c.Footer, "</font>")
	tail := robotTail(c, m.Mention)
	// The headline is cut before the lines are fitted, never in the middle of its marks.
	const room = 40 // bytes for those marks and for the "more" line
	lines[0] = "**" + cutBytes(strings.Trim(lines[0], "*"), maxMarkdown-len(tail)-room) + "**"
	return inBytes.fit(lines, maxMarkdown-len(tail), moreIn(lang)) + tail
}

// robotTail are the links and mentions, which must not be what is cut.
func robotTail(c *bot.Card, mention []string) string {
	var links []string
	for _, l := range c.Links {
		u := webLink(l.URL)
		name := strings.NewReplacer("[", "", "]", "", "(", "", ")", "").Replace(inMarkdown(cut(oneLine(l.Label), maxJump)))
		if u != "" && name != "" && len(links) < maxJumps && len(u) <= 512 {
			links = append(links, "["+name+"]("+u+")")
		}
	}
	tail := ""
	if len(links) > 0 {
		tail = "\n" + strings.Join(links, " · ")
	}
	var calls strings.Builder
	for _, id := range mentions(mention) {
		calls.WriteString("<@" + id + ">")
	}
	if calls.Len() > 0 {
		tail += "\n" + calls.String()
	}
	return tail
}

const maxMentions = 20

// mentions are the ids that are WeCom accounts, at most twenty; "all" is nobody's account.
func mentions(ids []string) []string {
	var ok []string
	for _, id := range ids {
		id = strings.TrimPrefix(id, "@")
		if userID.MatchString(id) && !strings.EqualFold(id, "all") && len(ok) < maxMentions {
			ok = append(ok, id)
		}
	}
	return ok
}

func fontColor(c *bot.Card) string {
	switch color(c) {
	case 2:
		return "warning"
	case 3:
		return "info"
	}
	return "comment"
}
