package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// place is where a question is answered: from a configuration file, or by a running dogwatch.
type place struct {
	app             *app
	file, url, auth string
}

// placeFlags adds --config.file, --url and --token.
func (a *app) placeFlags(c *cobra.Command) *place {
	p := &place{app: a}
	c.Flags().StringVar(&p.file, "config.file", "", a.say("flag_config"))
	c.Flags().StringVar(&p.url, "url", "", a.say("flag_url"))
	c.Flags().StringVar(&p.auth, "token", "", a.say("flag_token"))
	return p
}

// resolve decides between the two; the environment counts only when nothing is written.
func (p *place) resolve() error {
	if p.file != "" && (p.url != "" || p.auth != "") {
		return usage("--config.file and --url are two ways to ask; give one of them")
	}
	if p.file != "" {
		return nil
	}
	if p.url == "" {
		p.url, _ = p.app.env("DOGWATCH_URL")
	}
	if p.auth == "" {
		p.auth, _ = p.app.env("DOGWATCH_TOKEN")
	}
	if p.url == "" {
		return usage("give --config.file F, or --url of a running dogwatch (or DOGWATCH_URL)")
	}
	if u, err := url.Parse(p.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usage("--url must be an http or https address")
	}
	if p.auth == "" {
		return usage("--token is missing (or DOGWATCH_TOKEN)")
	}
	return nil
}

func (p *place) open(ctx context.Context) (*duties, error) {
	if err := p.resolve(); err != nil {
		return nil, err
	}
	if p.file == "" {
		return p.remote(ctx), nil
	}
	c, err := p.app.load(p.file)
	if err != nil {
		return nil, err
	}
	return fromFile(c), nil
}

// remote answers through the API.
func (p *place) remote(ctx context.Context) *duties {
	get := func(into any, query url.Values, path ...string) error {
		return p.call(ctx, question{method: http.MethodGet, query: query, path: path}, into)
	}
	between := func(from, to time.Time) url.Values {
		return url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}
	}
	return &duties{
		basis: basisLive,
		names: func(asked []string) ([]string, error) {
			if len(asked) > 0 {
				return asked, nil
			}
			var all struct {
				Schedules []struct {
					Name string `json:"name"`
				} `json:"schedules"`
			}
			err := get(&all, nil, "schedules")
			for _, s := range all.Schedules {
				asked = append(asked, s.Name)
			}
			return asked, err
		},
		oncall: func(name string, at time.Time) (s oncallSchedule, err error) {
			var report oncallReport
			if err = get(&report, url.Values{"at": {at.Format(time.RFC3339)}}, "schedules", name, "oncall"); err != nil {
				return s, err
			}
			if len(report.Schedules) != 1 {
				return s, failed("ask %s: the answer is not one schedule", p.url)
			}
			return report.Schedules[0], nil
		},
		shifts: func(name string, from, to time.Time) (all []shiftEntry, err error) {
			all = []shiftEntry{}
			return all, get(&all, between(from, to), "schedules", name, "shifts")
		},
		gaps: func(name string, from, to time.Time) (all []gapEntry, err error) {
			all = []gapEntry{}
			return all, get(&all, between(from, to), "schedules", name, "gaps")
		},
	}
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 32 << 20

// question is one call of the API.
type question struct {
	method string
	query  url.Values
	body   io.Reader // nil: none
	path   []string  // below /api/v1/, not escaped yet
}

// call asks the API and decodes its answer. Problems (RFC 9457) become their detail. Redirects are not followed, since the
// token would go along.
func (p *place) call(ctx context.Context, q question, into any) error {
	address := strings.TrimRight(p.url, "/") + "/api/v1"
	for _, part := range q.path {
		address += "/" + url.PathEscape(part)
	}
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, q.method, address, q.body)
	if err != nil {
		return failed("ask %s: %v", p.url, err)
	}
	request.Header.Set("Authorization", "Bearer "+p.auth)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("X-Dogwatch-Via", "cli")
	if q.method != http.MethodGet {
		request.Header.Set("Idempotency-Key", rand.Text())
	}
	if q.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return failed("ask %s: %v", p.url, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return failed("ask %s: %v", p.url, err)
	}
	if response.StatusCode/100 != 2 {
		return failed("ask %s: %s", p.url, problem(response.Status, answer))
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return failed("ask %s: the answer cannot be read: %v", p.url, err)
	}
	return nil
}

// problem is the sentence of an answer that refuses.
func problem(status string, body []byte) string {
	var p struct {
		Title  string      `json:"title"`
		Detail string      `json:"detail"`
		By     string      `json:"by"`
		Errors []problemAt `json:"errors"`
	}
	if err := json.Unmarshal(body, &p); err != nil || p.Title == "" && p.Detail == "" {
		return status
	}
	parts := []string{status}
	if p.Detail != "" {
		parts = append(parts, p.Detail)
	}
	if p.By != "" {
		parts = append(parts, "by "+p.By)
	}
	for _, e := range p.Errors {
		parts = append(parts, strings.TrimPrefix(e.Path+": "+e.Message, ": "))
	}
	return printable(strings.Join(parts, ": "))
}
