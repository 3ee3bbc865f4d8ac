package web

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// rooms are what the pages show and act on.
type rooms struct {
	*Web
	inbox   bot.Inbox
	console *bot.Console
	paths   http.Handler // all pages, for showing one in answer to a form
}

// visit is one request of a person who is signed in.
type visit struct {
	*rooms
	r       *http.Request
	who     bot.Visitor
	session string // the cookie's id: secret
}

func (w *Web) cookieName() string {
	if w.secure {
		return "__Host-dogwatch"
	}
	return "dogwatch"
}

func (w *Web) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: w.cookieName(), Value: value, Path: "/", HttpOnly: true, Secure: w.secure, SameSite: http.SameSiteLaxMode, MaxAge: age}
}

// begin makes a session and gives its cookie. The id is 256 random bits; only its hash is stored.
func (w *Web) begin(ctx context.Context, rw http.ResponseWriter, h holder) error {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	id := base64.RawURLEncoding.EncodeToString(raw)
	if _, _, err := w.store.session(ctx, "begin", id, h); err != nil {
		return err
	}
	http.SetCookie(rw, w.cookie(id, int(w.deps.Session/time.Second)))
	return nil
}

// enter finds whose request it is. verb "use" keeps the session alive, "look" does not: a page left open is nobody's presence.
func (s *rooms) enter(r *http.Request, verb string) (*visit, bool, error) {
	c, err := r.Cookie(s.cookieName())
	if err != nil || len(c.Value) != 43 {
		return nil, false, nil
	}
	h, ok, err := s.store.session(r.Context(), verb, c.Value, holder{})
	if err != nil || !ok {
		return nil, false, err
	}
	who, ok := s.console.Visitor(h.person)
	if !ok || s.deps.Valid != nil && !s.demoPerson(h.person) && !s.deps.Valid(h.person, h.write) {
		return nil, false, nil
	}
	who.ReadOnly = !h.write
	return &visit{rooms: s, r: r, who: who, session: c.Value}, true, nil
}

func (w *Web) demoPerson(person string) bool { return slices.Contains(w.deps.Demo, person) }

// signIn is POST /signin: a token becomes a session.
func (s *rooms) signIn(rw http.ResponseWriter, r *http.Request) {
	if !s.tries.allowed(r.RemoteAddr, time.Now()) {
		rw.Header().Set("Retry-After", "60")
		s.signInPage(rw, r, http.StatusTooManyRequests, "signin_slow")
		return
	}
	person, write, ok := s.deps.SignIn(strings.TrimSpace(r.PostFormValue("token")))
	if ok {
		_, ok = s.console.Visitor(person)
	}
	if !ok {
		s.tries.failed(r.RemoteAddr)
		s.log.Warn("sign-in refused", "remote", addressOf(r.RemoteAddr))
		s.signInPage(rw, r, http.StatusUnauthorized, "signin_wrong")
		return
	}
	s.welcome(rw, r, holder{person, write})
}

// switchTo is POST /as, which only a demo has: to be somebody else with one click.
func (s *rooms) switchTo(rw http.ResponseWriter, r *http.Request) {
	person := r.PostFormValue("person")
	if !s.demoPerson(person) {
		http.NotFound(rw, r)
		return
	}
	s.welcome(rw, r, holder{person, true})
}

// welcome ends the session there was, begins a new one and goes on to where the person wanted to be.
func (s *rooms) welcome(rw http.ResponseWriter, r *http.Request, h holder) {
	s.leave(r)
	if err := s.begin(r.Context(), rw, h); err != nil {
		s.broken(rw, r, err)
		return
	}
	http.Redirect(rw, r, back(r.PostFormValue("back")), http.StatusSeeOther)
}

// signOut is POST /signout.
func (s *rooms) signOut(rw http.ResponseWriter, r *http.Request) {
	s.leave(r)
	http.SetCookie(rw, s.cookie("", -1))
	http.Redirect(rw, r, "/signin", http.StatusSeeOther)
}

func (s *rooms) leave(r *http.Request) {
	c, err := r.Cookie(s.cookieName())
	if err != nil {
		return
	}
	if _, _, err := s.store.session(r.Context(), "end", c.Value, holder{}); err != nil {
		s.log.Warn("session not ended", "error", err)
	}
}

// signInPage is the page of whoever is nobody yet, in the browser's language.
func (s *rooms) signInPage(rw http.ResponseWriter, r *http.Request, status int, fault string) {
	lang := text.ParseLang(r.Header.Get("Accept-Language"))
	f := screen{Name: "signin", Lang: lang, Who: bot.Visitor{Lang: lang, Zone: time.UTC}, Demo: s.persons(), Path: back(r.FormValue("back")), Now: time.Now()}
	if fault != "" {
		f.Fault = text.Say(lang, "console."+fault)
	}
	f.Title = f.T("signin_title")
	s.write(rw, status, f)
}

// persons are those of a demo; none outside of one.
func (s *rooms) persons() []bot.Person {
	var out []bot.Person
	for _, id := range s.deps.Demo {
		if v, ok := s.console.Visitor(id); ok {
			out = append(out, bot.Person{ID: v.ID, Name: v.Name})
		}
	}
	return out
}

// back is a path of ours to go to, "/" for anything else.
func back(path string) string {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.HasPrefix(path, "/sign") || strings.ContainsFunc(path, odd) {
		return "/"
	}
	return path
}
