package web

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// page is one screen: the name of its file and what it shows.
type page struct {
	name string
	load func(ctx context.Context, v *visit) (shown, error)
}

// shown is what a page shows now.
type shown struct {
	Title string
	Data  any
	// Subjects are those whose changes concern it; none: all.
	Subjects []string
	// Again is how soon it may change without notice; 0 is calm.
	Again time.Duration
}

// calm is how often a live page looks by itself: counts of alerts change without notice.
const calm = 5 * time.Second

// errNoPage: there is nothing at this path.
var errNoPage = errors.New("no such page")

// mux are the console's paths.
func (w *Web) mux(s *rooms) http.Handler {
	m := http.NewServeMux()
	for pattern, p := range map[string]page{
		"GET /{$}":            {"incidents", listIncidents},
		"GET /incidents/{id}": {"incident", showIncident},
		"GET /oncall":         {"oncall", showDuties},
		"GET /inbox":          {"feed", showInbox},
		"GET /feeds":          {"feeds", listFeeds},
		"GET /feeds/{name}":   {"feed", showFeed},
		"GET /requests":       {"requests", listRequests},
		"GET /requests/{id}":  {"request", showRequest},
		"GET /":               {"missing", func(context.Context, *visit) (shown, error) { return shown{}, errNoPage }},
	} {
		m.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) { s.serve(rw, r, p) })
	}
	m.HandleFunc("GET /signin", func(rw http.ResponseWriter, r *http.Request) { s.signInPage(rw, r, http.StatusOK, "") })
	m.HandleFunc("POST /signin", s.signIn)
	m.HandleFunc("POST /signout", s.signOut)
	if w.demo() {
		m.HandleFunc("POST /as", s.switchTo)
	}
	m.HandleFunc("POST /press", s.signedIn((*visit).press))
	m.HandleFunc("POST /say", s.signedIn((*visit).say))
	m.HandleFunc("POST /do", s.signedIn((*visit).do))
	m.HandleFunc("GET /assets/{name}", w.asset)
	return m
}

