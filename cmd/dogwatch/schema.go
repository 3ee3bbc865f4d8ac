package main

import (
	"encoding"
	"reflect"

	"github.com/invopop/jsonschema"
	"github.com/spf13/cobra"

	"dogwatch/internal/text"
)

func newSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: a.say("schema"), Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.printJSON(configSchema()) },
	}
}

// configSchema is the JSON Schema of the configuration, made from the same types that it is decoded into. What a schema
// cannot say (names that must exist, expressions) is left to check.
func configSchema() *jsonschema.Schema {
	s := schemaOf(&Config{})
	s.Version = jsonschema.Version
	s.ID = "https://dogwatch.invalid/config.schema.json"
	s.Title = "dogwatch configuration"
	s.Properties.Set("platforms", bySection(platformPlugins, func(p platformPlugin) any { return p.config() }))
	s.Properties.Set("runners", bySection(runnerPlugins, func(p runnerPlugin) any { return p.config() }))
	return s
}

// bySection is a mapping whose keys are the plugins there are, each with its own settings.
func bySection[P any](plugins map[string]P, settings func(P) any) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, name := range keys(plugins) {
		s.Properties.Set(name, &jsonschema.Schema{AnyOf: []*jsonschema.Schema{schemaOf(settings(plugins[name])), {Type: "null"}}})
	}
	return s
}

func schemaOf(v any) *jsonschema.Schema {
	r := &jsonschema.Reflector{
		FieldNameTag: "yaml", Anonymous: true, DoNotReference: true, ExpandedStruct: true,
		RequiredFromJSONSchemaTags: true, Mapper: special,
	}
	s := r.Reflect(v)
	s.Version = ""
	return s
}

const (
	durationPattern = `^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$`
	ratePattern     = `^(none|[0-9]+/[0-9a-z]+)$`
	secretPattern   = `^(env|file):.+$`
)

func pattern(p, description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: p, Description: description}
}

var textReader = reflect.TypeFor[encoding.TextUnmarshaler]()

// special are the types that are written otherwise than they are built.
func special(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[text.Duration]():
		return pattern(durationPattern, "A duration: 30s, 5m, 1h30m, 7d, 1w.")
	case reflect.TypeFor[rate]():
		return pattern(ratePattern, "A count in a time, as 20/1m, or none.")
	case reflect.TypeFor[text.Secret]():
		return pattern(secretPattern, "A secret: env:NAME or file:PATH.")
	case reflect.TypeFor[redisAddress]():
		return pattern(`^(embedded|(env|file):.+|[a-z+]+://.+)$`, "")
	case reflect.TypeFor[byteSize]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer"}, pattern(`^[0-9]+(KiB|MiB|GiB)?$`, "")}}
	case reflect.TypeFor[turn]():
		one := &jsonschema.Schema{Type: "string"}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{one, {Type: "array", Items: one}}}
	case reflect.TypeFor[approvalConfig]():
		type plain approvalConfig // without this case, which would not end
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Const: "none"}, schemaOf(&plain{})}}
	case reflect.TypeFor[sourceConfig]():
		types := []any{}
		for _, name := range keys(sourcePlugins) {
			types = append(types, name)
		}
		s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"type", "token"}}
		s.Properties.Set("type", &jsonschema.Schema{Type: "string", Enum: types})
		s.Properties.Set("token", special(reflect.TypeFor[text.Secret]()))
		return s
	case reflect.TypeFor[section]():
		return &jsonschema.Schema{Type: "object"}
	}
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Map || !reflect.PointerTo(t).Implements(textReader) {
		return nil
	}
	return &jsonschema.Schema{Type: "string"}
}
