package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described is the API as openapi.json describes it. Every answer that a test gets is held against it.
type described struct {
	doc      any
	compiler *jsonschema.Compiler
	mux      *http.ServeMux // knows which pattern a path fits
}

func describe(t *testing.T) *described {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(openAPI)))
	if err != nil {
		t.Fatal(err)
	}
	d := &described{doc: doc, compiler: jsonschema.NewCompiler(), mux: http.NewServeMux()}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.patterns() {
		d.mux.HandleFunc(p, http.NotFound)
	}
	return d
}

// at is a part of the document by keys.
func (d *described) at(keys ...string) any {
	v := d.doc
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
		if m, ok := v.(map[string]any); ok && m["$ref"] != nil {
			v = d.at(strings.Split(strings.TrimPrefix(m["$ref"].(string), "#/"), "/")...)
		}
	}
	return v
}

// patterns are its paths with their methods, as the mux writes them.
func (d *described) patterns() []string {
	var out []string
	paths, _ := d.at("paths").(map[string]any)
	for path, methods := range paths {
		for method := range methods.(map[string]any) {
			out = append(out, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(out)
	return out
}

// fault says in what an answer differs from what the document promises of this request; "" if in nothing.
func (d *described) fault(r *http.Request, got answer) string {
	_, pattern := d.mux.Handler(r)
	if pattern == "" {
		return "" // there is no such path, and the answer says so
	}
	method, path, _ := strings.Cut(pattern, " ")
	where := []string{"paths", path, strings.ToLower(method), "responses", fmt.Sprint(got.status), "content"}
	contents, _ := d.at(where...).(map[string]any)
	kind := got.header.Get("Content-Type")
	if contents[kind] == nil {
		return fmt.Sprintf("%s answers %d with %q, which is not described", pattern, got.status, kind)
	}
	if kind == "text/event-stream" {
		return ""
	}
	pointer := "openapi.json#"
	if got.status >= 400 {
		pointer += "/components/schemas/Problem"
	} else {
		for _, k := range append(where, kind, "schema") {
			pointer += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(k))
		}
	}
	schema, err := d.compiler.Compile(pointer)
	if err != nil {
		return err.Error()
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
	if err == nil {
		err = schema.Validate(body)
	}
	return complaint(err)
}

// What is served is what is described, path by path and method by method.
func TestOpenAPIDescribesWhatIsServed(t *testing.T) {
	h := &house{}
	served := append(slices.Collect(maps.Keys(h.endpoints())), slices.Collect(maps.Keys(h.streams()))...)
	slices.Sort(served)
	if want := describe(t).patterns(); !slices.Equal(served, want) {
		t.Errorf("served\n%s\ndescribed\n%s", strings.Join(served, "\n"), strings.Join(want, "\n"))
	}
}

// tester calls the API of a house and holds every answer against the document.
type tester struct {
	*world
	api *described
}

// does makes a request ("bob POST /api/v1/…") and returns the body if the status is right.
func (c *tester) does(line string, status int, body string, header ...string) string {
	c.Helper()
	words := strings.Fields(line)
	q := query{method: words[1], path: words[2], body: body, header: map[string]string{}}
	if words[0] != "nobody" {
		q.as = "TOKEN_" + strings.ToUpper(words[0])
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.header[header[i]] = header[i+1]
	}
	got := c.call(q)
	if got.status != status {
		c.Fatalf("%s %s: %d, want %d: %s", line, body, got.status, status, got.body)
	}
	r, err := http.NewRequest(q.method, "http://h"+q.path, nil)
	if err != nil {
		c.Fatal(err)
	}
	if f := c.api.fault(r, got); f != "" {
		c.Errorf("%s %s: %s\n%s", line, body, f, got.body)
	}
	return got.body
}

// says holds that an answer contains words.
func (c *tester) says(got string, words ...string) {
	c.Helper()
	for _, w := range words {
		if !strings.Contains(got, w) {
			c.Errorf("the answer has no %s: %s", w, got)
		}
	}
}

func newTester(t *testing.T) *tester { return &tester{startHouse(t), describe(t)} }

// field is a text field of a JSON object.
func field(t *testing.T, body, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil || m[name] == nil {
		t.Fatalf("no %s in %s: %v", name, body, err)
	}
	return fmt.Sprint(m[name])
}

func TestAPIWhoMay(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	for pattern := range c.houses[0].house.endpoints() {
		line := strings.NewReplacer("{id}", "1", "{verb}", "acknowledge", "{name}", "first").Replace(pattern)
		c.says(c.does("nobody "+line, 401, ""), `"status":401`)
		c.says(c.does("nora "+line, 403, ""), "no role")
		if strings.HasPrefix(line, "POST") {
			c.says(c.does("wall "+line, 403, "{}"), "scope: read")
		}
	}
	c.env["TOKEN_FORGED"] = "canary-token-bo"
	c.says(c.does("forged GET /api/v1/incidents", 401, ""), "not known")
	c.says(c.does("forged GET /api/v1/requests/00aaaaaaaaaaaaaaaa/logs", 401, ""), "not known")
	c.does("bob POST /-/reload", 403, "")
	c.does("vera POST /api/v1/incidents", 403, `{"title":"x","severity":"P3"}`)
	c.does("vera POST /api/v1/schedules/first/overrides", 403, `{"person":"bob","start":"2040-01-01T00:00:00Z","end":"2040-01-02T00:00:00Z"}`)
	c.does("vera POST /api/v1/actions/look/requests", 403, `{"params":{"unit":"a.service"}}`)
	c.does("vera GET /api/v1/incidents", 200, "")
	c.does("wall GET /api/v1/actions", 200, "")
	c.does("bob GET /api/v1/nothing", 404, "")
	c.does("bob DELETE /api/v1/incidents/1", 404, "")
}

func TestAPIIncidents(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	id := field(t, c.does("bob POST /api/v1/incidents", 201, `{"title":"checkout is slow","severity":"P2","policy":"web","labels":{"team":"shop"}}`), "id")
	at := "/api/v1/incidents/" + id
	for body, path := range map[string]string{`{"title":" ","severity":"P2"}`: "title", `{"title":"x","severity":"P9"}`: "severity",
		`{"title":"x","severity":"P2","policy":"none"}`: "policy"} {
		c.says(c.does("bob POST /api/v1/incidents", 422, body), `"path":"`+path+`"`)
	}
	for _, body := range []string{`{"title":`, `{"titel":"x"}`, `[]`, `{"title":"x","severity":"P2"} trailing`} {
		c.does("bob POST /api/v1/incidents", 400, body)
	}
	c.does("bob POST /api/v1/incidents", 413, `{"title":"`+strings.Repeat("x", 1<<20)+`"}`)

	c.says(c.does("bob GET "+at, 200, ""), `"state":"triggered"`, `"title":"checkout is slow"`)
	c.does("bob GET /api/v1/incidents/1", 200, "")
	c.does("bob GET /api/v1/incidents/999", 404, "")
	c.does("bob GET /api/v1/incidents/nonsense", 404, "")
	c.says(c.does("bob POST "+at+"/notes", 200, `{"text":"the cache is cold"}`), "the cache is cold")
	c.says(c.does("bob POST "+at+"/notes", 422, `{"text":" "}`), `"path":"text"`)
	c.says(c.does("bob POST "+at+"/assign", 200, `{"person":"carol"}`), `"assignees":["carol"`)
	c.says(c.does("bob POST "+at+"/assign", 422, `{"person":"zoe"}`), `"path":"person"`)
	c.says(c.does("bob POST "+at+"/snooze", 200, `{"for":"30m"}`), `"snoozed_until":"20`)
	c.says(c.does("bob POST "+at+"/snooze", 422, `{"for":"soon"}`), `"path":"for"`)
	c.says(c.does("bob POST "+at+"/snooze", 422, `{"until":"2001-01-01T00:00:00Z"}`), `"path":"until"`)
	c.says(c.does("bob POST "+at+"/escalate", 200, `{}`), `"kind":"escalated"`)
	c.does("bob POST "+at+"/destroy", 404, `{}`)
	c.says(c.does("bob POST "+at+"/acknowledge", 200, `{"reason":"looking"}`), `"acknowledged_by":"bob"`, "looking")
	c.does("bob POST "+at+"/acknowledge", 200, "")
	c.says(c.does("carol POST "+at+"/acknowledge", 409, ""), `"by":"bob"`, `"state":"acknowledged"`, `"at":"20`)
	c.does("bob POST "+at+"/reopen", 409, "")
	c.says(c.does("carol POST "+at+"/resolve", 200, `{"reason":"fixed"}`), `"resolved_by":"carol"`)
	c.says(c.does("bob POST "+at+"/resolve", 409, ""), `"by":"carol"`)
	c.says(c.does("bob POST "+at+"/reopen", 200, ""), `"resolved_at":null`)
	alone := field(t, c.does("bob POST /api/v1/incidents", 201, `{"title":"pages nobody","severity":"P5"}`), "id")
	c.says(c.does("bob POST /api/v1/incidents/"+alone+"/escalate", 409, ""), "no policy")
}

// A request repeated under its key has its effect once; another key, another person's token or another path is another request.
func TestAPIRepeats(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	declare := func(key string) string {
		return field(t, c.does("bob POST /api/v1/incidents", 201, `{"title":"once","severity":"P3"}`, "Idempotency-Key", key), "id")
	}
	first := declare("k1")
	if again := declare("k1"); again != first {
		t.Errorf("the repeat declared %s besides %s", again, first)
	}
	if other := declare("k2"); other == first {
		t.Error("another key found the first incident")
	}
	at := "bob POST /api/v1/incidents/" + first
	for range 3 {
		c.does(at+"/notes", 200, `{"text":"one note"}`, "Idempotency-Key", "n1")
		c.does(at+"/escalate", 409, "{}", "Idempotency-Key", "e1")
	}
	if got := c.does("bob GET /api/v1/incidents/"+first, 200, ""); strings.Count(got, "one note") != 1 {
		t.Errorf("the note stands %d times: %s", strings.Count(got, "one note"), got)
	}
	ask := func() string {
		return field(t, c.does("bob POST /api/v1/actions/restart/requests", 201, `{"params":{"unit":"a.service"}}`, "Idempotency-Key", "r1"), "id")
	}
	request := ask()
	if again := ask(); again != request {
		t.Errorf("the repeat made the request %s besides %s", again, request)
	}
	for range 3 {
		c.does("carol POST /api/v1/requests/"+request+"/approve", 200, "{}", "Idempotency-Key", "a1")
	}
}

func TestAPIPages(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	for n := range 7 {
		c.does("bob POST /api/v1/incidents", 201, fmt.Sprintf(`{"title":"pear %c","severity":"P%d"}`, 'a'+n, n%2))
	}
	seen := map[string]bool{}
	cursor, pages := "", 0
	for {
		var page incidentPage
		body := c.does("bob GET /api/v1/incidents?limit=3&cursor="+url.QueryEscape(cursor), 200, "")
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Incidents {
			if seen[string(i.ID)] {
				t.Errorf("%s comes twice", i.ID)
			}
			seen[string(i.ID)] = true
		}
		pages++
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if len(seen) != 7 || pages < 3 {
		t.Errorf("%d incidents in %d pages, want 7 in 3", len(seen), pages)
	}
	count := func(query string, want int) {
		t.Helper()
		var page incidentPage
		if err := json.Unmarshal([]byte(c.does("bob GET /api/v1/incidents?"+query, 200, "")), &page); err != nil || len(page.Incidents) != want {
			t.Errorf("%s: %d incidents, want %d (%v)", query, len(page.Incidents), want, err)
		}
	}
	count("severity=P0", 4)
	count("severity=P0,P1", 7)
	count("state=open&q=PEAR+d", 1)
	count("state=resolved", 0)
	for query, path := range map[string]string{"limit=0": "limit", "limit=x": "limit", "state=asleep": "state", "severity=P9": "severity", "cursor=zzz": "cursor"} {
		c.says(c.does("bob GET /api/v1/incidents?"+query, 422, ""), `"path":"`+path+`"`)
	}
	for query, path := range map[string]string{"limit=501": "limit", "state=asleep": "state", "cursor=zzz": "cursor"} {
		c.says(c.does("bob GET /api/v1/requests?"+query, 422, ""), `"path":"`+path+`"`)
	}
}
