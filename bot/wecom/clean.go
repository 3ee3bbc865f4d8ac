package wecom

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

var looksEscaped = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// clean takes out what a message must not carry: broken UTF-8, control characters (encoding/json would write them as \u,
// which WeCom refuses), the marks that turn the direction of writing. Line and paragraph separators become newlines. A text
// that itself reads like such an escape gets a wide backslash, since WeCom looks for the letters and not for their meaning.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r == '\u2028', r == '\u2029':
			return '\n'
		case r < ' ', r >= 0x7f && r <= 0x9f, r == '\ufeff', r == '\u061c', r == '\u200e', r == '\u200f',
			r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return looksEscaped.ReplaceAllString(s, "＼u$1")
}

// oneLine is clean with newlines and runs of blanks as single blanks.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// cut shortens to at most n characters (字), the last of them "…" if something was left out.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:n-1]), " \n") + "…"
}

// cutBytes shortens to at most n bytes on the border of a character, ending with "…" if something was left out.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	end := n - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimRight(s[:end], " \n") + "…"
}

// measure is a way of counting, with the way of cutting that belongs to it.
type measure struct {
	size func(string) int
	cut  func(string, int) string
}

var (
	inChars = measure{utf8.RuneCountInString, cut}
	inBytes = measure{func(s string) int { return len(s) }, cutBytes}
)

// readable is how much of a line must be left for it to be worth showing.
const readable = 20

// fit joins as many lines as fit and ends with more(how many are not shown). The last one shown may be shortened.
func (m measure) fit(lines []string, limit int, more func(n int) string) string {
	if whole := strings.Join(lines, "\n"); m.size(whole) <= limit {
		return whole
	}
	for kept := len(lines); kept > 0; kept-- {
		before, tail := "", ""
		if kept > 1 {
			before = strings.Join(lines[:kept-1], "\n") + "\n"
		}
		if kept < len(lines) {
			tail = "\n" + more(len(lines)-kept)
		}
		room := limit - m.size(before) - m.size(tail)
		if last := lines[kept-1]; kept == 1 || room >= min(readable, m.size(last)) {
			return before + m.cut(last, room) + tail
		}
	}
	return ""
}

var everybody = regexp.MustCompile(`(?i)@(all)\b`)

// inMarkdown makes data harmless in a robot's markdown: it opens no tag, mentions nobody, makes no link and no code.
func inMarkdown(s string) string {
	s = strings.NewReplacer("<", "＜", ">", "＞", "](", "] (", "`", "'").Replace(s)
	return everybody.ReplaceAllString(s, "＠$1")
}

var opensTag = regexp.MustCompile(`<([A-Za-z/!@?])`)

// inText makes data harmless in a text message, where WeCom renders <a href>.
func inText(s string) string {
	return everybody.ReplaceAllString(opensTag.ReplaceAllString(s, "＜$1"), "＠$1")
}

// webLink is the address if it is http or https with a host and at most 2048 bytes, written so that it ends no markdown
// link; "" otherwise.
func webLink(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return ""
	}
	out := strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "|", "%7C", "\"", "%22", "'", "%27").Replace(u.String())
	if len(out) > 2048 || clean(out) != out || strings.ContainsAny(out, " \n") {
		return ""
	}
	return out
}
