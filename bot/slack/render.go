package slack

import (
	"fmt"
	"net/url"
	"strings"

	api "github.com/slack-go/slack"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// How much of a card is shown. Together they stay below Slack's fifty blocks; TestRenderStaysWithinLimits holds that.
const (
	shownFacts    = 20
	shownBody     = 4
	shownRequests = 8
	shownButtons  = 2 * actionsInBlock
	shownLinks    = 10
	headlineName  = 60
)

// renderCard is a card as Block Kit: what is read first stands first. It is pure.
func renderCard(c bot.Card, mention []string) []api.Block {
	p := &page{version: c.Version, lang: c.Lang}
	p.header(headline(c))
	p.status(stateIcon(c.State), c.Status, mentions(mention))
	p.facts(c.Facts)
	p.body(c.Body)
	p.code("code", c.Code, sectionText)
	p.buttons("act", c.Buttons)
	p.requests(c.Requests)
	p.links(c.Links)
	p.small("foot", c.Footer)
	return p.blocks
}

// headline says the severity by icon and word.
func headline(c bot.Card) string {
	words := line(c.Headline)
	if c.Severity != "" && !strings.Contains(words, c.Severity) {
		words = c.Severity + " · " + words
	}
	icon := severityIcons[c.Severity]
	if c.State == "resolved" {
		icon = stateIcon(c.State)
	}
	return strings.TrimSpace(icon + " " + words)
}

var severityIcons = map[string]string{"P0": "🚨", "P1": "🔴", "P2": "🟠", "P3": "🟡", "P4": "🔵", "P5": "⚪"}

var stateIcons = map[string]string{
	"triggered": "🔔", "acknowledged": "👀", "resolved": "✅",
	"pending": "⏳", "approved": "👍", "ready": "👍", "starting": "⚙️", "running": "⚙️", "succeeded": "✅", "failed": "❌",
	"rejected": "🚫", "cancelled": "🚫", "expired": "⌛", "interrupted": "⚠️", "unknown": "❓",
}

func stateIcon(state string) string { return stateIcons[state] }

// page collects blocks. Every block id carries the card's version: a press on an older rendering shows it.
type page struct {
	version int64
	lang    string
	blocks  []api.Block
}

func (p *page) id(part string) string {
	return fmt.Sprintf("dw.v%d.%s.%d", p.version, part, len(p.blocks))
}

func (p *page) add(b api.Block) { p.blocks = append(p.blocks, b) }

func (p *page) header(words string) {
	if words = cut(words, headerText, p.lang); words != "" {
		p.add(api.NewHeaderBlock(plain(words), api.HeaderBlockOptionBlockID(p.id("head"))))
	}
}

// status is the second line, and who is called by name.
func (p *page) status(icon, words, who string) {
	words = escape(cutEscaped(words, sectionText-units(who)-units(icon)-2, p.lang))
	if words != "" {
		words = strings.TrimSpace(icon + " " + words)
	}
	if words = strings.TrimSpace(words + " " + who); words != "" {
		p.section("status", markup(words))
	}
}

func (p *page) section(part string, t *api.TextBlockObject) {
	p.add(api.NewSectionBlock(t, nil, nil, api.SectionBlockOptionBlockID(p.id(part))))
}

// facts are two columns. Name and value share a field, separated by a space alone, so that a line copied or searched
// reads as it stands.
func (p *page) facts(facts []bot.Fact) {
	shown := facts[:min(len(facts), shownFacts)]
	var fields []*api.TextBlockObject
	for _, f := range shown {
		name := escape(cutEscaped(line(f.Name), headlineName, p.lang))
		value := escape(cutEscaped(f.Value, fieldText-headlineName-10, p.lang))
		if name != "" && value != "" {
			fields = append(fields, markup("_"+name+"_ "+value))
		}
	}
	for len(fields) > 0 {
		n := min(len(fields), sectionFields)
		p.add(api.NewSectionBlock(nil, fields[:n], nil, api.SectionBlockOptionBlockID(p.id("fact"))))
		fields = fields[n:]
	}
	p.left(len(facts) - len(shown))
}

func (p *page) body(paragraphs []string) {
	shown := paragraphs[:min(len(paragraphs), shownBody)]
	for _, s := range shown {
		if s = cut(s, sectionText, p.lang); s != "" {
			p.section("body", plain(s))
		}
	}
	p.left(len(paragraphs) - len(shown))
}

// code is preformatted as an element of its own, which no content can break out of.
func (p *page) code(part, s string, limit int) {
	if s = cut(s, limit, p.lang); s == "" {
		return
	}
	p.add(api.NewRichTextBlock(p.id(part), &api.RichTextPreformatted{
		Type:     api.RTEPreformatted,
		Elements: []api.RichTextSectionElement{api.NewRichTextSectionTextElement(s, nil)},
	}))
}

func (p *page) requests(requests []bot.RequestPart) {
	shown := requests[:min(len(requests), shownRequests)]
	for i, r := range shown {
		if r.Status != "" {
			words := strings.TrimSpace(stateIcon(r.State) + " " + r.Status)
			p.section(fmt.Sprintf("req%d", i), plain(cut(words, sectionText, p.lang)))
		}
		p.code(fmt.Sprintf("req%d.code", i), r.Code, sectionText/2)
		p.buttons(fmt.Sprintf("req%d.act", i), r.Buttons[:min(len(r.Buttons), actionsInBlock)])
	}
	p.left(len(requests) - len(shown))
}

// buttons stand in blocks of at most twenty-five. One without a label or with a value that would have to be cut is left
// out: half a value fits nothing.
func (p *page) buttons(part string, buttons []bot.Button) {
	var elements []api.BlockElement
	for i, b := range buttons[:min(len(buttons), shownButtons)] {
		label := cut(line(b.Label), buttonText, p.lang)
		if label == "" || b.Value == "" || units(b.Value) > buttonValue {
			continue
		}
		e := api.NewButtonBlockElement(actionID(b.Verb, i), b.Value, plain(label))
		if b.Style == bot.Primary || b.Style == bot.Danger {
			e.Style = api.Style(b.Style)
		}
		e.Confirm = p.confirm(b)
		elements = append(elements, e)
	}
	for len(elements) > 0 {
		n := min(len(elements), actionsInBlock)
		p.add(api.NewActionBlock(p.id(part), elements[:n]...))
		elements = elements[n:]
	}
}

func (p *page) confirm(b bot.Button) *api.ConfirmationBlockObject {
	words := cut(b.Confirm, confirmText, p.lang)
	if words == "" {
		return nil
	}
	lang := text.ParseLang(p.lang)
	title := text.Say(lang, "slack.confirm_title")
	return api.NewConfirmationBlockObject(plain(cut(title, confirmTitle, p.lang)), plain(words),
		plain(cut(line(b.Label), confirmLabel, p.lang)), plain(text.Say(lang, "slack.cancel")))
}

// actionID is a button's verb and place; unique in its block. What a press means is in the value alone.
func actionID(verb string, i int) string { return fmt.Sprintf("%s.%d", cut(line(verb), 200, ""), i) }

// links are shown with their host, so that nobody is led somewhere else by a label.
func (p *page) links(links []bot.Link) {
	var words []string
	used := 0
	for _, l := range links[:min(len(links), shownLinks)] {
		s := link(l)
		if s == "" || used+units(s)+3 > sectionText {
			continue
		}
		used += units(s) + 3
		words = append(words, s)
	}
	if len(words) > 0 {
		p.section("link", markup(strings.Join(words, " · ")))
	}
}

// link is "" for anything but http and https.
func link(l bot.Link) string {
	u, err := url.Parse(strings.TrimSpace(l.URL))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return ""
	}
	target := linkTarget.Replace(u.String())
	host := escape(linkLabel.Replace(line(u.Host)))
	label := escape(linkLabel.Replace(cut(line(l.Label), buttonText, "")))
	if units(target) > linkURL/2 || strings.ContainsAny(target, " \n\t") {
		return ""
	}
	if label == "" {
		return "<" + target + "|" + host + ">"
	}
	return "<" + target + "|" + label + " (" + host + ")>"
}

