package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"dogwatch"
)

// compiledSchema is what `dogwatch schema` prints, ready to validate.
func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var out bytes.Buffer
	if code := run(&app{out: &out, err: &out, env: func(string) (string, bool) { return "", false }}, []string{"schema"}); code != 0 {
		t.Fatalf("exit %d: %s", code, out.String())
	}
	doc, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is YAML as a JSON validator sees it.
func asJSON(t *testing.T, body []byte) any {
	t.Helper()
	var v any
	if err := yaml.Load(body, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchemaTakesTheExample(t *testing.T) {
	if err := compiledSchema(t).Validate(asJSON(t, dogwatch.Example)); err != nil {
		t.Fatal(err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiledSchema(t)
	for name, body := range map[string]string{
		"an unknown key":           "extra: 1",
		"an unknown key deeper":    "server: {lisen: x}",
		"an unknown platform":      "platforms: {emial: {}}",
		"a plugin's unknown key":   "platforms: {slack: {colour: red}}",
		"a literal secret":         "platforms: {slack: {token: xoxb-1}}",
		"a source without a token": "sources: {prom: {type: alertmanager}}",
		"an unknown source":        "sources: {prom: {type: prometheus, token: env:X}}",
		"a duration":               "policies: {p: {steps: [{after: 5min}]}}",
		"another word than none":   "actions: {x: {approval: nobody}}",
		"a list for a text":        "people: {a: {name: [A]}}",
		"a size":                   "limits: {body: 8MB}",
		"a parameter of no type":   "actions: {x: {params: {a: {type: text}}}}",
	} {
		if err := s.Validate(asJSON(t, []byte(body))); err == nil {
			t.Errorf("the schema takes %s: %s", name, body)
		}
	}
}

// Every key of the types stands in the sample, so that the sample documents all of them.
func TestExampleNamesEveryKey(t *testing.T) {
	var missing []string
	var walk func(schema map[string]any, path string)
	walk = func(schema map[string]any, path string) {
		if properties, ok := schema["properties"].(map[string]any); ok {
			for key, sub := range properties {
				if !bytes.Contains(dogwatch.Example, []byte(key+":")) {
					missing = append(missing, path+"."+key)
				}
				if deeper, ok := sub.(map[string]any); ok { // true: anything at all
					walk(deeper, path+"."+key)
				}
			}
		}
		for _, inner := range []string{"additionalProperties", "items"} {
			if sub, ok := schema[inner].(map[string]any); ok {
				walk(sub, path)
			}
		}
		if either, ok := schema["anyOf"].([]any); ok {
			for _, sub := range either {
				walk(sub.(map[string]any), path)
			}
		}
	}
	b, err := json.Marshal(configSchema())
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(b, &root); err != nil {
		t.Fatal(err)
	}
	walk(root, "")
	if len(missing) > 0 {
		t.Errorf("config.example.yaml lacks %s", strings.Join(missing, ", "))
	}
}
