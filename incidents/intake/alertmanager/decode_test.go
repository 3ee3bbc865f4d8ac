package alertmanager

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dogwatch/incidents"
	"dogwatch/incidents/intake"
	"dogwatch/incidents/intake/intaketest"
)

func TestDecoder(t *testing.T) { intaketest.Run(t, Decode, "testdata") }

// FuzzDecode holds the quick reader against encoding/json: what it accepts must be the same, and it must accept
// nothing that the thorough one refuses. The seeds run in every test.
func FuzzDecode(f *testing.F) {
	f.Add(body(3))
	intaketest.Fuzz(f, Decode, "testdata", sameAsThorough)
}

func sameAsThorough(t *testing.T, text []byte) {
	t.Helper()
	quick, ok := defaults.quick(text)
	if !ok {
		return
	}
	if !json.Valid(text) {
		t.Fatalf("the quick reader accepted what is not JSON: %q", text)
	}
	thorough, err := defaults.thorough(text)
	if err != nil {
		t.Fatalf("the quick reader accepted, the thorough one says %v of %q", err, text)
	}
	if diff := cmp.Diff(thorough, quick); diff != "" {
		t.Fatalf("of %q thorough (-) and quick (+) read:\n%s", text, diff)
	}
	// And both against encoding/json with nothing of ours in between.
	var bare struct {
		Alerts          []alert
		TruncatedAlerts int
	}
	if err := json.Unmarshal(text, &bare); err != nil {
		t.Fatalf("the quick reader accepted, encoding/json says %v of %q", err, text)
	}
	want := incidents.Batch{Truncated: bare.TruncatedAlerts}
	for i := range bare.Alerts {
		defaults.take(&want, intake.Place{List: "alerts", Index: i}, &bare.Alerts[i])
	}
	if diff := cmp.Diff(want, quick); diff != "" {
		t.Fatalf("of %q encoding/json (-) and quick (+) read:\n%s", text, diff)
	}
}

// TestPairs holds the bounded map of the thorough reader against an ordinary one.
func TestPairs(t *testing.T) {
	for _, padding := range []string{"", strings.Repeat(" ", smallObject)} {
		for _, text := range []string{
			`{}`, `{"a":null}`, `{"a":{}}`, `{"a":{"x":"1","x":"2","y":null,"\u0078":"3"}}`, `{"a":{"x":"1"},"a":{"y":"2"},"A":{"x":"3"}}`,
			`{"a":{"x":"1"},"a":null}`, `{"a":{"x":"1"},"a":null,"a":{"y":"2"}}`, `{"a":5}`, `{"a":[]}`, `{"a":"x"}`, `{"a":{"x":5}}`, `{"a":{"x":{}}}`,
			`{"a":{"x":["b"]}}`, `{"a":{"x":true}}`, `{"a":{"x":"\ud800"}}`, "{\"a\":{\"\xff\":\"\xfe\"}}",
		} {
			var plain struct {
				A map[string]string `json:"a"`
			}
			var bounded struct {
				A pairs `json:"a"`
			}
			// The long way round is for long objects: white space makes every one of them long.
			text = strings.ReplaceAll(text, ":{", ":{"+padding)
			plainErr, boundedErr := json.Unmarshal([]byte(text), &plain), json.Unmarshal([]byte(text), &bounded)
			if (plainErr == nil) != (boundedErr == nil) {
				t.Errorf("%s: %v, and bounded %v", text, plainErr, boundedErr)
			}
			if diff := cmp.Diff(plain.A, map[string]string(bounded.A)); plainErr == nil && diff != "" {
				t.Errorf("%s: plain (-), bounded (+):\n%s", text, diff)
			}
		}
	}
}

// TestManyPairs has more members in one object than any map should.
func TestManyPairs(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"%x":""`, i)
	}
	labels := []byte(one(`"status":"firing","labels":{` + b.String()[1:] + `}`))
	want := "rejected 0 alerts[0].labels: are more than the limit of 64 (1024 were read); drop some at the source\ntruncated 0\n"
	if got := intaketest.Describe(Decode(labels)); got != want {
		t.Errorf("got %.200s", got)
	}
	batch, err := Decode([]byte(one(plain + `,"annotations":{` + b.String()[1:] + `}`)))
	if err != nil || len(batch.Reports) != 1 || len(batch.Reports[0].Annotations) != 64 {
		t.Fatalf("got %+v, %v", batch, err)
	}
	want = "alerts[0].annotations: left out 960 beyond the limit of 64, alerts[0].annotations: are 1024 or more; what came after was left out"
	if got := strings.Join(batch.Marks, ", "); got != want {
		t.Errorf("marks %s", got)
	}
}

// TestQuickReadsWhatAlertmanagerSends keeps the quick reader quick: if a new Alertmanager's body sends it to the
// thorough one, nothing else would show it.
func TestQuickReadsWhatAlertmanagerSends(t *testing.T) {
	for _, text := range []string{
		string(body(1)), string(body(100)),
		`{"alerts":[{"status":"firing","labels":{"a":"b"},"annotations":{"d":"two\nlines, \"quoted\", \u003c5%"},"startsAt":"2026-08-01T10:00:00+08:00"}],"new":{"x":[1,null]}}`,
		`{"version":"4","truncatedAlerts":7,"alerts":[]}`,
	} {
		if _, ok := defaults.quick([]byte(text)); !ok {
			t.Errorf("the quick reader gave up on %s", text)
		}
	}
}

// one wraps an alert's fields into a body.
func one(fields string) string { return `{"alerts":[{` + fields + `}]}` }

const plain = `"status":"firing","labels":{"alertname":"A"}`

// many renders n labels.
func many(n int, value string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"l%03d":%q`, i, value)
	}
	return b.String()[1:]
}

