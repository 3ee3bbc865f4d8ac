package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dogwatch/actions"
	"dogwatch/bot/wecom/wecomtest"
)

// want waits until something is so, and everything due has been done.
func (j *journey) want(words []string) {
	look, ok := map[string]func([]string) string{
		"incident": j.wantIncident, "incidents": j.wantIncidents, "request": j.wantRequest, "line": j.wantLine,
		"cards": j.wantCards, "card": j.wantCard, "nocard": j.wantNoCard, "effects": j.wantEffects,
	}[words[0]]
	if !ok {
		j.wrong("there is no want %s", words[0])
	}
	for i := range words {
		words[i] = j.fill(words[i])
	}
	j.eventually(strings.Join(words, " "), func() string {
		if c := look(words[1:]); c != "" {
			return c
		}
		if j.down || j.quiet() {
			return look(words[1:]) // also after all is done
		}
		return "something is still due"
	})
}

// get reads an answer of the API as carol.
func (j *journey) get(path string, into any) string {
	got := j.call(query{method: http.MethodGet, path: path, as: "TOKEN_CAROL"})
	if got.status != http.StatusOK {
		return fmt.Sprintf("%d %s", got.status, got.body)
	}
	if err := json.Unmarshal([]byte(got.body), into); err != nil {
		j.wrong("%v: %s", err, got.body)
	}
	return ""
}

// fields compares name=value words with an object's fields; "firing", "total" and "received" are the alerts'.
func fields(words []string, got map[string]any) string {
	if counts, ok := got["alerts"].(map[string]any); ok {
		for k, v := range counts {
			got[k] = v
		}
	}
	for _, w := range words {
		name, want, _ := strings.Cut(w, "=")
		value := fmt.Sprint(got[name])
		if list, ok := got[name].([]any); ok {
			value = ""
			for i, v := range list {
				if m, ok := v.(map[string]any); ok {
					v = fmt.Sprintf("%v@%v", m["person"], m["via"])
				}
				if i > 0 {
					value += ","
				}
				value += fmt.Sprint(v)
			}
		}
		if want == "null" {
			want = "<nil>"
		}
		if value != want {
			return fmt.Sprintf("%s is %s", name, value)
		}
	}
	return ""
}

func (j *journey) wantIncident(words []string) string {
	var got map[string]any
	if c := j.get("/api/v1/incidents/"+words[0], &got); c != "" {
		return c
	}
	return fields(words[1:], got)
}

func (j *journey) wantIncidents(words []string) string {
	var got incidentPage
	if c := j.get("/api/v1/incidents?limit=500", &got); c != "" {
		return c
	}
	return sayUnless(strconv.Itoa(len(got.Incidents)) == words[0], fmt.Sprintf("there are %d", len(got.Incidents)))
}

