package wecom

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFitShowsAsMuchAsItCan(t *testing.T) {
	more := func(n int) string { return fmt.Sprintf("+%d", n) }
	long := strings.Repeat("长", 50)
	for _, c := range []struct {
		lines []string
		limit int
		want  string
	}{
		{[]string{"a", "b"}, 10, "a\nb"},
		{[]string{"a", long}, 30, "a\n" + strings.Repeat("长", 27) + "…"},
		{[]string{"a", long, "c"}, 30, "a\n" + strings.Repeat("长", 24) + "…\n+1"},
		{[]string{"a", "bb", long, "c"}, 20, "a\nbb\n+2"},
		{[]string{long, "b", "c"}, 15, strings.Repeat("长", 11) + "…\n+2"},
		{[]string{long}, 5, "长长长长…"},
		{nil, 5, ""},
	} {
		if got := inChars.fit(c.lines, c.limit, more); got != c.want || utf8.RuneCountInString(got) > c.limit {
			t.Errorf("%q in %d is %q; want %q", c.lines, c.limit, got, c.want)
		}
	}
}

func TestCutsStandOnTheBordersOfCharacters(t *testing.T) {
	for n := 3; n < 20; n++ {
		if s := cutBytes("值班🔥人员已被呼叫", n); len(s) > n || !utf8.ValidString(s) {
			t.Errorf("cut to %d bytes: %q", n, s)
		}
	}
	if s := cutBytes("abc", 3); s != "abc" {
		t.Errorf("what fits was cut to %q", s)
	}
}

func TestLinksThatAreNone(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/b?c=d&e=f":                    "https://a.example/b?c=d&e=f",
		"http://a.example/(x)":                           "http://a.example/%28x%29",
		"javascript:alert(1)":                            "",
		"//a.example/b":                                  "",
		"https://user:pass@a.example/":                   "",
		"https:///path":                                  "",
		"ftp://a.example":                                "",
		"https://a.example/\u202egnp":                    "https://a.example/%E2%80%AEgnp",
		"https://a.example/" + strings.Repeat("x", 2048): "",
		"": "",
	} {
		if got := webLink(in); got != want {
			t.Errorf("webLink(%q) = %q; want %q", in, got, want)
		}
	}
}
