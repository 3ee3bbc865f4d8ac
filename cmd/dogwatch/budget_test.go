package main_test

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Budgets of the house. A file that must exceed the first three begins with a comment "Long because …".
const (
	maxLines   = 400 // a file
	maxBody    = 60  // lines of a function
	maxParams  = 4   // of a function, without its context and its testing.T
	maxMethods = 3   // of an interface
)

func TestHouseBudgets(t *testing.T) {
	for _, s := range sources(t, ".go", ".lua", ".js", ".mjs", ".css", ".html", ".tmpl", ".sh") {
		if !s.longBecause() && s.lines() > maxLines {
			t.Errorf("%s has %d lines, more than %d", s.path, s.lines(), maxLines)
		}
		if path.Ext(s.path) != ".go" {
			continue
		}
		ast.Inspect(s.parse(t), func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if long := s.fset.Position(n.End()).Line - s.line(n) + 1; long > maxBody && !s.longBecause() {
					t.Errorf("%s:%d: function %s has %d lines, more than %d", s.path, s.line(n), n.Name.Name, long, maxBody)
				}
				if many := parameters(n.Type); many > maxParams && !s.longBecause() {
					t.Errorf("%s:%d: function %s has %d parameters, more than %d", s.path, s.line(n), n.Name.Name, many, maxParams)
				}
			case *ast.InterfaceType:
				if many := n.Methods.NumFields(); many > maxMethods {
					t.Errorf("%s:%d: an interface of %d methods, more than %d", s.path, s.line(n), many, maxMethods)
				}
			}
			return true
		})
	}
}

// parameters counts what a caller must think of.
func parameters(f *ast.FuncType) int {
	many := 0
	for _, p := range f.Params.List {
		if !isCompany(p.Type) {
			many += max(1, len(p.Names))
		}
	}
	return many
}

// isCompany: contexts and the testing.T of this library or that come along with every call.
func isCompany(e ast.Expr) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && (pkg.Name+"."+sel.Sel.Name == "context.Context" || slices.Contains([]string{"T", "TB", "B", "F"}, sel.Sel.Name))
}

// forbiddenNames say nothing of what is inside.
var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "types", "model", "models", "manager", "base", "misc", "shared"}

func TestHouseNames(t *testing.T) {
	for _, s := range sources(t, ".go", ".lua", ".js") {
		for _, part := range strings.Split(strings.TrimSuffix(s.path, path.Ext(s.path)), "/") {
			for _, word := range strings.Split(part, "_") {
				if slices.Contains(forbiddenNames, word) {
					t.Errorf("%s: %q does not say what is in it", s.path, word)
				}
			}
		}
	}
}

// Every package says in its comment what it is for, once.
func TestHousePackageComments(t *testing.T) {
	said, nothing := map[string][]string{}, []string(nil)
	for _, s := range sources(t, ".go") {
		dir := path.Dir(s.path)
		said[dir] = append(said[dir], nothing...)
		tree := s.parse(t)
		if tree.Doc == nil || s.longBecause() && strings.HasPrefix(tree.Doc.Text(), "Long because") {
			continue
		}
		begins := "Package " + tree.Name.Name + " "
		if tree.Name.Name == "main" {
			begins = "Command " + path.Base(dir) + " "
		}
		if !strings.HasPrefix(tree.Doc.Text(), begins) {
			t.Errorf("%s: the package comment does not begin with %q", s.path, begins)
			continue
		}
		said[dir] = append(said[dir], s.path)
	}
	for dir, where := range said {
		if len(where) != 1 {
			t.Errorf("package %s has %d package comments: %v", dir, len(where), where)
		}
	}
}

// fragments are put between a script's first line and its own by the one who sends it.
var fragments = []string{"internal/state/prelude.lua", "actions/told.lua"}

var (
	scriptHead = regexp.MustCompile(`^#!lua( flags=[a-z-]+(,[a-z-]+)*)?\n`)
	// scriptNever: what Redis and miniredis do not both have, what names keys that were not passed, what reads a clock of its own.
	scriptNever = regexp.MustCompile(`\b(bit|struct|cmsgpack)\.|\bcjson\.decode\(cjson|call\('(KEYS|SCAN|TIME|RANDOMKEY)'`)
	luaComment  = regexp.MustCompile(`(?m)--.*$`)
)

func TestHouseScripts(t *testing.T) {
	for _, s := range sources(t, ".lua") {
		code := luaComment.ReplaceAllString(s.body, "")
		if s.path != fragments[0] && scriptNever.MatchString(code) {
			t.Errorf("%s: uses %q", s.path, scriptNever.FindString(code))
		}
		if head := scriptHead.MatchString(s.body); head == slices.Contains(fragments, s.path) {
			t.Errorf("%s: line 1 of a script, and of nothing else, is #!lua or #!lua flags=…", s.path)
		}
	}
}

// unfinished marks work that somebody meant to come back to. It is written in two pieces so that it does not find itself.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b|not impl` + `emented|for n` + `ow($|[^ ]| [^:<=])`)

func TestHouseIsFinished(t *testing.T) {
	for _, s := range sources(t, ".go", ".lua", ".js", ".mjs", ".css", ".html", ".tmpl", ".sh") {
		for i, line := range strings.Split(s.body, "\n") {
			if found := unfinished.FindString(line); found != "" {
				t.Errorf("%s:%d: %q", s.path, i+1, found)
			}
		}
	}
}

// Nobody sleeps and no test is skipped: tests wait for what they mean, and what they need is installed.
func TestHouseWaitsForConditions(t *testing.T) {
	never := map[string][]string{"time": {"Sleep"}, "testing": {"Short"}}
	for _, tester := range []string{"t", "tb", "b", "f"} {
		never[tester] = []string{"Skip", "Skipf", "SkipNow"}
	}
	for _, s := range sources(t, ".go") {
		ast.Inspect(s.parse(t), func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(never[x.Name], sel.Sel.Name) {
				t.Errorf("%s:%d: %s.%s", s.path, s.line(n), x.Name, sel.Sel.Name)
			}
			return true
		})
	}
}
