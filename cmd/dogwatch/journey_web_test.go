package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// openConsole gives the houses of this journey the web console. Most journeys have none, as pages would reach people there, too.
func (j *journey) openConsole([]string) {
	j.config = strings.Replace(j.config, "\nplatforms:\n", "\nplatforms:\n  web: {}\n", 1)
	j.restart()
}

// visitor is a person's browser: cookies, pages and their forms, no script.
type visitor struct {
	j *journey
	*http.Client
}

// visits signs a person in to the console by token. All houses know the session, as they share one Redis.
func (j *journey) visits(person string) visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		j.wrong("%v", err)
	}
	v := visitor{j, &http.Client{Jar: jar, Timeout: j.client.Timeout}}
	v.send(j.houses[0], "/signin", url.Values{"token": {j.env["TOKEN_"+strings.ToUpper(person)]}})
	return v
}

// open shows a page of a house.
func (v visitor) open(at *inhabited, path string) string {
	return v.page(v.Get("http://" + at.address + path))
}

// send posts a form to a house and returns the page that answers.
func (v visitor) send(at *inhabited, path string, form url.Values) string {
	return v.page(v.PostForm("http://"+at.address+path, form))
}

// page is the text of a page; "" when none came, which fails the journey. Many may ask at once.
func (v visitor) page(resp *http.Response, err error) string {
	if err != nil {
		v.j.Errorf("line %d: the console: %v", v.j.line, err)
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		v.j.Errorf("line %d: the console answered %s: %v\n%s", v.j.line, resp.Status, err, body)
		return ""
	}
	return string(body)
}

// button finds a button on a page as it is now and returns what presses it there. Every page that is shown gives its forms ids
// of their own, so buttons of two pages are two presses, and the console cannot take one for the other sent again.
func (v visitor) button(at *inhabited, path, label string) (press func() string) {
	page := v.open(at, path)
	form := formOf(page, label)
	if form == nil {
		v.j.wrong("there is no button %s on %s:\n%s", label, path, page)
	}
	return func() string { return saidOn(v.send(at, "/press", form)) }
}

var (
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)
	saidSection = regexp.MustCompile(`(?s)<section class="said.*?</section>`)
)

// formOf is what the form of a labelled button sends: the button's value, the form's one-time id, the page to come back to.
// It is nil when the page has no such button.
func formOf(page, label string) url.Values {
	for _, f := range strings.Split(page, "<form ")[1:] {
		f, _, _ = strings.Cut(f, "</form>")
		if !strings.HasSuffix(f, ">"+label+"</button>") {
			continue
		}
		form := url.Values{}
		for _, m := range hiddenInput.FindAllStringSubmatch(f, -1) {
			form.Set(m[1], html.UnescapeString(m[2]))
		}
		return form
	}
	return nil
}

// saidOn is the answer to a press on the page that came back; "" when the page says nothing.
func saidOn(page string) string { return saidSection.FindString(page) }
