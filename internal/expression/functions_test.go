package expression

import (
	"strings"
	"testing"
)

// The values are what Python's fnmatch.fnmatchcase answers.
func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b", true}, {"**", "x", true},
		{"a*c", "abbbc", true}, {"a*c", "abbb", false}, {"/var/*", "/var/lib/x", true},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"?", "海", true}, {"??", "海", false},
		{"Disk*db-[0-9]*", "DiskFull on db-3 now", true}, {"Disk*db-[0-9]*", "DiskFull on db-x", false},
		{"[!a]x", "bx", true}, {"[!a]x", "ax", false}, {"[]]x", "]x", true}, {"[!]]x", "]x", false}, {"[]-]", "-", true},
		{"[a-c]", "b", true}, {"[a-c]", "-", false}, {"[a-]", "-", true}, {"[-a]", "-", true}, {"[上-海]", "中", true}, {"[上-海]", "一", false}, {"[上-海]", "海", true},
		{"[abc", "[abc", true}, {"[abc", "a", false}, {"a[", "a[", true}, {"[", "[", true}, {"[!", "[!", true},
		{"*a*b*c", "xxaxxbxxc", true}, {"*a*b*c", "xxaxxbxx", false}, {"A", "a", false}, {"a.c", "abc", false},
		{"*\xff", "a\xff", true}, {"abc", "ab", false}, {"ab", "abc", false}, {"ab*", "ab", true},
	} {
		if got := Glob(c.pattern, c.value); got != c.want {
			t.Errorf("Glob(%q, %q) = %v", c.pattern, c.value, got)
		}
	}
}

// The classic bad case of a backtracking matcher ends.
func TestGlobEnds(t *testing.T) {
	if Glob(strings.Repeat("a*", 200)+"b", strings.Repeat("a", 4000)) {
		t.Fatal("there is no b")
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*[b-c]?", "abc")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		Glob(pattern, value)
		if !strings.ContainsAny(value, "*?[") && !Glob(value, value) {
			t.Fatalf("%q does not match itself", value)
		}
		if !Glob("*", value) {
			t.Fatalf("* does not match %q", value)
		}
	})
}

func TestHas(t *testing.T) {
	for _, c := range []struct {
		x, y any
		want bool
	}{
		{"abc", "b", true}, {"abc", "", true}, {"abc", 1, false}, {[]string{"a"}, "a", true}, {[]string{"ab"}, "a", false},
		{map[string]string{"a": ""}, "a", true}, {map[string]any{"a": nil}, "b", false}, {[]any{"a", 1, 2.0}, 2, true},
		{[]any{"a", 1}, "1", false}, {nil, "a", false}, {7, "a", false}, {[]any{nil}, nil, false},
	} {
		if got := has(c.x, c.y); got != c.want {
			t.Errorf("has(%v, %v) = %v", c.x, c.y, got)
		}
	}
}