// contents are bodies with what they must be read as.
var contents = []struct{ name, body, want string }{
	{
		"group status is not the alert's", `{"status":"resolved","truncatedAlerts":3,"alerts":[{` + plain + `}]}`,
		"report firing \"\" starts - ends -\n  label \"alertname\" = \"A\"\ntruncated 3\n",
	},
	{
		"a firing alert has no end", one(plain + `,"endsAt":"2026-08-01T10:00:00Z"`),
		"report firing \"\" starts - ends -\n  label \"alertname\" = \"A\"\ntruncated 0\n",
	},
	{
		"year 1 is none, year 9999 cannot be", one(`"status":"resolved","labels":{"a":"b"},"startsAt":"0001-01-01T00:00:00Z","endsAt":"9999-12-31T23:59:59Z"`),
		"report resolved \"\" starts - ends -\n  label \"a\" = \"b\"\nmark alerts[0].endsAt: year 9999 cannot be right, the time was left out\ntruncated 0\n",
	},
	{
		"a time that is none", one(plain + `,"startsAt":"yesterday"`),
		"report firing \"\" starts - ends -\n  label \"alertname\" = \"A\"\nmark alerts[0].startsAt: is not a time in the form of RFC 3339 and was left out\ntruncated 0\n",
	},
	{
		"zones", one(plain + `,"startsAt":"2026-08-01T18:00:00.5+08:00"`),
		"report firing \"\" starts 2026-08-01T10:00:00.5Z ends -\n  label \"alertname\" = \"A\"\ntruncated 0\n",
	},
	{
		"repeated names: the last wins", one(`"status":"resolved","status":"firing","labels":{"a":"1"},"labels":{"b":"2","b":"3"}`),
		"report firing \"\" starts - ends -\n  label \"a\" = \"1\"\n  label \"b\" = \"3\"\ntruncated 0\n",
	},
	{
		"one bad alert among good ones", `{"alerts":[{` + plain + `},{"status":"firing","labels":{"a":5}},{"labels":{"a":"b"}},7]}`,
		"report firing \"\" starts - ends -\n  label \"alertname\" = \"A\"\n" +
			"rejected 1 alerts[1].labels: must be an object whose values are texts\n" +
			"rejected 2 alerts[2].status: is missing; must be \"firing\" or \"resolved\"\n" +
			"rejected 3 alerts[3]: must be an object\ntruncated 0\n",
	},
	{
		"NUL, terminal escapes and overrides", one(`"status":"firing","labels":{"a":"x\u0000y"},"annotations":{"s":"\u202egpj\u001b[0m"},"fingerprint":"f"`),
		"report firing \"f\" starts - ends -\n  label \"a\" = \"x�y\"\n  annotation \"s\" = \"�gpj�[0m\"\n" +
			"mark alerts[0].labels.a: characters that are not plain text were replaced by U+FFFD\n" +
			"mark alerts[0].annotations.s: characters that are not plain text were replaced by U+FFFD\ntruncated 0\n",
	},
	{
		"bytes that are not UTF-8", one(plain + ",\"annotations\":{\"s\":\"a\xff\"}"),
		"report firing \"\" starts - ends -\n  label \"alertname\" = \"A\"\n  annotation \"s\" = \"a�\"\n" +
			"mark alerts[0]: bytes that are not UTF-8 were replaced by U+FFFD\ntruncated 0\n",
	},
	{
		"200 labels", one(`"status":"firing","labels":{` + many(200, "v") + `}`),
		"rejected 0 alerts[0].labels: are more than the limit of 64 (200 were read); drop some at the source\ntruncated 0\n",
	},
	{
		"a name that is too long", one(`"status":"firing","labels":{"` + strings.Repeat("n", 129) + `":"v"}`),
		"rejected 0 alerts[0].labels: hold a name that has 129 bytes, more than the limit of 128: \"" + strings.Repeat("n", 64) + "\"…\ntruncated 0\n",
	},
	{
		"a foul name", one(`"status":"firing","labels":{"a\u0000":"v"}`),
		"rejected 0 alerts[0].labels: hold a name that holds control characters or is not UTF-8: \"a\\x00\"\ntruncated 0\n",
	},
	{
		"an annotation that is too long is cut between characters", one(plain + `,"annotations":{"s":"x` + strings.Repeat("é", 8192) + `"}`),
		"report firing \"\" starts - ends -\n  label \"alertname\" = \"A\"\n  annotation \"s\" = \"x" + strings.Repeat("é", 8191) + "\"\n" +
			"mark alerts[0].annotations.s: cut from 16385 to 16384 bytes\ntruncated 0\n",
	},
	{
		"a custom payload that is one alert", `{"status":"resolved","labels":{"a":"b"},"endsAt":"2026-08-01T10:00:00Z"}`,
		"report resolved \"\" starts - ends 2026-08-01T10:00:00Z\n  label \"a\" = \"b\"\nmark body: a custom payload without alerts was taken as one alert\ntruncated 0\n",
	},
	{"no alerts at all", `{"alerts":[]}`, "truncated 0\n"},
	{
		"another custom payload", `{"text":"disk full"}`,
		"error: read body: alerts: are missing; this door reads Alertmanager's webhook body, so a custom payload must keep alerts, or be one alert with status and labels\n",
	},
	{"an array", `[{"labels":{"a":"b"}}]`, "error: read body: body: is an array; alerts in the form of Alertmanager's API v2 go to /api/v2/alerts\n"},
	{"cut short", `{"alerts":[{"sta`, "error: read body: byte 16: not JSON: unexpected end of JSON input\n"},
	{"two bodies", `{"alerts":[]}{}`, "error: read body: byte 14: not JSON: invalid character '{' after top-level value\n"},
	{"deep", `{"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `,"alerts":[]}`, "error: read body: byte 20: nested deeper than 16 levels\n"},
	{"a count that is none", `{"alerts":[],"truncatedAlerts":-4}`, "mark truncatedAlerts: is not a count; how many alerts were left out is not known\ntruncated 0\n"},
}

func TestContent(t *testing.T) {
	for _, test := range contents {
		t.Run(test.name, func(t *testing.T) {
			intaketest.Promises(t, Decode, []byte(test.body))
			sameAsThorough(t, []byte(test.body))
			got := intaketest.Describe(Decode([]byte(test.body)))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}

// TestCutLabelsKeepIdentities shows that two alerts that differ only beyond the cut stay two.
func TestCutLabelsKeepIdentities(t *testing.T) {
	long := strings.Repeat("v", 5000)
	text := fmt.Sprintf(`{"alerts":[{"status":"firing","labels":{"a":"%s1"}},{"status":"firing","labels":{"a":"%s2"}}]}`, long, long)
	batch, err := Decode([]byte(text))
	if err != nil || len(batch.Reports) != 2 {
		t.Fatalf("got %+v, %v", batch, err)
	}
	first, second := batch.Reports[0], batch.Reports[1]
	if first.Labels["a"] != second.Labels["a"] || len(first.Labels["a"]) != 4096 {
		t.Errorf("labels were not cut to the same 4096 bytes: %d, %d", len(first.Labels["a"]), len(second.Labels["a"]))
	}
	if first.Fingerprint == "" || first.Fingerprint == second.Fingerprint {
		t.Errorf("fingerprints %q and %q", first.Fingerprint, second.Fingerprint)
	}
}

func TestManyAlerts(t *testing.T) {
	limits := intake.DefaultLimits()
	limits.Alerts = 3
	decode := With(limits)
	list := func(n int) []byte {
		return []byte(`{"alerts":[` + strings.Repeat(`{`+plain+`},`, n-1) + `{` + plain + `}]}`)
	}

	batch, err := decode(list(5))
	if err != nil {
		t.Fatal(err)
	}
	const reason = "stands beyond the limit of 3 alerts a request; set max_alerts, or group by more labels"
	want := []incidents.Rejected{{Index: 3, Where: "alerts", Reason: reason}, {Index: 4, Where: "alerts", Reason: reason}}
	if diff := cmp.Diff(want, batch.Rejected); diff != "" || len(batch.Reports) != 3 {
		t.Errorf("%d reports, rejected:\n%s", len(batch.Reports), diff)
	}

	var refused *intake.BodyError
	if batch, err := decode(list(31)); !errors.As(err, &refused) || !cmp.Equal(batch, incidents.Batch{}, cmpopts.EquateEmpty()) {
		t.Errorf("31 alerts: %+v, %v", batch, err)
	}
	if batch, err := Decode(list(5000)); err != nil || len(batch.Reports) != 5000 || len(batch.Rejected) != 0 {
		t.Errorf("5,000 alerts: %d taken, %d rejected, %v", len(batch.Reports), len(batch.Rejected), err)
	}
}

// TestDepth has the limit cut through an alert itself.
func TestDepth(t *testing.T) {
	limits := intake.DefaultLimits()
	for depth, ok := range map[int]bool{3: false, 4: true} {
		limits.Depth = depth
		batch, err := With(limits)([]byte(one(plain)))
		if (err == nil) != ok || (len(batch.Reports) == 1) != ok {
			t.Errorf("depth %d: %+v, %v", depth, batch, err)
		}
	}
}
