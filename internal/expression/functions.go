package expression

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"

	"dogwatch/internal/text"
)

// functions are what a source may call, with the types it is checked against.
func functions() []expr.Option {
	options := []expr.Option{expr.DisableAllBuiltins()}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	return append(options,
		expr.Function("glob", func(p ...any) (any, error) { return Glob(p[1].(string), p[0].(string)), nil },
			new(func(value, pattern string) bool)),
		expr.Function("has", func(p ...any) (any, error) { return has(p[0], p[1]), nil },
			new(func(string, string) bool), new(func([]string, string) bool), new(func(map[string]string, string) bool),
			new(func(map[string]any, string) bool), new(func([]any, any) bool), new(func(any, any) bool)),
		// The guard adds the second argument, the environment's now.
		expr.Function("age", func(p ...any) (any, error) { return p[1].(time.Time).Sub(p[0].(time.Time)), nil },
			new(func(at, now time.Time) time.Duration)),
		expr.Function("duration", func(p ...any) (any, error) { return text.ParseDuration(p[0].(string)) },
			new(func(string) time.Duration)),
	)
}

// has says whether x holds y: as substring, list member or key. Of anything else it is false.
func has(x, y any) bool {
	key, isText := y.(string)
	switch x := x.(type) {
	case string:
		return isText && strings.Contains(x, key)
	case []string:
		return isText && slices.Contains(x, key)
	case map[string]string:
		_, ok := x[key]
		return isText && ok
	case map[string]any:
		_, ok := x[key]
		return isText && ok
	case []any:
		for _, v := range x {
			if s, ok := v.(string); ok && isText && s == key {
				return true
			}
			if f, ok := number(v); ok {
				if g, ok := number(y); ok && f == g {
					return true
				}
			}
		}
	}
	return false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// Glob matches a value against a shell pattern as fnmatch does without flags: * is any text, slashes included, ? one
// character, [a-z] one of a set, [!a-z] one that is not. A bracket that is never closed stands for itself. Characters are
// Unicode code points, case matters, and the time is at most the product of both lengths.
func Glob(pattern, value string) bool {
	var star, mark string // where to go on after the last *, and from which rest of the value
	starred := false
	for value != "" {
		if pattern != "" && pattern[0] == '*' {
			star, mark, starred = pattern[1:], value, true
			pattern = star
			continue
		}
		r, size := utf8.DecodeRuneInString(value)
		if rest, ok := matchOne(pattern, r); ok {
			pattern, value = rest, value[size:]
			continue
		}
		if !starred {
			return false
		}
		_, size = utf8.DecodeRuneInString(mark)
		mark = mark[size:]
		pattern, value = star, mark
	}
	return strings.Trim(pattern, "*") == ""
}

// matchOne matches one character with the head of a pattern and returns the pattern's rest.
func matchOne(pattern string, r rune) (rest string, ok bool) {
	if pattern == "" {
		return "", false
	}
	head, size := utf8.DecodeRuneInString(pattern)
	switch head {
	case '?':
		return pattern[1:], true
	case '[':
		if set, rest, closed := bracket(pattern); closed {
			return rest, inSet(set, r)
		}
	}
	return pattern[size:], head == r
}

// bracket splits "[set]rest"; a ] right after [ or [! belongs to the set.
func bracket(pattern string) (set, rest string, closed bool) {
	from := 1
	if strings.HasPrefix(pattern[from:], "!") {
		from++
	}
	if strings.HasPrefix(pattern[from:], "]") {
		from++
	}
	end := strings.IndexByte(pattern[from:], ']')
	if end < 0 {
		return "", "", false
	}
	return pattern[1 : from+end], pattern[from+end+1:], true
}

func inSet(set string, r rune) bool {
	members, negated := strings.CutPrefix(set, "!")
	found := false
	for members != "" {
		low, size := utf8.DecodeRuneInString(members)
		members = members[size:]
		high := low
		if len(members) > 1 && members[0] == '-' {
			high, size = utf8.DecodeRuneInString(members[1:])
			members = members[1+size:]
		}
		found = found || low <= r && r <= high
	}
	return found != negated
}
