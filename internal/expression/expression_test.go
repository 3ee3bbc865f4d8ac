package expression

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

type env struct {
	Labels   map[string]string `expr:"labels"`
	Values   map[string]any    `expr:"values"`
	Severity string            `expr:"severity"`
	Tags     []string          `expr:"tags"`
	StartsAt time.Time         `expr:"starts_at"`
	Now      time.Time         `expr:"now"`
}

func sample() *env {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return &env{
		Labels:   map[string]string{"team": "web", "path": "/var/lib/db-3", "alertname": "DiskFull", "city": "上海"},
		Values:   map[string]any{"used": 93.5},
		Severity: "P2", Tags: []string{"prod", "eu"},
		StartsAt: now.Add(-2 * time.Hour), Now: now,
	}
}

func TestBool(t *testing.T) {
	for source, want := range map[string]bool{
		`true`:                                                  true,
		`labels.team == "web"`:                                  true,
		`labels.nothing == ""`:                                  true,
		`labels["nothing"] == "x"`:                              false,
		`"team" in labels`:                                      true,
		`"nothing" in labels`:                                   false,
		`severity <= "P2"`:                                      true,
		`severity in ["P0", "P1"]`:                              false,
		`glob(labels.path, "/var*db-[0-9]")`:                    true,
		`glob(labels.path, "/var*db-[!0-9]")`:                   false,
		`has(labels.alertname, "Full")`:                         true,
		`has(tags, "prod") and !has(tags, "us")`:                true,
		`has(labels, "team")`:                                   true,
		`has(values, "free")`:                                   false,
		`age(starts_at) > duration("1h30m")`:                    true,
		`age(starts_at) > duration("1d")`:                       false,
		`labels.alertname matches "^Disk.*$"`:                   true,
		`values.used >= 90`:                                     true,
		`any(tags, # startsWith "e")`:                           true,
		`none(split(labels.path, "/"), # == "etc")`:             true,
		`lower(labels.alertname) == "diskfull" && len(tags)==2`: true,
		`labels.city == "上海"`:                                   true,
		`(labels.nothing ?? "x") == ""`:                         true,
	} {
		p, err := Compile(source, Bool, &env{})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := p.Bool(sample()); err != nil || got != want {
			t.Errorf("%s = %v, %v; want %v", source, got, err, want)
		}
	}
}

