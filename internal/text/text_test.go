package text

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Both languages say the same things with the same values in them.
func TestBothLanguagesHaveTheSameKeysAndPlaceholders(t *testing.T) {
	en, zh := Keys(English), Keys(Chinese)
	if len(en) == 0 {
		t.Fatal("there are no catalogues")
	}
	for _, k := range en {
		if !slices.Contains(zh, k) {
			t.Errorf("%s has no Chinese", k)
			continue
		}
		a, b := placeholders(Template(English, k)), placeholders(Template(Chinese, k))
		if !slices.Equal(a, b) {
			t.Errorf("%s has the placeholders %v in English and %v in Chinese", k, a, b)
		}
		if strings.TrimSpace(Template(English, k)) == "" || strings.TrimSpace(Template(Chinese, k)) == "" {
			t.Errorf("%s is empty in one language", k)
		}
	}
	for _, k := range zh {
		if !slices.Contains(en, k) {
			t.Errorf("%s has no English", k)
		}
	}
}

func placeholders(s string) []string {
	found := placeholder.FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestSay(t *testing.T) {
	if got := Say(English, "no.such_key"); got != "«no.such_key»" {
		t.Errorf("an unknown key reads %q", got)
	}
	if got, want := Say("fr", "cli.see_help"), Template(English, "cli.see_help"); got != want {
		t.Errorf("an unknown language reads %q, want the English %q", got, want)
	}
	if got, want := Say(Chinese, "cli.see_help"), Template(Chinese, "cli.see_help"); got != want {
		t.Errorf("Chinese reads %q, want %q", got, want)
	}
	for tag, want := range map[string]Lang{"zh_CN.UTF-8": Chinese, "ZH-tw": Chinese, "zh": Chinese, "en_US.UTF-8": English, "C": English, "": English} {
		if got := ParseLang(tag); got != want {
			t.Errorf("ParseLang(%q) = %q, want %q", tag, got, want)
		}
	}
}
