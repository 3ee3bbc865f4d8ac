package web

import (
	"io/fs"
	"regexp"
	"testing"

	"dogwatch/internal/text"
)

var (
	said  = regexp.MustCompile(`\.T "([a-z_]+)"`)
	parts = regexp.MustCompile(`\.T \(print "([a-z_]+_)" `)
)

// Every sentence that a page says is in the catalogue, and every one of the catalogue is said.
func TestPagesSayWhatThereIs(t *testing.T) {
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, n := range names {
		body, err := fs.ReadFile(files, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said.FindAllStringSubmatch(string(body), -1) {
			if text.Template(text.Chinese, "console."+m[1]) == "" {
				t.Errorf("%s says %q, which is not in the catalogue", n, m[1])
			}
		}
		for _, m := range parts.FindAllStringSubmatch(string(body), -1) {
			if m[1] != "state_" && m[1] != "tab_" {
				t.Errorf("%s makes keys of %q; add its words to this test", n, m[1])
			}
		}
	}
	for _, state := range []string{"triggered", "acknowledged", "resolved", "snoozed", "firing", "pending", "approved", "running", "succeeded", "failed", "rejected", "expired", "cancelled", "unknown"} {
		if text.Template(text.English, "console.state_"+state) == "" {
			t.Errorf("the state %s has no word", state)
		}
	}
	for _, tab := range tabs {
		if text.Template(text.English, "console.tab_"+tab) == "" {
			t.Errorf("the tab %s has no word", tab)
		}
	}
}

// Two renderings of one page differ in their forms' one-time ids and in nothing else.
func TestOneTimeIDs(t *testing.T) {
	html := `a` + marker + `b` + marker + `c`
	one, two := fresh(html), fresh(html)
	if len(one) != len(two) || one == two || one[:1] != "a" || one[len(one)-1:] != "c" {
		t.Fatalf("%q and %q", one, two)
	}
	if ids := regexp.MustCompile(`^a([A-Z2-7]{26})b([A-Z2-7]{26})c$`).FindStringSubmatch(one); ids == nil || ids[1] == ids[2] {
		t.Fatalf("%q has not two ids", one)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{"a\nb\tc": "a\nb\tc", "x\u202ey": "x\ufffdy", "\x00\x1b[31m": "\ufffd\ufffd[31m", "中文 ok": "中文 ok", "\u2066a\u2069": "\ufffda\ufffd"} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) is %q, want %q", in, got, want)
		}
	}
}
