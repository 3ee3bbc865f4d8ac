package main_test

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// The import table: who → what → when → do → talk → wire. An import only ever points left. A package that is not here
// fails, and so does a library that its line does not name. docs/adr/0001 says how to read it and how to change it.

// permit is what one package may import.
type permit struct {
	// house are packages of ours, by their folders.
	house []string
	// libraries are others', by the beginning of their path; the value is the pattern of the files that may ("" is all).
	libraries map[string]string
	// domain: none of the banned packages, not even through others.
	domain bool
	// testOnly: only for _test.go files, for packages of this kind, and for the fake's own command below it.
	testOnly bool
}

const (
	goRedis    = "github.com/redis/go-redis/v9"
	miniRedis  = "github.com/alicebob/miniredis/v2"
	prometheus = "github.com/prometheus/client_golang/prometheus"
)

type libs = map[string]string

// inner rooms are open to all others.
var inner = []string{"internal/state", "internal/expression", "internal/text", "internal/failpoint"}

func domain(left ...string) permit {
	return permit{house: append(left, inner...), libraries: libs{goRedis: "store*.go"}, domain: true}
}

// with is one library more.
func (p permit) with(library, pattern string) permit {
	p.libraries[library] = pattern
	return p
}

// adapter stands below the package whose interface or type it serves.
func adapter(parent string, libraries libs) permit {
	return permit{house: append([]string{parent}, inner...), libraries: libraries}
}

// decoder is an adapter of the doors.
func decoder(libraries libs) permit {
	return permit{house: append([]string{"incidents", "incidents/intake"}, inner...), libraries: libraries}
}

// suite is what every implementation of a seam must pass.
func suite(house ...string) permit { return permit{house: house, testOnly: true} }

// fake plays a vendor's server and knows nothing of ours.
func fake(libraries libs) permit { return permit{libraries: libraries, testOnly: true} }

var importTable = map[string]permit{
	"":                    {}, // embeds config.example.yaml
	"internal/text":       {},
	"internal/failpoint":  {},
	"internal/state":      {libraries: libs{goRedis: ""}},
	"internal/expression": {house: []string{"internal/text"}, libraries: libs{"github.com/expr-lang/expr": ""}},
	"internal/audit":      {house: []string{"internal/state"}, libraries: libs{goRedis: "store*.go"}}, // adr/0010

	"schedules":  domain(),
	"incidents":  domain("schedules").with("github.com/hashicorp/golang-lru/v2", "service.go"), // adr/0002
	"escalation": domain("schedules", "incidents"),
	"actions":    domain("schedules", "incidents"),
	"bot":        domain("schedules", "incidents", "escalation", "actions"),

	"schedules/ical":                adapter("schedules", nil),
	"incidents/intake":              adapter("incidents", nil),
	"incidents/intake/alertmanager": decoder(libs{"github.com/go-json-experiment/json/jsontext": ""}), // adr/0011
	"actions/command":               adapter("actions", libs{"golang.org/x/sys/unix": ""}),
	"bot/slack":                     adapter("bot", libs{"github.com/slack-go/slack": ""}),
	"bot/wecom":                     adapter("bot", libs{"github.com/go-resty/resty/v2": ""}),
	"bot/web":                       adapter("bot", libs{goRedis: "store*.go"}),

	"cmd/dogwatch": {house: []string{"..."}, libraries: libs{
		"github.com/spf13/cobra": "", "go.yaml.in/yaml/v4": "", "github.com/invopop/jsonschema": "schema.go",
		prometheus: "", goRedis: "embedded.go", miniRedis: "embedded.go",
	}},

	"internal/redistest":                {house: []string{"internal/state"}, libraries: libs{goRedis: "", miniRedis: ""}, testOnly: true},
	"internal/alertmanagertest":         fake(nil), // the real one, started
	"incidents/intake/intaketest":       suite("incidents", "incidents/intake"),
	"actions/actionstest":               suite("actions"),
	"bot/bottest":                       suite("bot"),
	"bot/slack/slacktest":               fake(libs{"github.com/gorilla/websocket": ""}),
	"bot/wecom/wecomtest":               fake(nil),
	"bot/slack/slacktest/cmd/fakeslack": {house: []string{"bot/slack/slacktest"}},
	"bot/wecom/wecomtest/cmd/fakewecom": {house: []string{"bot/wecom/wecomtest"}},

	// From outside: the built program, a real Redis and the fakes. None of the rooms.
	"test/kill": {testOnly: true},
	"test/load": {}, // a program that drives the built one
}

// banned from domains, by the beginning of the path, even through others.
var banned = []string{"net/http", "html/template", "os/exec", "os/signal", "go.yaml.in/", "gopkg.in/yaml", "sigs.k8s.io/yaml",
	"github.com/goccy/go-yaml", "github.com/slack-go/", "github.com/go-resty/", "github.com/prometheus/", "github.com/arran4/golang-ical"}

// imports is one import in one file.
type imports struct{ file, from, to string }

func TestHouseImports(t *testing.T) {
	for _, s := range sources(t, ".go") {
		if strings.Contains(s.path, "/testdata/") {
			continue // programs that tests build for themselves
		}
		from := strings.TrimPrefix(path.Dir(s.path), ".")
		if _, known := importTable[from]; !known {
			t.Errorf("%s: the import table has no line for package %q", s.path, from)
			continue
		}
		for _, to := range s.imports(t) {
			if why := refusal(imports{s.path, from, to}); why != "" {
				t.Errorf("%s imports %s: %s", s.path, to, why)
			}
		}
	}
}