// A label that is not there is "", whether there are other labels or none at all.
func TestMissingLabel(t *testing.T) {
	p, err := Compile(`labels.team`, String, &env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*env{{}, {Labels: map[string]string{}}, {Labels: map[string]string{"other": "x"}}} {
		if got, err := p.Text(e); err != nil || got != "" {
			t.Errorf("labels.team of %v = %q, %v", e.Labels, got, err)
		}
	}
}

// refused are sources with a part of what is said of them. Each took all memory, ran for minutes or reached past the
// language's border in a plain use of the library, or is plainly wrong.
var refused = map[string]string{
	`repeat(repeat("a",100000),1000000) == ""`:               "the function repeat is not known",
	`reduce(1..1000000, #acc + "aaaaaaaaaa") == ""`:          "not allowed",
	`len(1..100000000) > 0`:                                  "ranges",
	`any(1..1000, any(1..1000, any(1..1000, false)))`:        "ranges",
	`any(tags, any(tags, # == "x"))`:                         "one loop inside another",
	`let a = severity + severity; let b = a + a; b == ""`:    "let",
	`len(map(tags, # + #)) > 0`:                              "map",
	`len(filter(tags, true)) > 0`:                            "filter",
	`count(tags, true) > 0`:                                  "count",
	`sum([1,2]) > 0`:                                         "sum",
	`len(sortBy(tags, #)) > 0`:                               "sortBy",
	`len(groupBy(tags, #)) > 0`:                              "groupBy",
	`2 ** 100 > 1`:                                           "operator **",
	`labels.team matches labels.path`:                        "written out",
	`glob(labels.team, labels.path)`:                         "written out",
	`age(starts_at) > duration(labels.team)`:                 "written out",
	`age(starts_at) > duration("5 min")`:                     "not a duration",
	`labels.team matches "("`:                                "missing closing",
	`starts_at.Unix() > 0`:                                   "methods",
	`now() > starts_at`:                                      "not known",
	`toJSON(labels) == ""`:                                   "the function toJSON is not known",
	`{"a": 1}.a == 1`:                                        "not allowed",
	`severity[0:1] == "P"`:                                   "slices",
	`true; false`:                                            "not allowed",
	`labels.team`:                                            "true or false",
	`team == "web"`:                                          "unknown name team",
	`severity == 1`:                                          "mismatched types",
	`labels.team ==`:                                         "unexpected token",
	``:                                                       "missing",
	`"` + strings.Repeat("a", MaxSource) + `" == ""`:         "longer than",
	strings.Repeat("true and ", MaxNodes) + "true":           "compilation failed",
	strings.Repeat("(", 2000) + "true":                       "",
	`get(labels, "team") == ""`:                              "the function get is not known",
	`$env.severity == ""`:                                    "$env",
	`labels.team == "\x`:                                     "",
	`age(starts_at, now) > duration("1h")`:                   "age takes one time",
	`has(labels, "a", "b")`:                                  "too many arguments",
	`fromJSON("[1]") == 1`:                                   "the function fromJSON is not known",
	`all(tags, {let x = # + #; x == ""})`:                    "let",
	`labels.team | trim() | repeat(100000000) == "a"`:        "the function repeat is not known",
	`split(labels.team, "").x`:                               "",
	`find(tags, true) == "x"`:                                "find",
	`join(tags, ",") == ""`:                                  "the function join is not known",
	`flatten([tags]) == []`:                                  "the function flatten is not known",
	`concat(tags, tags) == []`:                               "the function concat is not known",
	`severity in ["P0", "P1"] ? "loud" : "quiet"`:            "true or false",
	`len(toBase64(severity)) > 0`:                            "the function toBase64 is not known",
	`date("2026-01-01") > starts_at`:                         "the function date is not known",
	"severity == `" + strings.Repeat("x", 3*MaxSource) + "`": "longer than",
}

func TestRefusedAtCompileTime(t *testing.T) {
	for source, why := range refused {
		p, err := Compile(source, Bool, &env{})
		if err == nil {
			v, runErr := p.Bool(sample())
			t.Errorf("%.60s compiled; it gives %v, %v", source, v, runErr)
			continue
		}
		var at *Error
		if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 {
			t.Errorf("%.60s: %v has no place", source, err)
		}
		if !strings.Contains(err.Error(), why) {
			t.Errorf("%.60s: %v; want %q in it", source, err, why)
		}
	}
}

func TestErrorPlace(t *testing.T) {
	for source, want := range map[string]string{
		`labels.team == "web" and nonsense`:        "1:26",
		"labels.team == \"web\"\n  and nonsense":   "2:7",
		`labels.city == "上海" and nonsense`:         "1:25",
		`severity == "P1" and len(1..3) > 0`:       "1:27",
		"true and\n  any(tags, any(tags, true))":   "2:3",
		`labels.city == "上海" and len(1..3) > 0`:    "1:30",
		`age(starts_at) > duration("nonsense")`:    "1:18",
		`labels.team matches labels.path and true`: "1:13",
	} {
		_, err := Compile(source, Bool, &env{})
		if err == nil || !strings.HasPrefix(err.Error(), want+": ") {
			t.Errorf("%s: %v; want it at %s", source, err, want)
		}
	}
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		source   string
		want     string
		complete bool
	}{
		{`"P1"`, "P1", true},
		{`labels.severity == "critical" ? "P1" : "P3"`, "P1 P3", true},
		{`labels.a == "x" ? "P1" : labels.b == "y" ? "P2" : "P3"`, "P1 P2 P3", true},
		{`labels.a == "x" ? "P1" : labels.severity`, "P1", false},
		{`labels.severity`, "", false},
		{`upper("p1")`, "", false},
	} {
		p, err := Compile(c.source, String, &env{})
		if err != nil {
			t.Fatalf("%s: %v", c.source, err)
		}
		got, complete := p.Outcomes()
		if strings.Join(got, " ") != c.want || complete != c.complete {
			t.Errorf("%s results in %q, complete %v; want %q, %v", c.source, got, complete, c.want, c.complete)
		}
	}
}

func TestConstantBool(t *testing.T) {
	for source, want := range map[string]bool{`true`: true, `not false`: true, `labels.a == "x"`: false} {
		p, err := Compile(source, Bool, &env{})
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := p.ConstantBool(); (v && ok) != want {
			t.Errorf("%s: constant %v %v", source, v, ok)
		}
	}
}

// A run never panics, whatever it is given.
func TestRunFails(t *testing.T) {
	var none *Program
	if _, err := none.Bool(sample()); err == nil {
		t.Error("the nil program gave a result")
	}
	p, err := Compile(`values.used > 90`, Bool, &env{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Bool(&env{Values: map[string]any{"used": "a lot"}}); err == nil {
		t.Error("a text was compared with a number")
	}
	for _, wrong := range []any{nil, env{}, map[string]any{"values": 1}, "text"} {
		if _, err := p.Bool(wrong); err == nil {
			t.Errorf("it ran over %T", wrong)
		}
	}
	if got, err := p.Bool(sample()); err != nil || !got {
		t.Errorf("after failures: %v, %v", got, err)
	}
}

func TestProgramIsSharedByGoroutines(t *testing.T) {
	p, err := Compile(`any(split(labels.path, "/"), # == "lib") and labels.team == "web"`, Bool, &env{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if got, err := p.Bool(sample()); err != nil || !got {
					t.Errorf("got %v, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`labels.team == "web"`, `any(tags, # == "a")`, `age(starts_at) > duration("1h")`, `reduce(1..9, #acc)`, `glob(severity, "[")`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		p, err := Compile(source, Bool, &env{})
		if err == nil {
			_, _ = p.Bool(sample()) // any answer, but no panic and no long run
			return
		}
		var at *Error
		if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 {
			t.Fatalf("%q: %v has no place", source, err)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for name, source := range map[string]string{
		"one":  `labels.team == "web"`,
		"five": `labels.team == "web" and severity <= "P2" and labels.alertname matches "^Disk" and glob(labels.path, "/var/*") and not (labels.city == "x")`,
	} {
		p, err := Compile(source, Bool, &env{})
		if err != nil {
			b.Fatal(err)
		}
		e := sample()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := p.Bool(e); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
