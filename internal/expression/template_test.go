package expression

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func data() map[string]any {
	return map[string]any{
		"params": map[string]any{"unit": "nginx.service", "force": true, "n": 3, "empty": ""},
		"labels": map[string]string{"instance": "DB-3:9100", "evil": "{{ .params.unit }}; rm -rf /"},
	}
}

func TestRender(t *testing.T) {
	for source, want := range map[string]string{
		``:                               "",
		`restart`:                        "restart",
		`{{ .params.unit }}`:             "nginx.service",
		`--unit={{ .params.unit }}`:      "--unit=nginx.service",
		`{{ .labels.instance | lower }}`: "db-3:9100",
		`{{ upper .params.unit }}`:       "NGINX.SERVICE",
		`{{ .labels.evil }}`:             "{{ .params.unit }}; rm -rf /",
		`{{ if .params.force }}-f{{ else }}-n{{ end }}`:             "-f",
		`{{ if and .params.force (eq .params.n 3) }}x{{ end }}`:     "x",
		`{{ index .labels "instance" }}`:                            "DB-3:9100",
		`{{ .params.empty | default "none" }}`:                      "none",
		`{{ if eq .params.unit "a" }}1{{ else if true }}2{{ end }}`: "2",
		`{{- /* nothing */ -}} x {{- trim " y " -}} `:               "xy",
	} {
		tpl, err := CompileTemplate(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := tpl.Render(data()); err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%s = %q, %v; want %q", source, got, err, want)
		}
	}
}

func TestTemplateRefused(t *testing.T) {
	for source, why := range map[string]string{
		`{{ .params.unit`:                               "unclosed action",
		"a\n{{ nonsense }}":                             `function "nonsense" not defined`,
		`{{ range 300000000 }}x{{ end }}`:               "not allowed",
		`{{ range .labels }}x{{ end }}`:                 "not allowed",
		`{{ with .labels }}{{ .instance }}{{ end }}`:    "not allowed",
		`{{ printf "%1000000000d" 1 }}`:                 "the function printf is not allowed",
		`{{ print .params }}`:                           "the function print is not allowed",
		`{{ call .params.unit }}`:                       "the function call is not allowed",
		`{{ html .params.unit }}`:                       "the function html is not allowed",
		`{{ js .params.unit }}`:                         "the function js is not allowed",
		`{{ slice .params.unit 1 2 }}`:                  "the function slice is not allowed",
		`{{ define "x" }}{{ template "x" }}{{ end }}`:   "not allowed",
		`{{ template "t" }}`:                            "not allowed",
		`{{ block "x" . }}y{{ end }}`:                   "not allowed",
		`{{ $x := .params.unit }}{{ $x }}`:              "variables",
		`{{ . }}`:                                       "not allowed",
		`{{ $ }}`:                                       "not allowed",
		`{{ (index .labels "a").b }}`:                   "not allowed",
		`{{ if printf "%s" "a" }}x{{ end }}`:            "the function printf is not allowed",
		`{{ if true }}{{ break }}{{ end }}`:             "break",
		`{{ env "HOME" }}`:                              "not defined",
		strings.Repeat("a", MaxSource+1):                "longer",
		`{{ if true }}{{ else }}{{ print 1 }}{{ end }}`: "the function print is not allowed",
		`{{ nil }}`:                                     "nil",
		`{{ lower (print .params.unit) }}`:              "the function print is not allowed",
	} {
		_, err := CompileTemplate(source)
		var at *Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), why) || at.Line < 1 || at.Column < 1 {
			t.Errorf("%.50s: %v; want %q", source, err, why)
		}
	}
	_, err := CompileTemplate("ok\n  {{ printf `x` }}")
	if err == nil || !strings.HasPrefix(err.Error(), "2:6: ") {
		t.Errorf("the place of printf: %v", err)
	}
}

func TestRenderFails(t *testing.T) {
	for source, why := range map[string]string{
		`{{ .params.nothing }}`:   "no entry for key",
		`{{ .labels.nothing }}`:   "no entry for key",
		`{{ .nothing.at.all }}`:   "no entry for key",
		`{{ lower .params.n }}`:   "wrong type",
		`{{ .params.unit.more }}`: "can't evaluate field",
	} {
		tpl, err := CompileTemplate(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if out, err := tpl.Render(data()); err == nil || out != "" || !strings.Contains(err.Error(), why) {
			t.Errorf("%s = %q, %v; want %q", source, out, err, why)
		}
	}
	tpl, err := CompileTemplate(strings.Repeat("{{ .params.unit }}", 100))
	if err != nil {
		t.Fatal(err)
	}
	long := map[string]any{"params": map[string]any{"unit": strings.Repeat("x", 1000)}}
	if out, err := tpl.Render(long); err == nil || out != "" || !strings.Contains(err.Error(), "longer than 65536 bytes") {
		t.Errorf("a long result: %d bytes, %v", len(out), err)
	}
}

func TestTemplateFields(t *testing.T) {
	tpl, err := CompileTemplate(`{{ .params.unit }} {{ if .labels.a }}{{ lower .params.b }}{{ end }} {{ index .labels "x" }}`)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"params", "unit"}, {"labels", "a"}, {"params", "b"}, {"labels"}}
	if got := tpl.Fields(); !reflect.DeepEqual(got, want) {
		t.Errorf("fields %v, want %v", got, want)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{`{{ .params.unit }}`, `{{ if .params.force }}a{{ else }}b{{ end }}`, `{{ define "x" }}{{ end }}`, `{{ $.params.unit }}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tpl, err := CompileTemplate(source)
		if err != nil {
			return
		}
		if out, err := tpl.Render(data()); err == nil && len(out) > MaxOutput {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
