package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"dogwatch/bot"
	"dogwatch/incidents"
)

// hostile are texts that have been markup, script or lies somewhere.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg/onload=alert(1)>`, `javascript:alert(1)`, `</title><script>alert(1)</script>`,
	`</textarea><script>alert(1)</script>`, `{{.Data}}`, `{{template "answer" .}}`, "${alert(1)}", `<hx-partial hx-target="body">x</hx-partial>`,
	`" hx-get="/signout" hx-trigger="load`, `<a href="javascript:alert(1)">x</a>`, `<iframe srcdoc="<script>alert(1)</script>">`, `<style>@import url(//evil)</style>`,
	"\u202egnp.exe", "\x1b[31mred\x00", "<!--", "]]>", `&lt;script&gt;`, "data: evil\n\ndata: <script>alert(1)</script>", `once-`, `<base href="//evil">`,
}

var (
	values      = regexp.MustCompile(`"[^"]*"`) // attributes' values: quotes of a text are escaped
	inlineEvent = regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`)
	inlineCode  = regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]`)
	badAddress  = regexp.MustCompile(`(?i)(?:href|src|action)="(?:javascript|data|//)`)
	inlineStyle = regexp.MustCompile(`(?i)<[^>]*\sstyle\s*=|<style`)
	elsewhere   = regexp.MustCompile(`(?i)<(?:script|link|img|iframe|base|object|embed)[^>]*(?:href|src)="(?:[a-z]+:)?//`)
)

// clean holds that a page has nothing in it that runs, styles or loads from elsewhere.
func clean(t *testing.T, where, page string) {
	t.Helper()
	if found := inlineEvent.FindString(values.ReplaceAllString(page, `""`)); found != "" {
		t.Errorf("%s has an inline handler: %q", where, found)
	}
	for name, r := range map[string]*regexp.Regexp{"an inline script": inlineCode, "a bad address": badAddress,
		"an inline style": inlineStyle, "something from elsewhere": elsewhere} {
		if found := r.FindString(page); found != "" {
			t.Errorf("%s has %s: %q", where, name, found)
		}
	}
	for _, tag := range []string{"<img", "<iframe", "<hx-partial", "<base", "alert(1)</script>", "\u202e", "\x1b", "\x00", `hx-get="/signout"`} {
		if strings.Contains(page, tag) {
			t.Errorf("%s has %q in it", where, tag)
		}
	}
}

// Whatever alerts, notes and words say, it is text on every page, in every fragment and in every stream.
func TestTextsAreNeverMarkup(t *testing.T) {
	w := newWorld(t, options{})
	alice := w.as("token-of-alice")
	for n, text := range hostile {
		all := map[string]string{"summary": text, "description": text, "runbook_url": text, "link": text}
		name := "h" + string(rune('a'+n))
		i := w.raise(name, "P1", map[string]string{"evil": text, text: "x", "alertname": text}, all)
		if err := w.incidents.Note(w.ctx, i.ID, incidents.By{Actor: incidents.Actor{Person: "bob", Via: "slack"}}, text); err != nil {
			t.Fatal(err)
		}
		if _, err := w.web.Send(w.ctx, bot.Message{Key: "m" + name, To: bot.Address{Platform: "web", To: "ops"}, Text: text,
			Card: &bot.Card{Kind: bot.DigestCard, Headline: text, Status: text, Body: []string{text}, Code: text, Footer: text,
				Facts: []bot.Fact{{Name: text, Value: text}}, Requests: []bot.RequestPart{{Status: text, Code: text}}, Links: []bot.Link{{Label: text, URL: text}}}}); err != nil {
			t.Fatal(err)
		}
		page := "/incidents/" + string(i.ID)
		status, body := alice.get(page)
		if status != http.StatusOK {
			t.Fatalf("%s: %d", page, status)
		}
		clean(t, page+" of "+text, body)
		_, body = alice.post("/say", url.Values{"text": {text}, "once": {text}, "back": {"/oncall?x=" + text}})
		clean(t, "the answer to "+text, body)
		_, body = alice.get("/?q=" + url.QueryEscape(text) + "&state=" + url.QueryEscape(text) + "&severity=" + url.QueryEscape(text))
		clean(t, "the search for "+text, body)
	}
	for _, page := range []string{"/?state=all", "/feeds/ops", "/feeds", "/inbox", "/requests"} {
		_, body := alice.get(page)
		clean(t, page, body)
	}
	_, body := alice.get("/?state=all")
	if !strings.Contains(body, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the texts are not on the list at all")
	}
}

