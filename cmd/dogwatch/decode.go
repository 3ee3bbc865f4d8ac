package main

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"dogwatch/internal/text"
)

// decoder turns nodes into values strictly and keeps every fault it meets: unknown and repeated keys, wrong kinds, what a
// type's own UnmarshalText refuses. Fields are named by their yaml tag.
type decoder struct {
	doc    *document
	faults Faults
	// secrets resolves references; nil leaves them as references.
	secrets func(text.Secret) (text.Secret, error)
}

// nodeValue is a type that reads its node itself.
type nodeValue interface {
	decodeNode(d *decoder, n *yaml.Node, path string)
}

// defaulter is a type with values for keys that are left out.
type defaulter interface{ setDefaults() }

var secretType = reflect.TypeFor[text.Secret]()

// refuse enters a fault of a node; whoever knows how to mend it puts a Hint into what is returned.
func (d *decoder) refuse(n *yaml.Node, path, format string, args ...any) *Fault {
	d.faults = append(d.faults, Fault{
		File: d.doc.file, Line: max(n.Line, 1), Column: max(n.Column, 1), Path: path, Message: fmt.Sprintf(format, args...),
	})
	return &d.faults[len(d.faults)-1]
}

// value reads n into v, which can be set.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	n = follow(n)
	if own, ok := v.Addr().Interface().(nodeValue); ok {
		own.decodeNode(d, n, path)
		return
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return // a key without a value is as though it were not there
	}
	if v.Type() == secretType {
		d.secret(n, v, path)
		return
	}
	if reader, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if d.isScalar(n, path, "a value") {
			if err := reader.UnmarshalText([]byte(n.Value)); err != nil {
				d.refuse(n, path, "%v", err)
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh.Elem())
		d.value(n, fresh.Elem(), path)
		v.Set(fresh)
	case reflect.Struct:
		d.structure(n, v, path, nil)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Interface:
		if err := n.Load(v.Addr().Interface()); err != nil {
			d.refuse(n, path, "cannot be read")
		}
	default:
		d.scalar(n, v, path)
	}
}

// pointer reads n into what into points at.
func (d *decoder) pointer(n *yaml.Node, into any, path string) {
	d.value(n, reflect.ValueOf(into).Elem(), path)
}

// secret takes a reference. What was written is never repeated: it may be the secret itself.
func (d *decoder) secret(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.refuse(n, path, "must be a secret, env:NAME or file:PATH")
		return
	}
	s, err := text.ParseSecret(n.Value)
	if err != nil {
		d.refuse(n, path, "%v", err).Hint = "put the value into the environment or a file and name that here"
		return
	}
	if d.secrets != nil {
		if s, err = d.secrets(s); err != nil {
			d.refuse(n, path, "%s: %v", path, err)
			d.faults[len(d.faults)-1].Unset = true
		}
	}
	v.Set(reflect.ValueOf(s))
}

// structure reads a mapping into a struct; keys in skip belong to somebody else.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string, skip []string) {
	if n.Kind != yaml.MappingNode {
		d.refuse(n, path, "%s must be a mapping of keys to values", label(path))
		return
	}
	fields := map[string]reflect.Value{}
	var names []string
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" || !v.Field(i).CanSet() {
			continue
		}
		fields[name] = v.Field(i)
		names = append(names, name)
	}
	for _, s := range skip {
		fields[s] = reflect.Value{}
		names = append(names, s)
	}
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		field, known := fields[key.Value]
		switch {
		case !known && key.Value == "<<":
			d.refuse(key, at, "merge keys are not supported").Hint = "write the keys out"
		case !known:
			d.refuse(key, at, "unknown key %q%s", key.Value, in(path)).Hint = nearestOr(key.Value, names)
			d.faults[len(d.faults)-1].unknownKey = true
		case field.IsValid():
			d.value(value, field, at)
		}
	})
}

// pairs goes through a mapping and refuses keys that are no text or stand twice.
func (d *decoder) pairs(n *yaml.Node, path string, each func(key, value *yaml.Node, at string)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := follow(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			d.refuse(n.Content[i], path, "a key must be a word")
			continue
		}
		if line, twice := seen[key.Value]; twice {
			d.refuse(key, join(path, key.Value), "%q stands here twice, first in line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		each(key, n.Content[i+1], join(path, key.Value))
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.refuse(n, path, "%s must be a mapping of names to values", label(path))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		if key.Value == "" || key.Value == "<<" {
			d.refuse(key, at, "%q cannot be a name", key.Value)
			return
		}
		item := reflect.New(v.Type().Elem()).Elem()
		setDefaults(item)
		d.value(value, item, at)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
	})
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.refuse(n, path, "%s must be a list", label(path)).Hint = "write it in brackets: [a, b]"
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		setDefaults(out.Index(i))
		d.value(item, out.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(out)
}

func (d *decoder) isScalar(n *yaml.Node, path, what string) bool {
	if n.Kind != yaml.ScalarNode {
		d.refuse(n, path, "%s must be %s", label(path), what)
		return false
	}
	return true
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		if d.isScalar(n, path, "a text") {
			v.SetString(n.Value)
		}
	case reflect.Bool:
		if d.isScalar(n, path, "true or false") {
			b, ok := map[string]bool{"true": true, "false": false}[n.Value]
			if !ok {
				d.refuse(n, path, "%s must be true or false, not %q", label(path), n.Value)
			}
			v.SetBool(b)
		}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		if d.isScalar(n, path, "a whole number") {
			d.number(n, v, path)
		}
	case reflect.Float64:
		if d.isScalar(n, path, "a number") {
			f, err := strconv.ParseFloat(n.Value, 64)
			if err != nil {
				d.refuse(n, path, "%s must be a number, not %q", label(path), n.Value)
			}
			v.SetFloat(f)
		}
	default:
		d.refuse(n, path, "%s cannot be configured", label(path))
	}
}

// number reads decimal digits only: YAML's octal 010 would be 8.
func (d *decoder) number(n *yaml.Node, v reflect.Value, path string) {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	digits := strings.TrimLeft(n.Value, "-+")
	if err != nil || len(digits) > 1 && digits[0] == '0' || v.Kind() == reflect.Uint64 && i < 0 {
		d.refuse(n, path, "%s must be a whole number, not %q", label(path), n.Value)
		return
	}
	if v.Kind() == reflect.Uint64 {
		v.SetUint(uint64(i)) // not negative, as was just seen
		return
	}
	v.SetInt(i)
}

// setDefaults gives a fresh value what holds for keys that are left out, outermost first.
func setDefaults(v reflect.Value) {
	if own, ok := v.Addr().Interface().(defaulter); ok {
		own.setDefaults()
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if f := v.Field(i); f.CanSet() && f.Kind() == reflect.Struct && v.Type().Field(i).Tag.Get("yaml") != "" {
			setDefaults(f)
		}
	}
}

// label names a value in a sentence by the last part of its path.
func label(path string) string {
	if path == "" {
		return "the file"
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

func in(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}