// refusal says why an import may not be; "" if it may.
func refusal(i imports) string {
	to, ours := strings.CutPrefix(i.to, "dogwatch/")
	if i.to == "dogwatch" {
		to, ours = "", true
	}
	test := strings.HasSuffix(i.file, "_test.go")
	switch {
	case ours:
		return houseRefusal(i.from, to, test)
	case !strings.Contains(strings.Split(i.to, "/")[0], "."), test:
		return "" // the standard library; tests choose theirs
	}
	for library, pattern := range importTable[i.from].libraries {
		if i.to != library && !strings.HasPrefix(i.to, library+"/") {
			continue
		}
		if fits, _ := path.Match(pattern, path.Base(i.file)); pattern != "" && !fits {
			return "only " + pattern + " may"
		}
		return ""
	}
	return "the package's line does not name this library"
}

func houseRefusal(from, to string, test bool) string {
	r, target := importTable[from], importTable[to]
	switch {
	case strings.HasPrefix(to, "cmd/"):
		return "nobody imports cmd"
	case target.testOnly && (test || r.testOnly && slices.Contains(r.house, to)):
		return ""
	case target.testOnly && !strings.HasPrefix(from, to+"/cmd/"):
		return "only tests may"
	case test && (to == from || strings.HasPrefix(to, from+"/") || leftOf(to, from) && !r.testOnly):
		return "" // tests may use what serves their room, and put up all that stands left of it
	case slices.Contains(r.house, to), slices.Contains(r.house, "..."):
		return ""
	}
	return "the arrow points the wrong way"
}

// order of the rooms; adapters stand with theirs.
var order = []string{"schedules", "incidents", "escalation", "actions", "bot"}

func leftOf(to, from string) bool {
	place := func(name string) int { return slices.Index(order, strings.Split(name, "/")[0]) }
	return place(to) >= 0 && place(to) < place(from)
}

// A rule that refuses nothing would pass everything.
func TestHouseTableRefuses(t *testing.T) {
	for _, c := range []struct{ file, from, to string }{
		{"incidents/x.go", "incidents", "dogwatch/escalation"},
		{"incidents/x_test.go", "incidents", "dogwatch/escalation"},
		{"bot/slack/slacktest/x_test.go", "bot/slack/slacktest", "dogwatch/incidents"},
		{"bot/web/x_test.go", "bot/web", "dogwatch/bot/slack"},
		{"test/kill/x_test.go", "test/kill", "dogwatch/incidents"},
		{"incidents/x.go", "incidents", goRedis},
		{"incidents/store_x.go", "incidents", "github.com/expr-lang/expr"},
		{"bot/slack/x.go", "bot/slack", "dogwatch/incidents"},
		{"bot/slack/x.go", "bot/slack", "dogwatch/bot/wecom"},
		{"bot/slack/x.go", "bot/slack", "dogwatch/bot/slack/slacktest"},
		{"bot/slack/slacktest/x.go", "bot/slack/slacktest", "dogwatch/bot"},
		{"bot/slack/slacktest/x_test.go", "bot/slack/slacktest", "dogwatch/bot/slack"},
		{"cmd/dogwatch/serve.go", "cmd/dogwatch", goRedis},
		{"cmd/dogwatch/serve.go", "cmd/dogwatch", "dogwatch/internal/redistest"},
		{"bot/x.go", "bot", "dogwatch/cmd/dogwatch"},
	} {
		if refusal(imports(c)) == "" {
			t.Errorf("%s may import %s", c.file, c.to)
		}
	}
	for _, c := range []struct{ file, from, to string }{
		{"incidents/store_x.go", "incidents", goRedis},
		{"bot/x.go", "bot", "dogwatch/actions"},
		{"actions/x_test.go", "actions", "dogwatch/actions/command"},
		{"bot/x_test.go", "bot", "dogwatch/internal/redistest"},
		{"bot/web/x_test.go", "bot/web", "dogwatch/actions/command"},
		{"bot/slack/slacktest/cmd/fakeslack/main.go", "bot/slack/slacktest/cmd/fakeslack", "dogwatch/bot/slack/slacktest"},
	} {
		if why := refusal(imports(c)); why != "" {
			t.Errorf("%s may not import %s: %s", c.file, c.to, why)
		}
	}
}

// What a domain imports may import something else in turn.
func TestHouseDomainsStayPure(t *testing.T) {
	for name, r := range importTable {
		if !r.domain {
			continue
		}
		out, err := exec.Command("go", "list", "-deps", "dogwatch/"+name).Output()
		if err != nil {
			t.Fatalf("list what %s imports: %v", name, err)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, "dogwatch/internal/state") {
			t.Fatalf("%s seems not to use the store, so the list of its imports is not believed: %v", name, deps)
		}
		for _, dep := range deps {
			if slices.ContainsFunc(banned, func(b string) bool { return strings.HasPrefix(dep, b) }) {
				t.Errorf("%s imports %s through others; `go mod why %s` tells the way", name, dep, dep)
			}
		}
	}
}

// plugins.go is the one place that names sources, platforms and runners; a calendar feed is none of them.
func TestHousePluginsAreNamedOnce(t *testing.T) {
	for _, s := range sources(t, ".go") {
		if path.Dir(s.path) != "cmd/dogwatch" || strings.HasSuffix(s.path, "_test.go") || path.Base(s.path) == "plugins.go" {
			continue
		}
		for _, to := range s.imports(t) {
			for _, seam := range []string{"incidents/intake/", "bot/", "actions/"} {
				if strings.HasPrefix(to, "dogwatch/"+seam) {
					t.Errorf("%s imports %s; only plugins.go names plugins", s.path, to)
				}
			}
		}
	}
}
