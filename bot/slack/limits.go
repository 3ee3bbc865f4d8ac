package slack

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"dogwatch/internal/text"
)

// Slack's limits, in UTF-16 units: Slack does not say how it counts, and this is the larger number.
const (
	messageBlocks  = 50
	messageText    = 3900 // 4000 in chat.update, with a margin
	headerText     = 150
	sectionText    = 3000
	fieldText      = 2000
	sectionFields  = 10
	actionsInBlock = 25
	buttonText     = 75
	buttonValue    = 2000
	linkURL        = 3000
	confirmTitle   = 100
	confirmText    = 300
	confirmLabel   = 30
	modalTitle     = 24
	modalLabel     = 24
	modalMetadata  = 3000
	optionText     = 75
	optionValue    = 150
	selectOptions  = 100
	inputLabel     = 2000
	inputHint      = 2000
)

// units counts as Slack may count.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// clean makes foreign text printable: valid UTF-8, no control characters but newline and tab, and none of the marks that
// turn the reading direction, which can make a line read as its opposite.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20, r >= 0x7f && r <= 0x9f, r == 0xfeff,
			r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// line is clean text on one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// escape keeps text from becoming a mention, a link or a special command in Slack's markup.
func escape(s string) string { return escaper.Replace(s) }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escapedUnits is how long a character is once escaped.
func escapedUnits(r rune) int {
	switch r {
	case '&':
		return 5
	case '<', '>':
		return 4
	}
	return utf16.RuneLen(r)
}

// cut shortens text to limit units and says by how much: "… +120 more". Whole characters are kept.
func cut(s string, limit int, lang string) string { return shorten(s, limit, lang, utf16.RuneLen) }

// cutEscaped shortens text so that it is within limit once escaped.
func cutEscaped(s string, limit int, lang string) string {
	return shorten(s, limit, lang, escapedUnits)
}

func shorten(s string, limit int, lang string, size func(rune) int) string {
	s = strings.TrimSpace(clean(s))
	total := 0
	for _, r := range s {
		total += size(r)
	}
	if total <= limit {
		return s
	}
	// The mark is made for the largest number it could carry, so that it fits whatever is left out.
	room := limit - units(more(lang, utf8.RuneCountInString(s))) - 2
	if room < 1 {
		return prefix(s, limit, size)
	}
	kept := prefix(s, room, size)
	return strings.TrimSpace(kept) + "… " + more(lang, utf8.RuneCountInString(s)-utf8.RuneCountInString(kept))
}

// prefix is the longest beginning of s within limit.
func prefix(s string, limit int, size func(rune) int) string {
	used := 0
	for i, r := range s {
		if used += size(r); used > limit {
			return s[:i]
		}
	}
	return s
}

// more is "+N more" in the card's language.
func more(lang string, n int) string { return text.Say(text.ParseLang(lang), "slack.more", "n", n) }