// asset serves one of our own files. Their addresses change with their content, so browsers may keep them.
func (w *Web) asset(rw http.ResponseWriter, r *http.Request) {
	body, err := fs.ReadFile(assets, "assets/"+r.PathValue("name"))
	if err != nil {
		http.NotFound(rw, r)
		return
	}
	if r.URL.Query().Get("v") == versions[r.PathValue("name")] {
		rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(rw, r, r.PathValue("name"), time.Time{}, bytes.NewReader(body))
}

// serve answers a GET of a page: its HTML, or what it shows as it changes.
func (s *rooms) serve(rw http.ResponseWriter, r *http.Request, p page) {
	live := r.URL.Query().Has("live")
	verb := "use"
	if live {
		verb = "look"
	}
	v, ok, err := s.enter(r, verb)
	switch {
	case err != nil:
		s.broken(rw, r, err)
	case !ok && live:
		http.Error(rw, "signed out", http.StatusUnauthorized)
	case !ok:
		http.Redirect(rw, r, "/signin?back="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	case live:
		v.live(rw, p)
	default:
		a, _ := r.Context().Value(answerKey{}).(*answered)
		v.show(rw, p, a)
	}
}

// signedIn lets only people who are signed in do something.
func (s *rooms) signedIn(do func(*visit, http.ResponseWriter)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		v, ok, err := s.enter(r, "use")
		switch {
		case err != nil:
			s.broken(rw, r, err)
		case !ok && r.Header.Get("HX-Request") != "":
			rw.Header().Set("HX-Redirect", "/signin")
		case !ok:
			http.Redirect(rw, r, "/signin?back="+url.QueryEscape(back(r.PostFormValue("back"))), http.StatusSeeOther)
		case v.who.ReadOnly:
			v.answer(rw, bot.Answer{Text: text.Say(v.who.Lang, "console.read_only"), Refused: true})
		default:
			do(v, rw)
		}
	}
}

// show writes a page, with the answer to what was done from it if there is one.
func (v *visit) show(rw http.ResponseWriter, p page, a *answered) {
	sc, sh, err := v.screen(v.r.Context(), p)
	status := http.StatusOK
	if err != nil {
		sc.Name, sc.Fault, status = "missing", v.sentence(err), http.StatusNotFound
		if !v.known(err) {
			v.log.Error("page not shown", "path", v.r.URL.Path, "error", err)
			status = http.StatusServiceUnavailable
		}
		sh.Title = sc.T("missing_title")
	}
	sc.Title, sc.Answer = sh.Title, a
	v.write(rw, status, sc)
}

func (v *visit) known(err error) bool {
	_, known := v.console.Explain(v.who, err)
	return known || errors.Is(err, errNoPage)
}

func (v *visit) sentence(err error) string {
	if errors.Is(err, errNoPage) {
		return text.Say(v.who.Lang, "console.missing")
	}
	s, _ := v.console.Explain(v.who, err)
	return s
}

// screen is a page with what it shows now.
func (v *visit) screen(ctx context.Context, p page) (screen, shown, error) {
	sc := screen{Name: p.name, Lang: v.who.Lang, Who: v.who, Demo: v.persons(), Path: pagePath(v.r.URL), May: map[string]bool{}}
	sc.Live = liveURL(v.r.URL)
	for _, verb := range []string{"acknowledge", "note", "assign", "reopen", "run", "who", "declare"} {
		sc.May[verb] = v.console.May(v.who, verb)
	}
	var err error
	if sc.Now, err = v.console.Now(ctx, v.who); err != nil {
		return sc, shown{}, err
	}
	sh, err := p.load(ctx, v)
	sc.Data = sh.Data
	return sc, sh, err
}

// pagePath is the page's own address, also when its changes are asked for.
func pagePath(u *url.URL) string {
	q := u.Query()
	q.Del("live")
	if len(q) == 0 {
		return u.EscapedPath()
	}
	return u.EscapedPath() + "?" + q.Encode()
}

// liveURL is where a page's changes come from: the page itself, asked for what changes.
func liveURL(u *url.URL) string {
	q := u.Query()
	q.Set("live", "1")
	return u.EscapedPath() + "?" + q.Encode()
}

// broken answers what is our own fault, or the store's, without saying which to strangers.
func (s *rooms) broken(rw http.ResponseWriter, r *http.Request, err error) {
	s.log.Error("console request not answered", "path", r.URL.Path, "error", err)
	rw.Header().Set("Retry-After", "5")
	http.Error(rw, text.Say(text.ParseLang(r.Header.Get("Accept-Language")), "console.unavailable"), http.StatusServiceUnavailable)
}

// incidentList is what the list of incidents shows.
type incidentList struct {
	Rows  []bot.IncidentRow
	Next  string // query of the next page; "" at the end
	Tab   string
	Tabs  []string
	Query string
	Sevs  map[string]bool
	All   []string // severities there are
	Open  int64
	Later bool // not the first page
}

var (
	tabs       = []string{"open", "triggered", "acknowledged", "resolved", "all"}
	tabStates  = map[string][]string{"open": {"triggered", "acknowledged"}, "triggered": {"triggered"}, "acknowledged": {"acknowledged"}, "resolved": {"resolved"}, "all": nil}
	severities = []string{"P0", "P1", "P2", "P3", "P4", "P5"}
)

func listIncidents(ctx context.Context, v *visit) (shown, error) {
	q := v.r.URL.Query()
	l := incidentList{Tab: q.Get("state"), Tabs: tabs, Query: strings.TrimSpace(plain(cut(q.Get("q"), 200))), Sevs: map[string]bool{}, All: severities, Later: q.Get("cursor") != ""}
	if _, ok := tabStates[l.Tab]; !ok {
		l.Tab = "open"
	}
	f := bot.IncidentFilter{States: tabStates[l.Tab], Query: l.Query, Cursor: q.Get("cursor")}
	for _, s := range q["severity"] {
		if slices.Contains(severities, s) && !l.Sevs[s] {
			l.Sevs[s] = true
			f.Severities = append(f.Severities, s)
		}
	}
	rows, next, err := v.console.Incidents(ctx, v.who, f)
	if err != nil {
		return shown{}, err
	}
	l.Rows = rows
	if l.Tab == "open" {
		// What burns comes first among what the page holds; within a severity the newest, as everywhere.
		slices.SortStableFunc(l.Rows, func(a, b bot.IncidentRow) int { return strings.Compare(a.Severity, b.Severity) })
	}
	if next != "" {
		q.Del("live")
		q.Set("cursor", next)
		l.Next = "/?" + q.Encode()
	}
	l.Open, err = v.console.OpenCount(ctx)
	return shown{Title: text.Say(v.who.Lang, "console.nav_incidents"), Data: l}, err
}

// incidentScreen is an incident with those to whom it can be given.
type incidentScreen struct {
	bot.IncidentPage
	People []bot.Person
}

// quick is how often a page looks while something runs: output comes without notice.
const quick = 250 * time.Millisecond

func showIncident(ctx context.Context, v *visit) (shown, error) {
	p, err := v.console.Incident(ctx, v.who, v.r.PathValue("id"))
	if err != nil {
		return shown{}, err
	}
	s := shown{Title: p.Severity + " #" + number(p.Number) + " " + plain(p.Title), Data: incidentScreen{p, v.console.People()}, Subjects: []string{p.ID}}
	for _, q := range p.Requests {
		s.Subjects = append(s.Subjects, q.ID)
		if !q.Done && q.Began {
			s.Again = quick
		}
	}
	return s, nil
}

func showDuties(ctx context.Context, v *visit) (shown, error) {
	list, err := v.console.Duties(ctx, v.who)
	return shown{Title: text.Say(v.who.Lang, "console.nav_oncall"), Data: list}, err
}

func listRequests(ctx context.Context, v *visit) (shown, error) {
	rows, next, err := v.console.Requests(ctx, v.who, v.r.URL.Query().Get("cursor"))
	if next != "" {
		next = "/requests?cursor=" + url.QueryEscape(next)
	}
	return shown{Title: text.Say(v.who.Lang, "console.nav_requests"), Data: struct {
		Rows []bot.RequestRow
		Next string
	}{rows, next}}, err
}

func showRequest(ctx context.Context, v *visit) (shown, error) {
	q, err := v.console.Request(ctx, v.who, v.r.PathValue("id"))
	s := shown{Title: plain(q.Title), Data: q, Subjects: []string{q.ID}}
	if q.Began && !q.Done {
		s.Again = quick
	}
	return s, err
}
