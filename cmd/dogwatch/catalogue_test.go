package main_test

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"dogwatch/internal/text"
)

// What people read stands in internal/text/catalogue, in both languages. What they type (the words of the chat grammar)
// stands where it is read; what logs and Go errors say is English and stands where it is said.

// typed are the files that hold words people type in Chinese: words, not sentences.
var typed = []string{"bot/words.go", "bot/commands.go", "bot/override.go"}

// literal is the value of a string literal; ok is false for anything else.
func literal(e ast.Expr) (value string, ok bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(lit.Value)
	return value, err == nil
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// A Chinese sentence outside the catalogues has no English beside it.
func TestCatalogueHoldsAllChinese(t *testing.T) {
	for _, s := range sources(t, ".go", ".html", ".tmpl", ".js", ".lua") {
		if s.isTest() {
			continue
		}
		if path.Ext(s.path) != ".go" {
			if at := strings.IndexFunc(s.body, isHan); at >= 0 {
				t.Errorf("%s:%d: Chinese outside the catalogues", s.path, 1+strings.Count(s.body[:at], "\n"))
			}
			continue
		}
		ast.Inspect(s.parse(t), func(n ast.Node) bool {
			e, isExpr := n.(ast.Expr)
			if !isExpr {
				return true
			}
			if v, ok := literal(e); ok && strings.ContainsFunc(v, isHan) && !(slices.Contains(typed, s.path) && utf8.RuneCountInString(v) <= 4) {
				t.Errorf("%s:%d: %q is outside the catalogues", s.path, s.line(n), v)
			}
			return true
		})
	}
}

// contractWords are what demo prints for programs to read; they are names, the same in every language.
var contractWords = []string{"console: ", "token: ", "raise: "}

// The command line speaks through the catalogues: help, flags and what goes to standard output.
func TestCatalogueHoldsTheCommandLine(t *testing.T) {
	for _, s := range sources(t, ".go") {
		if path.Dir(s.path) != "cmd/dogwatch" || s.isTest() {
			continue
		}
		ast.Inspect(s.parse(t), func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				key, _ := n.Key.(*ast.Ident)
				if v, ok := literal(n.Value); ok && key != nil && slices.Contains([]string{"Short", "Long", "Example", "Deprecated"}, key.Name) && saysSomething(v) {
					t.Errorf("%s:%d: the command's %s %q is outside the catalogues", s.path, s.line(n), key.Name, v)
				}
			case *ast.CallExpr:
				if v := printed(n); saysSomething(v) {
					t.Errorf("%s:%d: %q is printed and outside the catalogues", s.path, s.line(n), v)
				}
			}
			return true
		})
	}
}

// printed is the literal that a call shows to a person: what goes to a.out, or the help of a flag.
func printed(call *ast.CallExpr) string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) < 2 {
		return ""
	}
	if inner, ok := sel.X.(*ast.CallExpr); ok {
		if of, ok := inner.Fun.(*ast.SelectorExpr); ok && (of.Sel.Name == "Flags" || of.Sel.Name == "PersistentFlags") {
			v, _ := literal(call.Args[len(call.Args)-1])
			if len(call.Args) < 3 { // Lookup, Set, MarkHidden …
				return ""
			}
			return v
		}
	}
	to, ok := call.Args[0].(*ast.SelectorExpr)
	if !ok || to.Sel.Name != "out" || !strings.HasPrefix(sel.Sel.Name, "Fprint") {
		return ""
	}
	for _, arg := range call.Args[1:] {
		if v, ok := literal(arg); ok && saysSomething(v) {
			return v
		}
	}
	return ""
}

var verbs = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)

// saysSomething: there is a word in it besides places for values, and it is no line of the contract.
func saysSomething(v string) bool {
	if slices.ContainsFunc(contractWords, func(w string) bool { return strings.HasPrefix(v, w) }) {
		return false
	}
	return strings.ContainsFunc(verbs.ReplaceAllString(v, ""), unicode.IsLetter)
}

var (
	notText    = regexp.MustCompile(`(?s)\{\{.*?\}\}|<!--.*?-->|<script\b.*?</script>|<style\b.*?</style>|<[^>]*>|&[a-z#0-9]+;`)
	shownAttrs = regexp.MustCompile(`\b(title|alt|placeholder|aria-label|aria-description|label)="([^"]*)"`)
	pageKey    = regexp.MustCompile(`\.T "([^"]+)"`)
	action     = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
)

