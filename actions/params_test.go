package actions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/internal/text"
)

func ptr[T any](v T) *T { return &v }

func paramActions() []actions.Definition {
	return []actions.Definition{{Name: "all", Runner: "play", Timeout: time.Minute, Approval: actions.Approval{None: true},
		Argv: []string{"prog", "{{ .params.name }}", "-n={{ .params.n }}", "{{ if .params.force }}--force{{ end }}", "{{ .params.mode }}", "{{ .params.free }}"},
		Params: map[string]actions.Param{
			"name":  {Pattern: `a|b+`, Required: true, MaxLength: 5},
			"n":     {Type: "integer", Min: ptr(1), Max: ptr(9), Default: ptr("3")},
			"force": {Type: "boolean"},
			"mode":  {Enum: []string{"soft", "hard"}, Default: ptr("soft")},
			"free":  {LeadingDash: true, MaxLength: 1000},
		}}}
}

func TestParametersBecomeArguments(t *testing.T) {
	each(t, func(b *bench) {
		b.defs = paramActions()
		b.use()
		for _, c := range []struct {
			params map[string]any
			argv   []string
		}{
			{map[string]any{"name": "a"}, []string{"prog", "a", "-n=3", "", "soft", ""}},
			{map[string]any{"name": "bbb", "n": "7", "force": "yes", "mode": "hard", "free": "-x"}, []string{"prog", "bbb", "-n=7", "--force", "hard", "-x"}},
			{map[string]any{"name": "a", "n": json.Number("9"), "force": true}, []string{"prog", "a", "-n=9", "--force", "soft", ""}},
			{map[string]any{"name": "a", "n": float64(1), "mode": ""}, []string{"prog", "a", "-n=1", "", "soft", ""}},
			{map[string]any{"name": "a", "free": "{{ .params.name }}; $(id)\n`id`"}, []string{"prog", "a", "-n=3", "", "soft", "{{ .params.name }}; $(id)\n`id`"}},
		} {
			r, err := b.s.Request(b.Context(), by("alice", ""), actions.Ask{Action: "all", Params: c.params})
			if err != nil || !slices.Equal(r.Argv, c.argv) {
				b.Errorf("%v: %q, %v; want %q", c.params, r.Argv, err, c.argv)
			}
		}
	})
}

func TestParametersAreRefusedAllAtOnce(t *testing.T) {
	each(t, func(b *bench) {
		b.defs = paramActions()
		b.use()
		for _, c := range []struct {
			params map[string]any
			want   string
		}{
			{nil, "name param_missing"},
			{map[string]any{"name": ""}, "name param_missing"},
			{map[string]any{"name": "ab"}, "name param_no_match a|b+"}, // the whole value, also of an alternative
			{map[string]any{"name": "a\n"}, "name param_no_match a|b+"},
			{map[string]any{"name": "bbbbbb"}, "name param_too_long 5"},
			{map[string]any{"name": "-b"}, "name param_dash_first"},
			{map[string]any{"name": "a\x00"}, "name param_not_text"},
			{map[string]any{"name": "\xff"}, "name param_not_text"},
			{map[string]any{"name": []any{"a"}}, "name param_not_text"},
			{map[string]any{"name": "a", "n": "1.5", "force": "perhaps", "mode": "wild", "other": 1},
				"force param_not_boolean; mode param_not_in_enum soft, hard; n param_not_integer; other param_unknown force, free, mode, n, name"},
			{map[string]any{"name": "a", "n": 10}, "n param_out_of_range 1–9"},
			{map[string]any{"name": "a", "n": 1.5}, "n param_not_integer"},
		} {
			_, err := b.s.Request(b.Context(), by("alice", ""), actions.Ask{Action: "all", Params: c.params})
			var wrong *actions.ParamsError
			if !errors.As(err, &wrong) {
				b.Errorf("%v: %v", c.params, err)
				continue
			}
			var got []string
			for _, f := range wrong.Faults {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Name, f.Problem, f.Want)))
				for _, lang := range text.Languages {
					if s := f.Say(lang); strings.Contains(s, "«") || !strings.Contains(s, f.Name) {
						b.Errorf("no sentence for %s: %s", f.Problem, s)
					}
				}
			}
			if strings.Join(got, "; ") != c.want {
				b.Errorf("%q: %q, want %q", c.params, got, c.want)
			}
		}
	})
}

// Everything that is a key of the catalogue has its sentence.
func TestReasonsHaveSentences(t *testing.T) {
	keys := []string{"state_pending", "state_approved", "state_running", "state_succeeded", "state_failed", "state_rejected", "state_expired",
		"state_cancelled", "state_unknown"}
	for _, d := range []actions.Denial{actions.NoPerson, actions.NoRole, actions.NotNamed, actions.OwnRequest, actions.NotYours} {
		keys = append(keys, string(d))
	}
	for _, w := range []actions.Why{actions.WhyTimeout, actions.WhySignal, actions.WhyExit, actions.WhyNotStarted, actions.WhyInterrupted, actions.WhyLost,
		actions.WhyOutcome, actions.WhyAlreadyRan, actions.WhyResolved, actions.WhyChanged, actions.WhyRights, actions.WhyDigest} {
		keys = append(keys, string(w))
	}
	for _, lang := range text.Languages {
		for _, k := range keys {
			if text.Template(lang, "actions."+k) == "" {
				t.Errorf("no %s sentence for %s", lang, k)
			}
		}
	}
}

func TestDefinitionFaultsComeAtOnce(t *testing.T) {
	_, faults := actions.NewCatalog([]actions.Definition{{Name: "Bad Name", Argv: []string{"{{ .params.x }}", "{{ .labels.y }}", "{{ printf 1 }}"},
		Dir: "/{{ .params.x }}", Params: map[string]actions.Param{"p": {Pattern: "("}, "q": {Type: "list"}, "r": {Pattern: "a", Default: ptr("b")}}}})
	var got []string
	for _, f := range faults {
		got = append(got, strings.TrimPrefix(f.Path, "actions.Bad Name."))
	}
	want := []string{"", "run.argv", "run.dir", "run.timeout", "run.argv[0]", "run.argv[1]", "run.argv[2]", "params.p", "params.q", "params.r"}
	if !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
}

// No value chooses the program or the number of arguments.
func FuzzBind(f *testing.F) {
	for _, s := range []string{"x", "{{ .params.free }}", "a b", "--", "\n", "'; id", "{{end}}"} {
		f.Add(s)
	}
	catalog, faults := actions.NewCatalog(paramActions())
	if len(faults) > 0 {
		f.Fatal(faults)
	}
	a, _ := catalog.Get("all")
	f.Fuzz(func(t *testing.T, value string) {
		argv, err := a.Preview(map[string]any{"name": "a", "free": value})
		if err != nil {
			return
		}
		if len(argv) != 6 || argv[0] != "prog" || argv[1] != "a" || argv[5] != value {
			t.Fatalf("%q", argv)
		}
	})
}