var (
	linkTarget = strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C")
	linkLabel  = strings.NewReplacer("|", "/")
)

func (p *page) small(part, words string) {
	if words = cut(words, sectionText, p.lang); words != "" {
		p.add(api.NewContextBlock(p.id(part), plain(words)))
	}
}

// left says how many items are not shown.
func (p *page) left(n int) {
	if n > 0 {
		p.small("more", more(p.lang, n))
	}
}

// mentions are the vendor's ids as calls by name. What is no id is left out: it would be shown as text to everybody.
func mentions(ids []string) string {
	var words []string
	for _, id := range ids[:min(len(ids), 20)] {
		switch {
		case isID(id, "UW"):
			words = append(words, "<@"+id+">")
		case isID(id, "S"):
			words = append(words, "<!subteam^"+id+">")
		}
	}
	return strings.Join(words, " ")
}

// plain is text in which Slack looks for nothing, not even :emoji: names.
func plain(s string) *api.TextBlockObject {
	return api.NewTextBlockObject(api.PlainTextType, s, false, false)
}

// markup is text in Slack's markup whose foreign parts are escaped; verbatim stops Slack from finding links and names.
func markup(s string) *api.TextBlockObject {
	return api.NewTextBlockObject(api.MarkdownType, s, false, true)
}