// Pages of the console have no word of their own but the product's name and the command that people type.
func TestCatalogueHoldsThePages(t *testing.T) {
	for _, s := range sources(t, ".html", ".tmpl") {
		for _, key := range pageKey.FindAllStringSubmatch(s.body, -1) {
			if !isKey("console."+key[1], false) {
				t.Errorf("%s: the catalogues have no console.%s", s.path, key[1])
			}
		}
		words := []string{notText.ReplaceAllString(s.body, " ")}
		for _, a := range shownAttrs.FindAllStringSubmatch(action.ReplaceAllString(s.body, ""), -1) {
			words = append(words, a[2])
		}
		for _, w := range words {
			for _, word := range strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) }) {
				if !slices.Contains([]string{"dogwatch", "oncall"}, strings.ToLower(word)) {
					t.Errorf("%s: the word %q is outside the catalogues", s.path, word)
				}
			}
		}
	}
}

// speaker is a function that looks up its argument in one area: func (a *app) say(key string, …) { text.Say(a.lang, "cli."+key, …) }.
type speaker struct {
	area string
	at   int // which argument is the key
	// method: it is called with a dot; a plain name is then something else, such as a local function.
	method bool
}

// speakers of every package, by "folder name", found by what they do.
func speakers(t *testing.T) map[string]speaker {
	t.Helper()
	found := map[string]speaker{}
	for _, s := range sources(t, ".go") {
		for _, d := range s.parse(t).Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			var params []string
			for _, p := range f.Type.Params.List {
				for _, name := range p.Names {
					params = append(params, name.Name)
				}
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || !isSay(call) {
					return true
				}
				if prefix, rest := split(call.Args[1]); rest != nil && strings.HasSuffix(prefix, ".") {
					if id, ok := rest.(*ast.Ident); ok && slices.Contains(params, id.Name) {
						found[path.Dir(s.path)+" "+f.Name.Name] = speaker{prefix, slices.Index(params, id.Name), f.Recv != nil}
					}
				}
				return true
			})
		}
	}
	if len(found) == 0 {
		t.Fatal("no function looks keys up by area, which cannot be")
	}
	return found
}

// isSay: text.Say(lang, key, …).
func isSay(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Say" || len(call.Args) < 2 {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "text"
}

// split is the literal with which an expression begins, and what follows: "state_"+x is "state_" and x.
func split(e ast.Expr) (prefix string, rest ast.Expr) {
	if v, ok := literal(e); ok {
		return v, nil
	}
	if sum, ok := e.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		if v, ok := literal(sum.X); ok {
			return v, sum.Y
		}
	}
	return "", nil
}

// Every key that is written in the code is in the catalogues; of one that is put together, something begins like it.
func TestCatalogueKnowsEveryKey(t *testing.T) {
	say, looked := speakers(t), 0
	for _, s := range sources(t, ".go") {
		if s.isTest() {
			continue
		}
		ast.Inspect(s.parse(t), func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			area, at := "", 1
			if !isSay(call) {
				name, method := called(call)
				sp, ok := say[path.Dir(s.path)+" "+name]
				if !ok || sp.method != method {
					return true
				}
				area, at = sp.area, sp.at
			}
			if at >= len(call.Args) {
				return true
			}
			key, rest := split(call.Args[at])
			if key == "" {
				return true
			}
			looked++
			if key = area + key; !isKey(key, rest != nil) {
				t.Errorf("%s:%d: the catalogues have no %s", s.path, s.line(n), key)
			}
			return true
		})
	}
	if looked < 50 {
		t.Errorf("only %d keys were found in the code, which is too few to believe", looked)
	}
}

// called is the name of what is called, and whether it stands behind a dot.
func called(call *ast.CallExpr) (name string, method bool) {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name, true
	case *ast.Ident:
		return f.Name, false
	}
	return "", false
}

func isKey(key string, beginning bool) bool {
	return slices.ContainsFunc(text.Keys(text.English), func(k string) bool {
		return k == key || beginning && strings.HasPrefix(k, key)
	})
}

// A sentence that nothing says any more is dropped from both languages.
func TestCatalogueHasNoDeadSentences(t *testing.T) {
	whole, beginnings := map[string]bool{}, map[string]bool{}
	words := regexp.MustCompile(`"([a-z][a-zA-Z0-9_.-]*)"`)
	for _, s := range sources(t, ".go", ".html", ".tmpl", ".js") {
		if strings.HasSuffix(s.path, "_test.go") || strings.HasPrefix(s.path, "internal/text/") {
			continue
		}
		for _, w := range words.FindAllStringSubmatch(s.body, -1) {
			whole[w[1]] = true
			if strings.HasSuffix(w[1], "_") || strings.HasSuffix(w[1], ".") {
				beginnings[w[1]] = true
			}
		}
	}
	for _, key := range text.Keys(text.English) {
		area, bare, _ := strings.Cut(key, ".")
		used := whole[key] || whole[bare]
		for b := range beginnings {
			used = used || strings.HasPrefix(key, b) && b != area+"." || strings.HasPrefix(bare, b)
		}
		if !used && !slices.Contains(putTogether, area) {
			t.Errorf("nothing says %s", key)
		}
	}
}

// putTogether are areas whose keys are made of other names: the problems of parameters, the kinds of history lines.
var putTogether = []string{"actions", "history"}
