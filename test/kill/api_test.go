package kill

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func pid(n int) string { return strconv.Itoa(n) }

// incident is what the API shows of one.
type incident struct {
	ID        string    `json:"id"`
	Number    int64     `json:"number"`
	State     string    `json:"state"`
	Severity  string    `json:"severity"`
	Policy    string    `json:"policy"`
	CreatedAt time.Time `json:"created_at"`
	GroupKey  string    `json:"group_key"`
	Alerts    struct {
		Firing   int `json:"firing"`
		Total    int `json:"total"`
		Received int `json:"received"`
	} `json:"alerts"`
	List []struct {
		Fingerprint string    `json:"fingerprint"`
		Status      string    `json:"status"`
		StartsAt    time.Time `json:"starts_at"`
	} `json:"alert_list"`
	Timeline []event `json:"timeline"`
}

// event is one line of an incident's timeline.
type event struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	Actor struct {
		Person string `json:"person"`
		Via    string `json:"via"`
	} `json:"actor"`
	Data struct {
		Person  string `json:"person"`
		Channel string `json:"channel"`
		Step    int    `json:"step"`
		Round   int    `json:"round"`
		Key     string `json:"key"`
		State   string `json:"state"`
		Request string `json:"request"`
		Run     string `json:"run"`
	} `json:"data"`
}

// events are the lines of one kind.
func (i *incident) events(kind string) (out []event) {
	for _, e := range i.Timeline {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// request is what the API shows of a remediation that was asked for.
type request struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	Action    string    `json:"action"`
	Incident  string    `json:"incident"`
	Requester string    `json:"requester"`
	Digest    string    `json:"digest"`
	ExpiresAt time.Time `json:"expires_at"`
	Approvals []struct {
		Person string    `json:"person"`
		Via    string    `json:"via"`
		At     time.Time `json:"at"`
	} `json:"approvals"`
	RunID     string     `json:"run_id"`
	StartedAt *time.Time `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
	ExitCode  *int       `json:"exit_code"`
	Outcome   string     `json:"outcome"`
	RetryOf   string     `json:"retry_of"`
}

func (r *request) final() bool {
	switch r.State {
	case "pending", "approved", "running", "paused", "":
		return false
	}
	return true
}

// asked is one call of the API by a person.
type asked struct {
	person, method, path string
	body, into           any
	key                  string // Idempotency-Key
}

// call makes one call of a replica's API; status 0 is no answer.
func (r *replica) call(a asked) (status int, err error) {
	var body io.Reader
	if a.body != nil {
		text, err := json.Marshal(a.body)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(text)
	}
	q, err := http.NewRequest(a.method, r.at()+"/api/v1/"+a.path, body)
	if err != nil {
		return 0, err
	}
	q.Header.Set("Authorization", "Bearer "+canaries["K_"+strings.ToUpper(a.person)])
	q.Header.Set("Content-Type", "application/json")
	if a.key != "" {
		q.Header.Set("Idempotency-Key", a.key)
	}
	answer, err := quick.Do(q)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	if answer.StatusCode/100 != 2 {
		return answer.StatusCode, fmt.Errorf("%s %s: %d %s", a.method, a.path, answer.StatusCode, text)
	}
	if a.into == nil {
		return answer.StatusCode, nil
	}
	return answer.StatusCode, json.Unmarshal(text, a.into)
}

// must makes a call that has to succeed.
func (r *replica) must(a asked) {
	r.w.Helper()
	if _, err := r.call(a); err != nil {
		r.w.Fatalf("%v\n%s", err, r.said())
	}
}

// incidents are all there are, with alerts and timelines.
func (r *replica) incidents() []incident {
	r.w.Helper()
	var out []incident
	for cursor := ""; ; {
		var page struct {
			Incidents  []incident `json:"incidents"`
			NextCursor string     `json:"next_cursor"`
		}
		r.must(asked{person: "alice", method: "GET", path: "incidents?limit=500&cursor=" + url.QueryEscape(cursor), into: &page})
		for _, i := range page.Incidents {
			out = append(out, r.incident(i.ID))
		}
		if cursor = page.NextCursor; cursor == "" {
			return out
		}
	}
}

func (r *replica) incident(id string) (i incident) {
	r.w.Helper()
	r.must(asked{person: "alice", method: "GET", path: "incidents/" + id, into: &i})
	return i
}

func (r *replica) request(id string) (q request) {
	r.w.Helper()
	r.must(asked{person: "alice", method: "GET", path: "requests/" + id, into: &q})
	return q
}

// requests are all that were ever made.
func (r *replica) requests() (out []request) {
	r.w.Helper()
	for cursor := ""; ; {
		var page struct {
			Requests   []request `json:"requests"`
			NextCursor string    `json:"next_cursor"`
		}
		r.must(asked{person: "alice", method: "GET", path: "requests?limit=200&cursor=" + url.QueryEscape(cursor), into: &page})
		out = append(out, page.Requests...)
		if cursor = page.NextCursor; cursor == "" {
			return out
		}
	}
}

// ask lets alice ask for an action.
func (r *replica) ask(action, incident string) (q request) {
	r.w.Helper()
	body := map[string]any{}
	if incident != "" {
		body["incident"] = incident
	}
	r.must(asked{person: "alice", method: "POST", path: "actions/" + action + "/requests", body: body, into: &q})
	return q
}

// approve lets bob approve; where the process dies meanwhile there is no answer.
func (r *replica) approve(q request) (int, error) {
	return r.call(asked{person: "bob", method: "POST", path: "requests/" + q.ID + "/approve", body: map[string]any{"digest": q.Digest}})
}

// ends waits until a request is in a final state.
func (r *replica) ends(id string, limit time.Duration) (q request) {
	r.w.Helper()
	r.w.until(limit, "request "+id+" to end", func() bool { q = r.request(id); return q.final() })
	return q
}
