package web

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

//go:embed pages/*.html
var files embed.FS

//go:embed assets
var assets embed.FS

// screen is all that a page's template sees.
type screen struct {
	Name  string // of the page's file
	Title string
	Lang  text.Lang
	Who   bot.Visitor
	Demo  []bot.Person
	Path  string // of this page, to come back to
	Live  string // where its changes come from
	Now   time.Time
	May   map[string]bool // by verb
	Data  any
	Fault string
	// Answer is what was said to what the person did last; nil: nothing.
	Answer *answered
}

// T is a sentence of the console in the reader's language.
func (s screen) T(key string, pairs ...any) string { return text.Say(s.Lang, "console."+key, pairs...) }

// On hands a part of the page to a template, together with the page.
func (s screen) On(it any) part { return part{screen: s, It: it} }

type part struct {
	screen
	It any
}

// When is a time as people read it, with its zone.
func (s screen) When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04 MST")
}

// Age is how long ago something was, to the minute.
func (s screen) Age(t time.Time) string {
	d := s.Now.Sub(t).Truncate(time.Minute)
	switch {
	case d < time.Minute:
		return s.T("age_now")
	case d < time.Hour:
		return s.T("age_minutes", "n", int(d.Minutes()))
	case d < 48*time.Hour:
		return s.T("age_hours", "n", int(d.Hours()))
	}
	return s.T("age_days", "n", int(d.Hours()/24))
}

var functions = template.FuncMap{
	"plain": plain,
	"once":  func() string { return marker },
	"asset": func(name string) string { return "/assets/" + name + "?v=" + versions[name] },
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}

// parsePages reads every page together with what pages share.
func parsePages() (map[string]*template.Template, error) {
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	shared, err := template.New("shared").Funcs(functions).ParseFS(files, "pages/layout.html", "pages/parts.html")
	if err != nil {
		return nil, err
	}
	out := map[string]*template.Template{}
	for _, n := range names {
		name := strings.TrimSuffix(path.Base(n), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		t, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if out[name], err = t.ParseFS(files, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// write renders a page, or the answer alone. What fails while rendering is never half sent.
func (w *Web) write(rw http.ResponseWriter, status int, s screen) {
	begin := "layout"
	if s.Name == "answer" {
		begin = "answer"
	}
	html, err := w.render(s, begin)
	if err != nil {
		w.log.Error("page not rendered", "page", s.Name, "error", err)
		http.Error(rw, s.T("unavailable"), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = rw.Write([]byte(fresh(html))) // whoever went away does not read it
}

// region renders the part of a page that changes.
func (w *Web) region(s screen) (string, error) { return w.render(s, "region") }

func (w *Web) render(s screen, begin string) (string, error) {
	name := s.Name
	if name == "answer" {
		name = "missing" // any page has what all share
	}
	t := w.pages[name]
	if t == nil {
		return "", fmt.Errorf("render page %q: there is none", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, begin, s); err != nil {
		return "", fmt.Errorf("render page %s: %w", name, err)
	}
	return b.String(), nil
}

// marker stands for every form's one-time id until the page leaves, so that two renderings of the same are equal.
var marker = "once-" + rand.Text()

// fresh puts a new one-time id into every form.
func fresh(html string) string {
	parts := strings.Split(html, marker)
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString(rand.Text())
		}
		b.WriteString(p)
	}
	return b.String()
}

// plain makes visible what in a text could lie about its reading order or move what is around it.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f', r == '\u061c', r == '\ufeff':
			return '\ufffd'
		}
		return r
	}, s)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// versions are the digests of our files by name: their addresses change with what is in them.
var versions = digests()

func digests() map[string]string {
	out := map[string]string{}
	list, err := fs.ReadDir(assets, "assets")
	if err != nil {
		panic("web: embedded files unreadable: " + err.Error())
	}
	for _, f := range list {
		body, err := fs.ReadFile(assets, "assets/"+f.Name())
		if err != nil {
			panic("web: " + err.Error())
		}
		sum := sha256.Sum256(body)
		out[f.Name()] = hex.EncodeToString(sum[:8])
	}
	return out
}
