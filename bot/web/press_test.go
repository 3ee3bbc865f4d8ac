package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dogwatch/incidents"
)

// Everything works without a script: the page that a form leads to shows what was done.
func TestWithoutScript(t *testing.T) {
	w := newWorld(t, options{})
	i := w.raise("DiskFull", "P1", nil, map[string]string{"summary": "97 % used"})
	alice := w.as("token-of-alice")
	_, page := alice.get("/incidents/1")
	if i.Number != 1 || !strings.Contains(page, "97 % used") {
		t.Fatalf("incident %d:\n%s", i.Number, page)
	}
	form := alice.form(page, "acknowledge")
	status, page := alice.post("/press", form)
	if status != http.StatusOK || !strings.Contains(page, "Acknowledged #1. It is yours.") || !strings.Contains(page, "<h1>DiskFull</h1>") && !strings.Contains(page, "97 % used</h1>") {
		t.Fatalf("%d:\n%s", status, page)
	}
	if got := w.get(i.ID); got.State != incidents.Acknowledged || *got.AcknowledgedBy != "alice" {
		t.Fatalf("%+v", got)
	}
	for _, c := range []struct{ verb, text, person, want string }{
		{"note", "looking <b>now</b>", "", "Noted on #1."},
		{"assign", "", "bob", "Assigned #1 to Bob Miller."},
	} {
		form := alice.form(page, c.verb)
		form.Set("text", c.text)
		form.Set("person", c.person)
		if _, page = alice.post("/do", form); !strings.Contains(page, c.want) {
			t.Fatalf("%s:\n%s", c.verb, page)
		}
	}
	if !strings.Contains(page, "looking &lt;b&gt;now&lt;/b&gt;") {
		t.Fatalf("the note is not in the timeline:\n%s", page)
	}
	_, page = alice.post("/press", alice.form(page, "resolve"))
	if w.get(i.ID).State != incidents.Closed {
		t.Fatalf("not resolved:\n%s", page)
	}
	_, page = alice.post("/do", alice.form(page, "reopen"))
	if w.get(i.ID).State != incidents.Triggered {
		t.Fatalf("not reopened:\n%s", page)
	}
}

// A form sent twice has one effect; a form shown anew is another press.
func TestOneFormOneEffect(t *testing.T) {
	w := newWorld(t, options{})
	i := w.raise("DiskFull", "P1", nil, nil)
	alice := w.as("token-of-alice")
	_, page := alice.get("/incidents/1")
	notes := func() (n int) {
		lines, err := w.incidents.History(w.ctx, i.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if l.Kind == "note" {
				n++
			}
		}
		return n
	}
	form := alice.form(page, "note")
	form.Set("text", "once")
	for range 3 {
		alice.post("/do", form)
	}
	if n := notes(); n != 1 {
		t.Fatalf("%d notes after one form was sent three times", n)
	}
	_, page = alice.get("/incidents/1")
	form = alice.form(page, "note")
	form.Set("text", "once")
	alice.post("/do", form)
	if n := notes(); n != 2 {
		t.Fatalf("%d notes after two forms", n)
	}
}

// What is asked for is refused with the form filled in as it was, asked for again, and decided by somebody else.
func TestRequestByForms(t *testing.T) {
	w := newWorld(t, options{})
	w.raise("DiskFull", "P1", nil, nil)
	alice := w.as("token-of-alice")
	_, page := alice.get("/incidents/1")
	_, page = alice.post("/press", alice.form(page, "run"))
	_, page = alice.post("/press", alice.form(page, "choose"))
	if !strings.Contains(page, "Unit <small>required</small>") {
		t.Fatalf("no form:\n%s", page)
	}
	send := func(page, unit string) string {
		form := url.Values{}
		part := page[strings.Index(page, `class="fields"`):]
		for _, m := range input.FindAllStringSubmatch(part[:strings.Index(part, "</form>")], -1) {
			form.Set(m[1], m[2])
		}
		form.Set("f.unit", unit)
		_, body := alice.post("/press", form)
		return body
	}
	page = send(page, "Not A Unit")
	if !strings.Contains(page, `value="Not A Unit"`) || !strings.Contains(page, `aria-invalid="true"`) {
		t.Fatalf("the refused form does not come back:\n%s", page)
	}
	page = send(page, "nginx.service")
	if !strings.Contains(page, "It waits for approval until") || !strings.Contains(page, "You asked for this yourself") {
		t.Fatalf("no request:\n%s", page)
	}
	bob := w.as("token-of-bob")
	_, page = bob.get("/incidents/1")
	_, page = bob.post("/press", bob.form(page, "reject"))
	if !strings.Contains(page, "Rejected “Restart a service”") {
		t.Fatalf("not rejected:\n%s", page)
	}
}

// Words are the same as on every platform.
func TestWords(t *testing.T) {
	w := newWorld(t, options{})
	w.raise("DiskFull", "P1", nil, nil)
	carol := w.as("token-of-carol")
	for words, want := range map[string]string{"/oncall 认领 1": "#1", "who": "web-primary", "resove 1": "resolve"} {
		if _, page := carol.post("/say", url.Values{"text": {words}, "once": {words}, "back": {"/oncall"}}); !strings.Contains(page, want) {
			t.Errorf("%q is answered by a page without %q:\n%s", words, want, page)
		}
	}
}

// A button that is not ours, somebody without the right, a token that only reads: a sentence and no effect.
func TestWithoutRight(t *testing.T) {
	w := newWorld(t, options{})
	i := w.raise("DiskFull", "P1", nil, nil)
	alice, vera, reader := w.as("token-of-alice"), w.as("token-of-vera"), w.as("token-of-bob-read")
	_, page := alice.get("/incidents/1")
	form := alice.form(page, "acknowledge")
	for name, b := range map[string]*browser{"viewer": vera, "reader": reader} {
		_, page := b.get("/incidents/1")
		if strings.Contains(page, `data-verb="acknowledge"`) || strings.Contains(page, `data-verb="note"`) {
			t.Errorf("%s sees buttons that are not theirs", name)
		}
		if _, page = b.post("/press", form); !strings.Contains(page, "othing was done") {
			t.Errorf("%s pressed and read:\n%s", name, page)
		}
	}
	form.Set("value", form.Get("value")+"x")
	if _, page := alice.post("/press", form); !strings.Contains(page, "not one of ours") {
		t.Errorf("a forged button is answered:\n%s", page)
	}
	if got := w.get(i.ID); got.State != incidents.Triggered {
		t.Fatalf("it is %s", got.State)
	}
}
