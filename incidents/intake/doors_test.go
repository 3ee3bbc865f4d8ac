package intake_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
	"dogwatch/incidents/intake/alertmanager"
)

const (
	token    = "canary-token-of-prom"
	oldToken = "canary-token-before-it"
)

// post is the office behind the doors: it remembers what it was given, and fails when told to.
type post struct {
	mu     sync.Mutex
	taken  []incidents.Batch
	buried []string // reason and body
	notes  []string

	takeFault, buryFault error
	gate                 chan struct{} // unless nil, Take waits for it
	arrived              chan struct{} // gets one for every Take that waits
}

func (p *post) take(ctx context.Context, _ string, b incidents.Batch) (int, error) {
	if p.gate != nil {
		p.arrived <- struct{}{}
		select {
		case <-p.gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.takeFault != nil {
		return 0, p.takeFault
	}
	p.taken = append(p.taken, b)
	return len(b.Reports), nil
}

func (p *post) bury(_ context.Context, source, reason string, body []byte) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.buryFault != nil {
		return "", p.buryFault
	}
	p.buried = append(p.buried, reason+"\n"+string(body))
	return "dl-" + source, nil
}

func (p *post) note(_ context.Context, source, kind string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes = append(p.notes, source+" "+kind)
}

// house is a server with doors, its post and everything it logged.
type house struct {
	*post
	doors  *intake.Doors
	server *httptest.Server
	log    *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// open starts a house; change may alter its configuration. At the test's end nothing may be left under way.
func open(t *testing.T, change func(*intake.Config)) *house {
	t.Helper()
	h := &house{post: &post{arrived: make(chan struct{}, 100)}, log: new(safeBuffer)}
	config := intake.Config{Take: h.take, Bury: h.bury, Note: h.note, Log: slog.New(slog.NewJSONHandler(h.log, nil))}
	if change != nil {
		change(&config)
	}
	var err error
	if h.doors, err = intake.New(config); err != nil {
		t.Fatal(err)
	}
	err = h.doors.SetSources([]intake.Source{
		{Name: "prom", Type: "alertmanager", Decode: alertmanager.Decode, Tokens: []intake.TokenHash{intake.HashToken(token), intake.HashToken(oldToken)}},
		{Name: "closed", Type: "alertmanager", Decode: alertmanager.Decode},
		{Name: "mine", Type: "faulty", Decode: func([]byte) (incidents.Batch, error) { panic("poison") }, Tokens: []intake.TokenHash{intake.HashToken(token)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewUnstartedServer(h.doors.Handler())
	h.server.Config.ErrorLog = slog.NewLogLogger(slog.NewJSONHandler(h.log, nil), slog.LevelError)
	h.server.Start()
	t.Cleanup(func() {
		h.server.Close()
		if load := h.doors.Load(); load != (intake.Load{}) {
			t.Errorf("after all requests there is still %+v under way", load)
		}
		if strings.Contains(h.log.String(), "canary") {
			t.Errorf("a token was logged: %s", h.log)
		}
	})
	return h
}

// counts gives one source's counters, without the bytes.
func (h *house) counts(source string) intake.Counts {
	for _, c := range h.doors.Counters() {
		if c.Source == source {
			c.Bytes = 0
			return c
		}
	}
	return intake.Counts{}
}

// send makes one request and gives its answer's status and body.
func (h *house) send(t *testing.T, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	method := http.MethodPost
	if len(headers)%2 == 1 {
		method, headers = headers[0], headers[1:]
	}
	request, err := http.NewRequestWithContext(t.Context(), method, h.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := h.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(answer)
}

const (
	bearer = "Bearer " + token
	good   = `{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}`
	half   = `{"alerts":[{"status":"firing","labels":{"alertname":"A"}},{"status":"odd","labels":{"a":"b"}}]}`
	none   = `{"alerts":[{"status":"odd","labels":{"a":"b"}}]}`
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnswers(t *testing.T) {
	const (
		unauthorized = `{"title":"Unauthorized","status":401}` + "\n"
		odd          = `"where":"alerts[0].status","reason":"is \"odd\"; must be \"firing\" or \"resolved\"","dead_letter":"dl-prom","rejected":1`
	)
	for _, test := range []struct {
		name, path, body string
		headers          []string
		status           int
		answer           string // a part of the answer
		taken, buried    int
	}{
		{"bearer", "/alerts/prom", good, []string{"Authorization", bearer}, 200, `{"accepted":1}` + "\n", 1, 0},
		{"bearer in small letters", "/alerts/prom", good, []string{"Authorization", "bearer " + token}, 200, `{"accepted":1}`, 1, 0},
		{"the other valid token", "/alerts/prom", good, []string{"Authorization", "Bearer " + oldToken}, 200, `{"accepted":1}`, 1, 0},
		{"basic", "/alerts/prom", good, []string{"Authorization", basic("anyone", token)}, 200, `{"accepted":1}`, 1, 0},
		{"query", "/alerts/prom?token=" + token, good, nil, 200, `{"accepted":1}`, 1, 0},
		{"a wrong header is not mended by the query", "/alerts/prom?token=" + token, good, []string{"Authorization", "Bearer x"}, 401, unauthorized, 0, 0},
		{"wrong token", "/alerts/prom", good, []string{"Authorization", "Bearer wrong"}, 401, unauthorized, 0, 0},
		{"wrong token, broken body", "/alerts/prom", "{", []string{"Authorization", "Bearer wrong"}, 401, unauthorized, 0, 0},
		{"no token", "/alerts/prom", good, nil, 401, unauthorized, 0, 0},
		{"empty token", "/alerts/prom?token=", good, []string{"Authorization", "Bearer "}, 401, unauthorized, 0, 0},
		{"user name instead of password", "/alerts/prom", good, []string{"Authorization", basic(token, "")}, 401, unauthorized, 0, 0},
		{"a source without tokens", "/alerts/closed", good, []string{"Authorization", bearer}, 401, unauthorized, 0, 0},
		{"a source without tokens, no token", "/alerts/closed", good, nil, 401, unauthorized, 0, 0},
		{"a source that is not there", "/alerts/none", good, []string{"Authorization", bearer}, 401, unauthorized, 0, 0},
		{"GET", "/alerts/prom", "", []string{"GET", "Authorization", bearer}, 405, `"status":405`, 0, 0},
		{"deeper path", "/alerts/prom/x", good, []string{"Authorization", bearer}, 404, `"status":404`, 0, 0},
		{"escaped path", "/alerts/prom%2Fx", good, []string{"Authorization", bearer}, 404, `"status":404`, 0, 0},
		{"no source", "/alerts/", good, []string{"Authorization", bearer}, 404, `"status":404`, 0, 0},
		{"gzip", "/alerts/prom", zipped(t, good), []string{"Authorization", bearer, "Content-Encoding", "gzip"}, 200, `{"accepted":1}`, 1, 0},
		{"gzip that is none", "/alerts/prom", good, []string{"Authorization", bearer, "Content-Encoding", "gzip"}, 400, `compression is broken`, 0, 0},
		{"gzip cut short", "/alerts/prom", zipped(t, good)[:50], []string{"Authorization", bearer, "Content-Encoding", "gzip"}, 400, `"dead_letter":"dl-prom"`, 0, 1},
		{"identity", "/alerts/prom", good, []string{"Authorization", bearer, "Content-Encoding", "identity"}, 200, `{"accepted":1}`, 1, 0},
		{"another compression", "/alerts/prom", good, []string{"Authorization", bearer, "Content-Encoding", "br"}, 415, `only gzip is read`, 0, 0},
		{"gzip twice", "/alerts/prom", good, []string{"Authorization", bearer, "Content-Encoding", "gzip, gzip"}, 415, `only gzip is read`, 0, 0},
		{"broken JSON", "/alerts/prom", `{"alerts":[`, []string{"Authorization", bearer}, 400, `"where":"byte 11","reason":"not JSON: unexpected end of JSON input","dead_letter":"dl-prom"`, 0, 1},
		{"empty body", "/alerts/prom", ``, []string{"Authorization", bearer}, 400, `"where":"byte 0"`, 0, 1},
		{"no alert can be taken", "/alerts/prom", none, []string{"Authorization", bearer}, 400, odd, 0, 1},
		{"one of two can be taken", "/alerts/prom", half, []string{"Authorization", bearer}, 200, `{"accepted":1,"rejected":1,"dead_letter":"dl-prom","rejections":[{"index":1,"where":"alerts[1].status"`, 1, 1},
		{"no alerts", "/alerts/prom", `{"alerts":[]}`, []string{"Authorization", bearer}, 200, `{"accepted":0}`, 1, 0},
		{"a decoder that panics", "/alerts/mine", good, []string{"Authorization", bearer}, 400, `"dead_letter":"dl-mine"`, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := open(t, nil)
			response, answer := h.send(t, test.path, test.body, test.headers...)
			if response.StatusCode != test.status || !strings.Contains(answer, test.answer) {
				t.Errorf("answer %d %s, want %d %s", response.StatusCode, answer, test.status, test.answer)
			}
			if len(h.taken) != test.taken || len(h.buried) != test.buried {
				t.Errorf("%d batches taken, %d bodies buried; want %d and %d", len(h.taken), len(h.buried), test.taken, test.buried)
			}
			if !json.Valid([]byte(answer)) || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/") {
				t.Errorf("answer is not JSON: %s %s", response.Header.Get("Content-Type"), answer)
			}
		})
	}
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// TestWhatIsHandedOver looks at what arrives behind the doors.
func TestWhatIsHandedOver(t *testing.T) {
	h := open(t, nil)
	h.send(t, "/alerts/prom", `{"truncatedAlerts":4,"alerts":[{"status":"firing","labels":{"a":"b"},"annotations":{"s":"\u0000"}},{"status":"odd","labels":{"a":"b"}}]}`, "Authorization", bearer)
	h.send(t, "/alerts/prom", `{"alerts":[`, "Authorization", bearer)
	wantTaken := []incidents.Batch{{
		Reports:   []incidents.Report{{Status: incidents.Firing, Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"s": "\uFFFD"}}},
		Truncated: 4,
		Rejected:  []incidents.Rejected{{Index: 1, Where: "alerts[1].status", Reason: `is "odd"; must be "firing" or "resolved"`}},
		Marks:     []string{"alerts[0].annotations.s: characters that are not plain text were replaced by U+FFFD"},
	}}
	if diff := cmp.Diff(wantTaken, h.taken); diff != "" {
		t.Errorf("taken, want (-), got (+):\n%s", diff)
	}
	wantCounts := intake.Counts{Source: "prom", Requests: 2, Taken: 1, Invalid: 1, Accepted: 1, Rejected: 1, Truncated: 4, Marked: 1}
	if diff := cmp.Diff(wantCounts, h.counts("prom")); diff != "" {
		t.Errorf("counts, want (-), got (+):\n%s", diff)
	}
	if want := "byte 11: not JSON: unexpected end of JSON input\n" + `{"alerts":[`; h.buried[1] != want {
		t.Errorf("buried %q, want %q", h.buried[1], want)
	}
}

// TestNothingIsKept shows the answers when Redis is away: the sender is asked to come again, and nothing is done
// by halves.
func TestNothingIsKept(t *testing.T) {
	later := func(t *testing.T, h *house, body string) {
		t.Helper()
		response, answer := h.send(t, "/alerts/prom", body, "Authorization", bearer)
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "3" || strings.Contains(answer, "redis") {
			t.Errorf("answer %d, Retry-After %q: %s", response.StatusCode, response.Header.Get("Retry-After"), answer)
		}
	}
	slower := func(c *intake.Config) { c.RetryAfter = 3 * time.Second }
	t.Run("take fails", func(t *testing.T) {
		h := open(t, slower)
		h.takeFault = errors.New("redis is away")
		later(t, h, good)
		if want := (intake.Counts{Source: "prom", Requests: 1, Failed: 1}); h.counts("prom") != want {
			t.Errorf("counts %+v, want %+v", h.counts("prom"), want)
		}
	})
	t.Run("bury fails", func(t *testing.T) {
		h := open(t, slower)
		h.buryFault = errors.New("redis is away")
		for _, body := range []string{"{", none, half} {
			later(t, h, body)
		}
		if len(h.taken) != 0 {
			t.Errorf("alerts were taken though their body could not be buried: %+v", h.taken)
		}
	})
}

func TestNotes(t *testing.T) {
	h := open(t, func(c *intake.Config) { c.NoteEvery = time.Hour; c.MaxBody = 100; c.MaxBytes = 1 << 20 })
	for range 5 {
		h.send(t, "/alerts/prom", good, "Authorization", "Bearer wrong")
		h.send(t, "/alerts/none", good, "Authorization", "Bearer wrong")
		h.send(t, "/alerts/prom", strings.Repeat(" ", 101), "Authorization", bearer)
	}
	if diff := cmp.Diff([]string{"prom unauthorized", "prom too large"}, h.notes); diff != "" {
		t.Errorf("notes, want (-), got (+):\n%s", diff)
	}
	if c := h.counts("prom"); c.Unauthorized != 5 || c.TooLarge != 5 {
		t.Errorf("counts %+v", c)
	}
	if want := (intake.Counts{Requests: 5, Unauthorized: 5}); h.counts("") != want {
		t.Errorf("counts of unknown sources %+v, want %+v", h.counts(""), want)
	}
}

func TestSetSources(t *testing.T) {
	h := open(t, nil)
	h.send(t, "/alerts/prom", good, "Authorization", bearer)
	source := intake.Source{Name: "prom", Type: "alertmanager", Decode: alertmanager.Decode, Tokens: []intake.TokenHash{intake.HashToken("new")}}
	err := h.doors.SetSources([]intake.Source{source, source, {Name: "a/b"}, {Name: "c", Decode: alertmanager.Decode, Tokens: []intake.TokenHash{intake.HashToken("")}}})
	want := "check source prom: there are two of that name\n" +
		"check source \"a/b\": the name must be of letters, digits, '-', '_' and '.'\n" +
		"check source a/b: no decoder for type \"\"\n" +
		"check source c: a token is empty"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want\n%s", err, want)
	}
	if response, _ := h.send(t, "/alerts/prom", good, "Authorization", bearer); response.StatusCode != http.StatusOK {
		t.Errorf("a refused change had an effect: %d", response.StatusCode)
	}
	if err := h.doors.SetSources([]intake.Source{source}); err != nil {
		t.Fatal(err)
	}
	if response, _ := h.send(t, "/alerts/prom", good, "Authorization", bearer); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("the old token still opens: %d", response.StatusCode)
	}
	if response, _ := h.send(t, "/alerts/prom", good, "Authorization", "Bearer new"); response.StatusCode != http.StatusOK {
		t.Errorf("the new token does not open: %d", response.StatusCode)
	}
	if c := h.counts("prom"); c.Taken != 3 || c.Unauthorized != 1 {
		t.Errorf("counters did not survive: %+v", c)
	}
}

func TestConfigFaults(t *testing.T) {
	_, err := intake.New(intake.Config{MaxBody: 10, MaxBytes: 5, ReadTimeout: -1})
	want := "check intake: Take, Bury and Note must all be set\n" +
		"check intake: ReadTimeout is negative\n" +
		"check intake: MaxBytes 5 is less than 262174, what one body of MaxBody 10 needs"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want\n%s", err, want)
	}
}
