package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"dogwatch/bot/slack/slacktest"
	"dogwatch/bot/wecom/wecomtest"
)

// slackOf are people's accounts in the played Slack.
var slackOf = map[string]string{"alice": "U0ALICE", "bob": "U0BOB", "carol": "U0CAROL", "vera": "U0VERA", "guest": "U0GUEST", "stranger": "U0STRANGER"}

func (j *journey) alert(words []string) {
	times, words := option(words, "times")
	since, words := option(words, "since")
	where, words := option(words, "at")
	together, words := flagged(words, "together")
	resolved, words := flagged(words, "resolved")
	n := 1
	if times != "" {
		n, _ = strconv.Atoi(times)
	}
	labels := map[string]string{"alertname": words[0]}
	for _, pair := range words[1:] {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			j.wrong("%q is no label", pair)
		}
		labels[name] = value
	}
	id := fmt.Sprint(labels)
	if _, known := j.alerts[id]; !known || since != "" {
		d, err := time.ParseDuration("0s" + strings.TrimPrefix(since, "+"))
		if strings.HasPrefix(since, "-") {
			d, err = time.ParseDuration(since)
		}
		if err != nil {
			j.wrong("%v", err)
		}
		j.alerts[id] = j.clock.Now().Add(d)
	}
	status, ends := "firing", time.Time{}
	if resolved {
		status, ends = "resolved", j.clock.Now()
	}
	one := map[string]any{"status": status, "labels": labels, "annotations": map[string]string{"summary": words[0] + " is in trouble"},
		"startsAt": j.alerts[id], "endsAt": ends, "fingerprint": fmt.Sprintf("%x", id)}
	body, _ := json.Marshal(map[string]any{"version": "4", "status": status, "receiver": "dogwatch", "groupKey": "{}", "alerts": []any{one},
		"groupLabels": map[string]string{}, "commonLabels": labels, "commonAnnotations": map[string]string{}, "externalURL": "http://am.example.org"})
	r := j.houses[0]
	if where == "second" {
		r = j.houses[1]
	}
	send := func() {
		if got := j.call(query{at: r, method: http.MethodPost, path: "/alerts/prom", as: "PROM_TOKEN", body: string(body)}); got.status != http.StatusOK {
			j.Errorf("line %d: the door answered %d: %s", j.line, got.status, got.body)
		}
	}
	var wg sync.WaitGroup
	for range n {
		if together {
			wg.Go(send)
		} else {
			send()
		}
	}
	wg.Wait()
	j.rest()
}

// query is one request of a house.
type query struct {
	at                 *inhabited // nil: the first
	method, path, body string
	as                 string            // the secret that holds the token; "" sends none
	header             map[string]string // besides
}

// answer is what came back; status 0: nothing did.
type answer struct {
	status int
	body   string
	header http.Header
}

