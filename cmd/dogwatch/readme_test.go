package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are what people read about the repository, with the links between them.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 5 {
		t.Fatalf("only %v were found", all)
	}
	return all
}

func contents(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The README's table has exactly the plugins of plugins.go.
func TestReadmePlugins(t *testing.T) {
	var got, want []string
	for _, m := range regexp.MustCompile("(?m)^\\| (source|platform|runner) \\| `([a-z]+)` \\|").FindAllStringSubmatch(contents(t, "../../README.md"), -1) {
		got = append(got, m[1]+" "+m[2])
	}
	for _, name := range keys(sourcePlugins) {
		want = append(want, "source "+name)
	}
	for _, name := range keys(platformPlugins) {
		want = append(want, "platform "+name)
	}
	for _, name := range keys(runnerPlugins) {
		want = append(want, "runner "+name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the README's table has %v, plugins.go has %v", got, want)
	}
}

var (
	link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	test = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
)

// Links lead somewhere, and tests that documents name exist.
func TestReadmeAndDocumentsAreTrue(t *testing.T) {
	declared := map[string]bool{}
	header := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(filepath.Join("..", ".."), func(name string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(name, "_test.go") {
			for _, m := range header.FindAllStringSubmatch(contents(t, name), -1) {
				declared[m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range documents(t) {
		body := contents(t, doc)
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", doc, m[1])
			}
		}
		for _, m := range test.FindAllStringSubmatch(body, -1) {
			if !declared[m[1]] {
				t.Errorf("%s names %s, which is not there", doc, m[1])
			}
		}
	}
}
