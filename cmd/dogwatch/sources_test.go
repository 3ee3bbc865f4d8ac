package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// source is one file of the repository.
type source struct {
	path string // from the root, with slashes
	body string

	once sync.Once
	fset *token.FileSet
	tree *ast.File
	err  error
}

// top is the root of the repository, seen from this package.
var top = filepath.Join("..", "..")

// readAll reads the repository once: what is ours, and neither other modules nor installed packages.
var readAll = sync.OnceValues(func() ([]*source, error) {
	var all []*source
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, foreign := os.Stat(filepath.Join(name, "go.mod"))
			if rel != "." && (foreign == nil || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".min.js") { // others' work, as they ship it
			return nil
		}
		if !slices.Contains([]string{".go", ".lua", ".js", ".mjs", ".css", ".html", ".tmpl", ".sh", ".json"}, filepath.Ext(name)) {
			return nil
		}
		body, err := os.ReadFile(name)
		all = append(all, &source{path: filepath.ToSlash(rel), body: string(body)})
		return err
	})
	return all, err
})

// sources are all files with one of these endings.
func sources(t *testing.T, endings ...string) []*source {
	t.Helper()
	all, err := readAll()
	if err != nil {
		t.Fatalf("read the repository: %v", err)
	}
	var out []*source
	for _, s := range all {
		if slices.Contains(endings, filepath.Ext(s.path)) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		t.Fatalf("the repository seems to have no file with one of %v", endings)
	}
	return out
}

// parse is the file's syntax.
func (s *source) parse(t *testing.T) *ast.File {
	t.Helper()
	s.once.Do(func() {
		s.fset = token.NewFileSet()
		s.tree, s.err = parser.ParseFile(s.fset, s.path, s.body, parser.ParseComments)
	})
	if s.err != nil {
		t.Fatalf("parse %s: %v", s.path, s.err)
	}
	return s.tree
}

func (s *source) imports(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, spec := range s.parse(t).Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", s.path, err)
		}
		out = append(out, name)
	}
	return out
}

// line is where a node begins.
func (s *source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// lines counts them.
func (s *source) lines() int { return strings.Count(s.body, "\n") }

// longBecause says that the file begins with its reason for being longer than others.
func (s *source) longBecause() bool {
	return strings.HasPrefix(strings.TrimLeft(s.body, "/-#<!* \n"), "Long because ")
}

// isTest: files and folders that are for tests alone.
func (s *source) isTest() bool {
	return strings.HasSuffix(s.path, "_test.go") || strings.Contains(s.path, "testdata/") || importTable[filepath.ToSlash(filepath.Dir(s.path))].testOnly
}
