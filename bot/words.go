package bot

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rule is one verb of the grammar: how people write it in both languages, and what follows it.
type rule struct {
	verb  string   // as in rights.go
	help  string   // key of its usage, "help_…"
	words []string // all ways to write it; the first is the English one, the second the Chinese
	parts []part
}

// part is what a verb expects next.
type part int

const (
	partNumber   part = iota // an incident: 42, #42
	partPerson               // @alice, <@U123>, a name
	partDuration             // 30m
	partSeverity             // P1
	partWord                 // one word: a schedule, an action, a request's id
	partOptWord              // one word, or nothing
	partParams               // k=v …, then perhaps "for N"
	partText                 // the rest, at least one character
	partOptText              // the rest, perhaps nothing
	partTimes                // FROM TO
)

// grammar is the one grammar of all platforms (contract, section 5).
var grammar = []rule{
	{"who", "who", []string{"who", "值班", "oncall"}, []part{partOptWord}},
	{"list", "list", []string{"list", "列表", "ls"}, nil},
	{"show", "show", []string{"show", "查看"}, []part{partNumber}},
	{"acknowledge", "ack", []string{"ack", "认领", "acknowledge"}, []part{partNumber}},
	{"resolve", "resolve", []string{"resolve", "解决"}, []part{partNumber, partOptText}},
	{"reopen", "reopen", []string{"reopen", "重开"}, []part{partNumber, partOptText}},
	{"assign", "assign", []string{"assign", "分派"}, []part{partNumber, partPerson}},
	{"escalate", "escalate", []string{"escalate", "升级"}, []part{partNumber}},
	{"snooze", "snooze", []string{"snooze", "稍后"}, []part{partNumber, partDuration}},
	{"note", "note", []string{"note", "备注"}, []part{partNumber, partText}},
	{"page", "page", []string{"page", "呼叫"}, []part{partPerson, partText}},
	{"declare", "declare", []string{"declare", "建单"}, []part{partSeverity, partText}},
	{"run", "run", []string{"run", "执行"}, []part{partWord, partParams}},
	{"approve", "approve", []string{"approve", "批准"}, []part{partWord}},
	{"reject", "reject", []string{"reject", "拒绝"}, []part{partWord, partOptText}},
	{"override", "override", []string{"override", "代班"}, []part{partWord, partPerson, partTimes}},
	{"help", "help", []string{"help", "帮助", "?"}, nil},
}

// words finds the rule of a word.
type words struct {
	rules  []rule
	byWord map[string]*rule
}

// newWords refuses a grammar in which one word means two things, or a verb nobody would have the right to.
func newWords(rules []rule) (*words, error) {
	w := &words{rules: rules, byWord: map[string]*rule{}}
	for i := range rules {
		r := &rules[i]
		if _, known := needed[r.verb]; !known {
			return nil, fmt.Errorf("read grammar: nobody may %s", r.verb)
		}
		for _, word := range r.words {
			if other := w.byWord[word]; other != nil {
				return nil, fmt.Errorf("read grammar: %q is both %s and %s", word, other.verb, r.verb)
			}
			w.byWord[word] = r
		}
	}
	return w, nil
}

// find reads the verb that a line begins with and returns what follows. A Chinese verb may stand without a space before what
// follows: 认领42.
func (w *words) find(line string) (r *rule, word, rest string) {
	word, rest = cutWord(line)
	word = strings.ToLower(strings.TrimPrefix(narrow(word), "/"))
	if r := w.byWord[word]; r != nil {
		return r, word, rest
	}
	for known, r := range w.byWord {
		after, ok := strings.CutPrefix(word, known)
		first, _ := utf8.DecodeRuneInString(known)
		next, _ := utf8.DecodeRuneInString(after)
		if ok && unicode.Is(unicode.Han, first) && (unicode.IsDigit(next) || next == '#' || next == '@' || next == '<') {
			whole, _ := cutWord(line)
			return r, known, strings.TrimSpace(strings.TrimPrefix(narrow(whole), known) + " " + rest)
		}
	}
	return nil, word, rest
}

// nearest is the word of the grammar most like one that is not in it; "" if none is near.
func (w *words) nearest(word string) string {
	best, at := "", 3
	for _, r := range w.rules {
		for _, known := range r.words[:2] {
			limit := 2
			if n := utf8.RuneCountInString(known); n <= 3 {
				limit = 1
			}
			if d := distance([]rune(word), []rune(known)); d <= limit && d < at {
				best, at = known, d
			}
		}
	}
	return best
}

// distance is the number of letters to insert, remove, replace or swap with a neighbour that turns a into b.
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

// narrow turns full-width letters, digits and signs into their plain forms, as Chinese input methods write them.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '\u3000':
			return ' '
		}
		return r
	}, s)
}

// cutWord takes the first word off a line; spaces of any width separate.
func cutWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	if at := strings.IndexFunc(s, unicode.IsSpace); at >= 0 {
		return s[:at], strings.TrimSpace(s[at:])
	}
	return s, ""
}

// wordEnds says that nothing, or a space, follows.
func wordEnds(rest string) bool {
	first, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || unicode.IsSpace(first)
}

func joinWords(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, ", ")
}
