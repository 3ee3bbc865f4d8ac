package bot

import (
	"fmt"
	"strings"

	"dogwatch/incidents"
	"dogwatch/schedules"
)

// Command is a line of words, understood. Only what its verb expects is set.
type Command struct {
	Verb     string
	Incident string // a number, as written without "#"
	Person   string // a person's id
	Word     string // the schedule, action or request
	Params   map[string]string
	Severity string
	Duration string
	Text     string // as written: full-width signs stay
	From, To string
}

// WordsError says what in a line is not understood. Word is what was read, Usage the key of the verb's usage ("help_ack").
type WordsError struct {
	Key     string // of the sentence: "unknown_word", "error_words" …
	Word    string
	Nearest string
	Usage   string
}

func (e *WordsError) Error() string { return fmt.Sprintf("read words: %s %q", e.Key, e.Word) }

// parser reads lines. It is pure: the same line and people give the same command.
type parser struct {
	words    *words
	people   *schedules.Directory
	platform string
}

// parse reads a line. An empty one asks for help. The error is a *WordsError or says which person is meant by nobody or by several.
func (p parser) parse(line string) (Command, error) {
	line = strings.TrimSpace(strings.ToValidUTF8(line, "\uFFFD"))
	line = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "/oncall"), "／oncall"))
	if line == "" {
		return Command{Verb: "help"}, nil
	}
	r, word, rest := p.words.find(line)
	if r == nil {
		return Command{}, &WordsError{Key: "unknown_word", Word: cut(word, 40), Nearest: p.words.nearest(word)}
	}
	c := Command{Verb: r.verb}
	for _, part := range r.parts {
		var err error
		if rest, err = p.part(&c, part, rest, "help_"+r.help); err != nil {
			return Command{}, err
		}
	}
	return c, nil
}

// part reads one part of a command and returns what follows it.
func (p parser) part(c *Command, what part, rest, usage string) (string, error) {
	fault := func(key, word string) (string, error) {
		return "", &WordsError{Key: key, Word: cut(word, 40), Usage: usage}
	}
	if rest == "" && what != partOptWord && what != partOptText && what != partParams {
		return fault("error_words", "")
	}
	word, after := cutWord(rest)
	plain := narrow(word)
	switch what {
	case partNumber:
		n, ok := incidentNumber(plain)
		if !ok {
			return fault("error_number", word)
		}
		c.Incident = n
	case partPerson:
		who, left, err := findPerson(p.people, p.platform, rest)
		if err != nil {
			return "", err
		}
		c.Person, after = who.ID, left
	case partDuration:
		c.Duration = strings.ToLower(plain)
	case partSeverity:
		c.Severity = strings.ToUpper(plain)
		if !isSeverity(c.Severity) {
			return fault("error_severity", word)
		}
	case partWord, partOptWord:
		c.Word = plain
	case partParams:
		return p.params(c, rest, usage)
	case partText, partOptText:
		c.Text, after = rest, ""
	case partTimes:
		to, left := cutWord(after)
		if to == "" {
			return fault("error_words", "")
		}
		c.From, c.To, after = plain, narrow(to), left
	}
	return after, nil
}

// params reads "k=v k2='two words' for 42".
func (p parser) params(c *Command, rest, usage string) (string, error) {
	c.Params = map[string]string{}
	for rest != "" {
		word, after := cutWord(rest)
		if plain := strings.ToLower(narrow(word)); (plain == "for" || plain == "针对") && after != "" {
			number, left := cutWord(after)
			n, ok := incidentNumber(narrow(number))
			if !ok {
				return "", &WordsError{Key: "error_number", Word: cut(number, 40), Usage: usage}
			}
			c.Incident, rest = n, left
			continue
		}
		key, value, ok := strings.Cut(strings.Replace(word, "＝", "=", 1), "=")
		if !ok || key == "" {
			return "", &WordsError{Key: "error_param", Word: cut(word, 40), Usage: usage}
		}
		if quote := strings.IndexAny(value, `"'`); quote == 0 {
			whole := rest[strings.Index(rest, value):]
			if end := strings.IndexByte(whole[1:], value[0]); end >= 0 {
				value, after = whole[1:1+end], strings.TrimSpace(whole[2+end:])
			}
		}
		c.Params[narrow(key)] = value
		rest = after
	}
	return "", nil
}

// incidentNumber reads 42, #42 and 42号.
func incidentNumber(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "#"), "号")
	if _, ok := incidents.ParseID(s); ok {
		return s, true
	}
	if s == "" || len(s) > 15 || strings.Trim(s, "0123456789") != "" {
		return "", false
	}
	return s, true
}

func isSeverity(s string) bool {
	for _, known := range incidents.Severities {
		if s == known {
			return true
		}
	}
	return false
}