// requests are all of them, the oldest first.
func (j *journey) requests() []actions.Request {
	var got struct{ Requests []actions.Request }
	if c := j.get("/api/v1/requests?limit=100", &got); c != "" {
		j.wrong("%s", c)
	}
	slices.SortFunc(got.Requests, func(a, b actions.Request) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return got.Requests
}

// request is the N-th one made, from 1.
func (j *journey) request(n string) actions.Request {
	list := j.requests()
	at, err := strconv.Atoi(n)
	if err != nil || at < 1 || at > len(list) {
		j.wrong("there is no request %s of %d", n, len(list))
	}
	return list[at-1]
}

func (j *journey) wantRequest(words []string) string {
	var got map[string]any
	if c := j.get("/api/v1/requests/"+string(j.request(words[0]).ID), &got); c != "" {
		return c
	}
	return fields(words[1:], got)
}

// wantLine counts lines of an incident's history: want line page 1=2 — incident 1 has two pages.
func (j *journey) wantLine(words []string) string {
	incident, want, _ := strings.Cut(words[1], "=")
	var got incidentWhole
	if c := j.get("/api/v1/incidents/"+incident, &got); c != "" {
		return c
	}
	n, kinds := 0, []string{}
	for _, l := range got.Timeline {
		kinds = append(kinds, l.Kind)
		if l.Kind == words[0] {
			n++
		}
	}
	return sayUnless(strconv.Itoa(n) == want, fmt.Sprintf("there are %d: %v", n, kinds))
}

// shownAt is what stands at a place now: each message as text. A place is "slack C0OPS", "slack @bob",
// "wecom @alice" or "wecom ops"; "thread C0OPS" is what was told below the cards.
func (j *journey) shownAt(platform, place string) []string {
	var out []string
	if platform == "wecom" {
		cards := map[string]string{}
		if user, ok := strings.CutPrefix(place, "@"); ok {
			for _, c := range j.wecom.Cards(user) {
				cards[c.Message] = strings.Join([]string{c.Title, c.Desc, c.Text, c.Quote, c.Replaced, labelsOf(c)}, " · ")
			}
		}
		for _, m := range j.wecom.Messages(place) {
			if text, ok := cards[m.ID]; ok {
				out = append(out, text)
			} else if m.Robot != "" {
				out = append(out, m.Text+string(m.Card))
			}
		}
		return out
	}
	if person, ok := strings.CutPrefix(place, "@"); ok {
		place = slackOf[person]
	}
	for _, m := range j.slack.Messages(place) {
		if inThread := m.ThreadTS != "" && m.ThreadTS != m.TS; inThread == (platform == "thread") {
			out = append(out, m.Text+" "+string(m.Blocks))
		}
	}
	return out
}

func (j *journey) wantCards(words []string) string {
	got := j.shownAt(words[0], words[1])
	return sayUnless(strconv.Itoa(len(got)) == words[2], fmt.Sprintf("there are %d: %s", len(got), strings.Join(got, "\n\t")))
}

// wantCard: some message at the place contains all the words.
func (j *journey) wantCard(words []string) string {
	all := j.shownAt(words[0], words[1])
	for _, got := range all {
		if !slices.ContainsFunc(words[2:], func(w string) bool { return !strings.Contains(got, w) }) {
			return ""
		}
	}
	return "there stands:\n\t" + strings.Join(all, "\n\t")
}

// wantNoCard: no message at the place contains the words.
func (j *journey) wantNoCard(words []string) string {
	for _, got := range j.shownAt(words[0], words[1]) {
		if strings.Contains(got, words[2]) {
			return "there stands " + got
		}
	}
	return ""
}

// wantEffects counts what actions did.
func (j *journey) wantEffects(words []string) string {
	got, err := os.ReadFile(filepath.Join(j.work, "effects"))
	if err != nil && !os.IsNotExist(err) {
		j.wrong("%v", err)
	}
	return sayUnless(strconv.Itoa(strings.Count(string(got), "\n")) == words[0], "there are: "+string(got))
}

// fill puts ids in the place of {request}, {request.N} and {incident}.
func (j *journey) fill(line string) string {
	if !strings.Contains(line, "{request") && !strings.Contains(line, "{incident}") {
		return line
	}
	for i, r := range j.requests() {
		line = strings.ReplaceAll(line, fmt.Sprintf("{request.%d}", i+1), string(r.ID))
	}
	if list := j.requests(); len(list) > 0 {
		line = strings.ReplaceAll(line, "{request}", string(list[len(list)-1].ID))
	}
	var page incidentPage
	if c := j.get("/api/v1/incidents?limit=1", &page); c == "" && len(page.Incidents) == 1 {
		line = strings.ReplaceAll(line, "{incident}", string(page.Incidents[0].ID))
	}
	return line
}

// labelsOf are the buttons of a WeCom card that can be pressed.
func labelsOf(c wecomtest.Card) string {
	if c.Grey {
		return ""
	}
	var out []string
	for _, b := range c.Buttons {
		out = append(out, "["+b.Text+"]")
	}
	return strings.Join(out, " ")
}