// call makes a request.
func (w *world) call(a query) answer {
	if a.at == nil {
		a.at = w.houses[0]
	}
	req, err := http.NewRequest(a.method, "http://"+a.at.address+a.path, strings.NewReader(a.body))
	if err != nil {
		w.Errorf("%s %s: %v", a.method, a.path, err)
		return answer{}
	}
	if a.as != "" {
		req.Header.Set("Authorization", "Bearer "+w.env[a.as])
	}
	for name, value := range a.header {
		req.Header.Set(name, value)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.Errorf("%s %s: %v", a.method, a.path, err)
		return answer{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Errorf("%s %s: %v", a.method, a.path, err)
	}
	return answer{resp.StatusCode, string(body), resp.Header}
}

func (j *journey) say(words []string) {
	platform, words := after(words, "on")
	channel, words := after(words, "in")
	if len(words) != 2 {
		j.wrong("say PERSON on PLATFORM WORDS")
	}
	j.told[words[0]] = j.speak(words[0], platform, channel, words[1])
	j.rest()
}

// speak says words as a person and returns what the person is told.
func (j *journey) speak(person, platform, channel, line string) string {
	ctx := context.Background()
	if platform == "wecom" {
		before := len(j.wecom.Messages("@" + person))
		d, err := j.wecom.Say(ctx, person, line)
		if err != nil {
			j.wrong("%v", err)
		}
		return j.wecomAnswer(d, person, before)
	}
	before := len(j.slack.Ephemerals(slackOf[person]))
	d, err := j.slack.Command(ctx, slackOf[person], channel, line)
	if err != nil || !d.OK() {
		j.wrong("slack got %d %s %v", d.Status, d.Error, err)
	}
	return j.slackAnswer(person, before)
}

// slackAnswer is what Slack showed a person alone since before.
func (j *journey) slackAnswer(person string, before int) string {
	var out strings.Builder
	for _, m := range j.slack.Ephemerals(slackOf[person])[before:] {
		out.WriteString(m.Text + " " + string(m.Blocks))
	}
	return out.String()
}

func (j *journey) wecomAnswer(d wecomtest.Delivery, person string, before int) string {
	out := ""
	if d.Reply != nil {
		if d.Reply.Fault != "" {
			j.wrong("WeCom would not take the reply: %s", d.Reply.Fault)
		}
		out = d.Reply.Content + " " + d.Reply.Replace
	}
	for _, m := range j.wecom.Messages("@" + person)[before:] {
		out += " " + m.Text + string(m.Card)
	}
	return out
}

func (j *journey) press(words []string) {
	stale, words := flagged(words, "stale")
	person, words := after(words, "by")
	platform, words := after(words, "on")
	channel, words := after(words, "in")
	if len(words) != 1 {
		j.wrong("press LABEL by PERSON on PLATFORM [in CHANNEL]")
	}
	if platform == "web" {
		j.told[person] = j.visits(person).button(j.houses[0], channel, words[0])()
		j.rest()
		return
	}
	ctx := context.Background()
	if platform == "wecom" {
		before := len(j.wecom.Messages("@" + person))
		var d wecomtest.Delivery
		j.eventually("the button to be there", func() string {
			var err error
			d, err = j.wecom.Click(ctx, wecomtest.Press{User: person, Key: words[0], Stale: stale})
			return complaint(err)
		})
		// The sentence comes as a message of its own when the press's answer has no room for it.
		j.eventually("an answer", func() string {
			j.told[person] = j.wecomAnswer(d, person, before)
			return sayUnless(j.told[person] != "", "nothing was said")
		})
		j.rest()
		return
	}
	if channel == "" {
		channel = slackOf[person]
	}
	before := len(j.slack.Ephemerals(slackOf[person]))
	views := len(j.slack.Views(slackOf[person]))
	j.eventually("the button to be there", func() string {
		d, err := j.slack.Click(ctx, slacktest.Click{User: slackOf[person], Channel: channel, Label: words[0], Stale: stale})
		if err == nil && !d.OK() {
			j.wrong("slack got %d %s", d.Status, d.Error)
		}
		return complaint(err) + standing(err, j.shownAt("slack", channel))
	})
	j.eventually("an answer", func() string {
		j.told[person] = j.slackAnswer(person, before)
		return sayUnless(j.told[person] != "" || len(j.slack.Views(slackOf[person])) != views, "nothing was said")
	})
	j.rest()
}

// standing is what stands where something was not found.
func standing(err error, shown []string) string {
	if err == nil {
		return ""
	}
	return "; there stands:\n\t" + strings.Join(shown, "\n\t")
}

func complaint(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// submit fills in the form that is open before a person.
func (j *journey) submit(words []string) {
	person, words := after(words, "by")
	_, words = after(words, "on")
	values := map[string]string{}
	for _, pair := range words {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	before := len(j.slack.Ephemerals(slackOf[person]))
	d, err := j.slack.Submit(context.Background(), slacktest.Submit{User: slackOf[person], Values: values})
	if err != nil || !d.OK() {
		j.wrong("slack got %d %s %v", d.Status, d.Error, err)
	}
	j.eventually("an answer", func() string {
		j.told[person] = j.slackAnswer(person, before)
		for _, v := range j.slack.Views(slackOf[person]) {
			j.told[person] += fmt.Sprint(v.Errors)
		}
		return sayUnless(j.told[person] != "", "nothing was said")
	})
	j.rest()
}

func (j *journey) api(words []string) {
	at, words := option(words, "at")
	if len(words) < 4 {
		j.wrong("api PERSON METHOD PATH STATUS [BODY]")
	}
	body := strings.Join(words[4:], " ")
	r := j.houses[0]
	if at == "second" {
		r = j.houses[1]
	}
	got := j.call(query{at: r, method: words[1], path: words[2], as: "TOKEN_" + strings.ToUpper(words[0]), body: body})
	if want, _ := strconv.Atoi(words[3]); got.status != want {
		j.wrong("the answer is %d: %s", got.status, got.body)
	}
	j.told[words[0]] = got.body
	j.rest()
}

// twenty approves a request twenty times at once: people say so in Slack and WeCom, press the console's button and call the
// API, of both houses where there are two, and all of them mean it.
func (j *journey) twenty(words []string) {
	id := string(j.request(words[1]).ID)
	carol, last := j.visits("carol"), j.houses[len(j.houses)-1]
	call := func(at *inhabited, secret string) string {
		return j.call(query{at: at, method: http.MethodPost, path: "/api/v1/requests/" + id + "/approve", as: secret, body: "{}"}).body
	}
	var approvals []func() string
	for n := range 4 {
		approvals = append(approvals,
			func() string { return j.speak("alice", "wecom", "", "批准 "+id) },
			func() string { return j.speak("carol", "slack", "C0OPS", "approve "+id) },
			carol.button(j.houses[n%len(j.houses)], "/requests/"+id, "批准"),
			func() string { return call(j.houses[0], "TOKEN_CAROL") },
			func() string { return call(last, "TOKEN_ALICE") })
	}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for n, approve := range approvals {
		wg.Go(func() {
			<-start
			if approve() == "" {
				j.Errorf("approval %d was answered with nothing", n)
			}
		})
	}
	close(start)
	wg.Wait()
}

func (j *journey) wasTold(words []string) {
	if got := j.told[words[0]]; !strings.Contains(got, words[1]) {
		j.wrong("%s was told %s", words[0], got)
	}
}

func (j *journey) wasNotTold(words []string) {
	if got := j.told[words[0]]; strings.Contains(got, words[1]) {
		j.wrong("%s was told %s", words[0], got)
	}
}

func (j *journey) letGo([]string) {
	if err := os.WriteFile(filepath.Join(j.work, "go"), nil, 0o600); err != nil {
		j.wrong("%v", err)
	}
}

func (j *journey) slackState(words []string) {
	if j.down = words[0] == "down"; j.down {
		j.slack.Plan(slacktest.Fault{Kind: slacktest.ServerError})
		return
	}
	j.slack.Heal()
}

func (j *journey) wecomState(words []string) {
	path := map[string]string{"down": "", "stale": "message/update_template_card"}
	if of, down := path[words[0]]; down {
		j.down = true
		j.wecom.Plan(wecomtest.Fault{Path: of, Status: http.StatusBadGateway, Times: 1 << 20})
		return
	}
	j.down = false
	j.wecom.ClearPlan()
}

// setClock stops the clock just before or at the newest request's expiry, or lets it run.
func (j *journey) setClock(words []string) {
	if words[0] == "runs" {
		j.clock.MoveTo(j.clock.Now())
		return
	}
	list := j.requests()
	at := list[len(list)-1].ExpiresAt
	if words[0] != "at" {
		d, err := time.ParseDuration(words[0])
		if err != nil {
			j.wrong("%v", err)
		}
		at = at.Add(-d)
	}
	j.clock.StopAt(at)
}
