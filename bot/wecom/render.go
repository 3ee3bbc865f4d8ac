package wecom

import (
	"unicode/utf8"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// The limits of a template card, in characters (字). WeCom counts loosely and cuts; we count strictly and cut first, so
// that what is left out is marked.
const (
	maxSource   = 20
	maxTitle    = 36
	maxDesc     = 44
	maxSubTitle = 160
	maxKeyName  = 5
	maxValue    = 30
	maxFacts    = 6
	maxButtons  = 6
	maxLabel    = 10
	maxJumps    = 3
	maxJump     = 18
	maxQuote    = 400  // no limit is published
	maxKey      = 1024 // bytes
)

// Types of card.
const (
	typeButtons = "button_interaction"
	typeNotice  = "text_notice"
)

// templateCard is the vendor's form, as message/send and update_template_card take it.
type templateCard struct {
	CardType    string       `json:"card_type"`
	Source      *source      `json:"source,omitempty"`
	MainTitle   title        `json:"main_title"`
	Quote       *quote       `json:"quote_area,omitempty"`
	SubTitle    string       `json:"sub_title_text,omitempty"`
	Facts       []horizontal `json:"horizontal_content_list,omitempty"`
	Jumps       []jump       `json:"jump_list,omitempty"`
	Action      *jump        `json:"card_action,omitempty"`
	TaskID      string       `json:"task_id,omitempty"`
	Buttons     []button     `json:"button_list,omitempty"`
	ReplaceText string       `json:"replace_text,omitempty"`
}

type source struct {
	Desc  string `json:"desc"`
	Color int    `json:"desc_color"` // 0 grey, 1 black, 2 red, 3 green
}

type title struct {
	Title string `json:"title"`
	Desc  string `json:"desc,omitempty"`
}

type quote struct {
	Type  int    `json:"type"`
	Title string `json:"title,omitempty"`
	Text  string `json:"quote_text,omitempty"`
}

type horizontal struct {
	Name  string `json:"keyname"`
	Value string `json:"value"`
}

type jump struct {
	Type  int    `json:"type"` // 1: a link
	Title string `json:"title,omitempty"`
	URL   string `json:"url"`
}

type button struct {
	Text  string `json:"text"`
	Style int    `json:"style"`
	Key   string `json:"key"`
}

// renderCard is a card for one person. ok is false if WeCom has no card for it: without buttons a card must lead
// somewhere, so one with neither buttons nor links is sent as text.
func renderCard(c *bot.Card) (t templateCard, ok bool) {
	buttons, left := buttonsOf(c)
	t = content(c, left)
	switch {
	case len(buttons) > 0:
		t.CardType, t.Buttons, t.Jumps = typeButtons, buttons, nil
	case t.Action != nil:
		t.CardType = typeNotice
	default:
		return templateCard{}, false
	}
	return t, true
}

// renderUpdate is a card in the place of a sent one with buttons. It has the same type, since a change of type leaves the
// old buttons alive; a card on which nothing can be pressed any more keeps one dead button that names the state.
func renderUpdate(c *bot.Card) templateCard {
	buttons, left := buttonsOf(c)
	t := content(c, left)
	t.CardType, t.Buttons, t.Jumps = typeButtons, buttons, nil
	if len(buttons) == 0 {
		word := stateWord(c)
		t.Buttons = []button{{Text: word, Style: styles[bot.Plain], Key: "none"}}
		t.ReplaceText = word
	}
	return t
}

// content is all of a card but its type, task and buttons; left is the number of buttons that found no place.
func content(c *bot.Card, left int) templateCard {
	lang := text.ParseLang(c.Lang)
	t := templateCard{
		Source:    &source{Desc: cut(sourceWord(c), maxSource), Color: color(c)},
		MainTitle: title{Title: cut(oneLine(c.Headline), maxTitle), Desc: cut(oneLine(c.Status), maxDesc)},
		Quote:     quoteOf(c),
	}
	if t.MainTitle.Title == "" {
		t.MainTitle.Title = sourceWord(c)
	}
	var over []string
	t.Facts, over = factsOf(c, lang)
	if lines := subTitle(c, over); len(lines) > 0 || left > 0 {
		if left > 0 {
			lines = append(lines, text.Say(lang, "wecom.more_buttons", "n", left))
		}
		t.SubTitle = inChars.fit(lines, maxSubTitle, moreIn(lang))
	}
	for _, l := range c.Links {
		u := webLink(l.URL)
		switch {
		case u == "":
		case t.Action == nil:
			t.Action = &jump{Type: 1, URL: u}
		case len(t.Jumps) < maxJumps && oneLine(l.Label) != "":
			t.Jumps = append(t.Jumps, jump{Type: 1, Title: cut(oneLine(l.Label), maxJump), URL: u})
		}
	}
	return t
}

func moreIn(lang text.Lang) func(int) string {
	return func(n int) string { return text.Say(lang, "wecom.more", "n", n) }
}

// styles are the vendor's numbers: 1 blue, 2 light, 3 red.
var styles = map[bot.Style]int{bot.Plain: 2, bot.Primary: 1, bot.Danger: 3}

// buttonsOf are the buttons that find a place, and how many do not. A request that waits comes first. Only one request has
// its buttons here: "Approve" twice on one card would not say which.
func buttonsOf(c *bot.Card) (shown []button, left int) {
	lang := text.ParseLang(c.Lang)
	var all []bot.Button
	if p := pending(c); p != nil {
		all = append(all, p.Buttons...)
	}
	all = append(all, c.Buttons...)
	keys := map[string]bool{}
	for _, b := range all {
		if b.Value == "" || len(b.Value) > maxKey || clean(b.Value) != b.Value || keys[b.Value] {
			continue // WeCom refuses a card with an empty, over-long or repeated key
		}
		keys[b.Value] = true
		if len(shown) == maxButtons {
			left++
			continue
		}
		shown = append(shown, button{Text: label(b, lang), Style: styles[b.Style], Key: b.Value})
	}
	return shown, left
}

// label is the button's own if it is short enough, else our short word for the verb, else the label cut.
func label(b bot.Button, lang text.Lang) string {
	l := oneLine(b.Label)
	if short := text.Template(lang, "wecom.verb_"+b.Verb); short != "" && (l == "" || utf8.RuneCountInString(l) > maxLabel) {
		return short
	}
	if l == "" {
		l = "?"
	}
	return cut(l, maxLabel)
}

// pending is the first request that can be decided; nil if there is none.
func pending(c *bot.Card) *bot.RequestPart {
	for i := range c.Requests {
		if len(c.Requests[i].Buttons) > 0 {
			return &c.Requests[i]
		}
	}
	return nil
}

// quoteOf is the box with what will run: that of the request which waits, else the card's own.
func quoteOf(c *bot.Card) *quote {
	if p := pending(c); p != nil {
		return &quote{Title: cut(oneLine(p.Status), maxTitle), Text: cut(clean(p.Code), maxQuote)}
	}
	if code := clean(c.Code); code != "" {
		return &quote{Text: cut(code, maxQuote)}
	}
	return nil
}
