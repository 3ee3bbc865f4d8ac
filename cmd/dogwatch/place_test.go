package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// running plays the API of a running dogwatch as the contract describes it and keeps what it was asked.
func running(t *testing.T) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.FixedZone("", 8*3600))
	answers := map[string]any{
		"/api/v1/schedules": map[string]any{"schedules": []map[string]string{{"name": "web"}}},
		"/api/v1/schedules/web/oncall": oncallReport{At: start, Basis: basisLive, Schedules: []oncallSchedule{
			{"web", []oncallDuty{{"alice", "weekly", start, nil}}}}},
		"/api/v1/schedules/web/shifts": []shiftEntry{{start, start.Add(time.Hour), "alice"}},
		"/api/v1/schedules/web/gaps":   []gapEntry{{"web", start, start.Add(time.Hour)}},
		"/api/v1/route":                routeReport{At: start, Basis: basisLive, Alerts: []routedAlert{{GroupKey: "prom/web{}", Route: "web"}}},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+r.URL.String())
		switch answer, known := answers[r.URL.EscapedPath()]; {
		case r.Header.Get("Authorization") != "Bearer secret":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/api/v1/schedules/moved/oncall":
			http.Redirect(w, r, "/api/v1/schedules/web/oncall", http.StatusFound)
		case !known:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"title":"Not found","detail":"there is no such schedule"}`))
		default:
			if err := json.NewEncoder(w).Encode(answer); err != nil {
				t.Error(err)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func ask(env map[string]string, args ...string) (code int, out, problems string) {
	var o, p bytes.Buffer
	a := &app{out: &o, err: &p, in: strings.NewReader("{}"), now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	code = run(a, args)
	return code, o.String(), p.String()
}

func TestAskARunningDogwatch(t *testing.T) {
	url, asked := running(t)
	env := map[string]string{"DOGWATCH_URL": url + "/", "DOGWATCH_TOKEN": "secret"}
	window := []string{"--from", "2026-03-01T00:00:00+08:00", "--to", "2026-03-02T00:00:00+08:00"}

	code, out, _ := ask(env, "oncall", "-o", "json")
	var report oncallReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 || report.Basis != "live" || len(report.Schedules) != 1 || report.Schedules[0].OnCall[0].Person != "alice" {
		t.Errorf("oncall: exit %d, %v, %s", code, err, out)
	}
	code, out, _ = ask(env, append([]string{"shifts", "web"}, window...)...)
	if code != 0 || !strings.Contains(out, "2026-03-01T00:00:00+08:00  2026-03-01T01:00:00+08:00  alice") || !strings.Contains(out, "Answered by the running dogwatch") {
		t.Errorf("shifts: exit %d, %s", code, out)
	}
	if code, out, _ = ask(env, append([]string{"gaps", "web"}, window...)...); code != 1 || !strings.Contains(out, "web") {
		t.Errorf("gaps: exit %d, %s", code, out)
	}
	if code, out, _ = ask(env, "route", "--source", "prom", "-"); code != 0 || !strings.Contains(out, "prom/web{}") {
		t.Errorf("route: exit %d, %s", code, out)
	}
	want := []string{
		"GET /api/v1/schedules",
		"GET /api/v1/schedules/web/oncall?at=2026-03-01T12%3A00%3A00Z",
		"GET /api/v1/schedules/web/shifts?from=2026-03-01T00%3A00%3A00%2B08%3A00&to=2026-03-02T00%3A00%3A00%2B08%3A00",
		"GET /api/v1/schedules/web/gaps?from=2026-03-01T00%3A00%3A00%2B08%3A00&to=2026-03-02T00%3A00%3A00%2B08%3A00",
		"POST /api/v1/route?at=2026-03-01T12%3A00%3A00Z&source=prom",
	}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// What the API refuses is exit 1 with its sentence, and the token is never shown nor sent elsewhere.
func TestARunningDogwatchRefuses(t *testing.T) {
	url, asked := running(t)
	for _, c := range []struct{ token, schedule, want string }{
		{"secret", "nosuch", "404 Not Found: there is no such schedule"},
		{"secret", "../incidents", "404 Not Found"},
		{"secret", "moved", "302 Found"},
		{"wrong-canary", "web", "401 Unauthorized"},
	} {
		code, out, problems := ask(nil, "oncall", "--url", url, "--token", c.token, c.schedule)
		if code != 1 || out != "" || !strings.Contains(problems, c.want) || strings.Contains(problems, c.token) {
			t.Errorf("%s: exit %d, %q; want %q", c.schedule, code, problems, c.want)
		}
	}
	if got := (*asked)[1]; !strings.HasPrefix(got, "GET /api/v1/schedules/..%2Fincidents/oncall") {
		t.Errorf("a name with slashes asked %s", got)
	}
}