// Links of alerts are shown when they lead to the web, and never otherwise.
func TestLinksOfAlerts(t *testing.T) {
	w := newWorld(t, options{})
	alice := w.as("token-of-alice")
	for n, link := range []string{"https://prom.example.org/graph?g0=up", "javascript:alert(1)", "data:text/html,x", "//evil.example.org", "vbscript:x", "ftp://x/y"} {
		group := "g" + string(rune('a'+n))
		r := incidents.Report{Fingerprint: group, Status: incidents.Firing, Labels: map[string]string{"alertname": group}, StartsAt: t0, GeneratorURL: link}
		if _, err := w.incidents.Ingest(w.ctx, "prom", incidents.Batch{Reports: []incidents.Report{r}}, func(string, *incidents.Report) incidents.Decision {
			return incidents.Decision{Name: "x", GroupID: group, GroupKey: "prom/" + group, Severity: "P3"}
		}); err != nil {
			t.Fatal(err)
		}
		list, _, err := w.incidents.List(w.ctx, incidents.Filter{Query: "prom/" + group})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		_, page := alice.get("/incidents/" + string(list[0].ID))
		if shown := strings.Contains(page, "Open at its source"); shown != (n == 0) {
			t.Errorf("%s: shown is %v", link, shown)
		}
	}
}

// Every answer carries the headers, whatever it is an answer to.
func TestHeaders(t *testing.T) {
	w := newWorld(t, options{external: "https://oncall.example.org"})
	b := w.browser()
	for _, path := range []string{"/", "/signin", "/nowhere", "/assets/console.css", "/assets/none", "/assets/..%2fpages%2flayout.html", "/oncall?live=1"} {
		_, _, h := b.do(b.request(http.MethodGet, path, nil))
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy %q is not strict", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "Strict-Transport-Security": "max-age=31536000"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
	}
}

// A page of another origin can do nothing in somebody's name, and no GET changes anything.
func TestOtherOrigins(t *testing.T) {
	w := newWorld(t, options{})
	i := w.raise("DiskFull", "P1", nil, nil)
	alice := w.as("token-of-alice")
	_, page := alice.get("/incidents/1")
	form := alice.form(page, "acknowledge")
	for name, header := range map[string][2]string{"cross-site": {"Sec-Fetch-Site", "cross-site"}, "same-site": {"Sec-Fetch-Site", "same-site"}, "origin": {"Origin", "https://evil.example.org"}, "null": {"Origin", "null"}} {
		for _, path := range []string{"/press", "/say", "/do", "/signout", "/signin"} {
			r := alice.request(http.MethodPost, path, form)
			r.Header.Set(header[0], header[1])
			if status, _, _ := alice.do(r); status != http.StatusForbidden {
				t.Errorf("%s to %s: %d", name, path, status)
			}
		}
	}
	for _, path := range []string{"/press", "/say", "/do", "/signout"} {
		if status, _ := alice.get(path + "?" + form.Encode()); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	if !alice.signedIn() || w.get(i.ID).State != incidents.Triggered {
		t.Fatal("something was done")
	}
	if _, body := alice.post("/press", form); !strings.Contains(body, "It is yours.") {
		t.Fatalf("the page's own form is refused:\n%s", body)
	}
}

// Nobody who is not signed in sees or does anything, and is never sent to another site.
func TestNobody(t *testing.T) {
	w := newWorld(t, options{})
	i := w.raise("DiskFull", "P1", nil, nil)
	form := w.as("token-of-alice")
	_, page := form.get("/incidents/1")
	press := form.form(page, "acknowledge")
	b := w.browser()
	for _, path := range []string{"/", "/incidents/1", "/inbox", "/feeds/ops", "/requests", "/oncall"} {
		if _, body := b.get(path); strings.Contains(body, "DiskFull") || !strings.Contains(body, `name="token"`) {
			t.Errorf("%s shows something to nobody", path)
		}
		if status, body := b.get(path + "?live=1"); status != http.StatusUnauthorized || strings.Contains(body, "DiskFull") {
			t.Errorf("the stream of %s is answered %d", path, status)
		}
	}
	b.post("/press", press)
	if w.get(i.ID).State != incidents.Triggered {
		t.Fatal("nobody acknowledged")
	}
	for _, to := range []string{"https://evil.example.org", "//evil.example.org", `/\evil.example.org`, "/signout", "evil"} {
		fresh := w.browser()
		fresh.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		_, _, h := fresh.do(fresh.request(http.MethodPost, "/signin", url.Values{"token": {"token-of-alice"}, "back": {to}}))
		if h.Get("Location") != "/" {
			t.Errorf("after sign-in one is sent from %q to %q", to, h.Get("Location"))
		}
	}
	if status, _ := form.get("/feeds/@bob"); status != http.StatusNotFound {
		t.Errorf("somebody else's inbox: %d", status)
	}
}

// A body larger than any form of ours is not read.
func TestLargeForms(t *testing.T) {
	w := newWorld(t, options{})
	alice := w.as("token-of-alice")
	if _, body := alice.post("/say", url.Values{"text": {"note 1 " + strings.Repeat("x", 100<<10)}}); strings.Contains(body, "xxxx") {
		t.Fatal("it was read")
	}
}
