package main

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Bounds of a configuration file. They are far above any real one and keep a hostile one (aliases of aliases) small.
const (
	maxFile  = 4 << 20
	maxNodes = 200_000
	maxDepth = 64
)

// document is a parsed YAML file that knows where every value stands.
type document struct {
	file string
	root *yaml.Node
	// places are positions by path: of the key for a mapping or list, of the value itself for a scalar.
	places map[string]spot
	// scalars are the nodes of values by path, for faults inside them.
	scalars map[string]*yaml.Node
	nodes   int
}

type spot struct{ line, column int }

// parseDocument reads the structure of a file; what its values mean is not looked at.
func parseDocument(file string, body []byte) (*document, Faults) {
	d := &document{file: file, places: map[string]spot{"": {1, 1}}, scalars: map[string]*yaml.Node{}}
	if len(body) > maxFile {
		return nil, Faults{d.fault("", "", fmt.Sprintf("the file is larger than %d MiB", maxFile>>20))}
	}
	var root yaml.Node
	if err := loadYAML(body, &root); err != nil {
		return nil, d.parseFaults(err)
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, Faults{d.fault("", "it begins with keys such as server:", "the file is not a mapping")}
	}
	d.root = root.Content[0]
	if err := d.index(d.root, "", 0); err != nil {
		return nil, Faults{d.fault("", "", err.Error())}
	}
	return d, nil
}

// loadYAML parses, and turns a panic of the parser into an error.
func loadYAML(body []byte, into *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not readable as YAML: %v", r)
		}
	}()
	return yaml.Load(body, into)
}

func (d *document) parseFaults(err error) Faults {
	var list []*yaml.LoadError
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	if errors.As(err, &many) {
		list = many.Errors
	} else if errors.As(err, &one) {
		list = []*yaml.LoadError{one}
	}
	if len(list) == 0 {
		return Faults{d.fault("", "", err.Error())}
	}
	var faults Faults
	for _, e := range list {
		f := d.fault("", "", strings.TrimPrefix(e.Message, "yaml: "))
		if cause := errors.Unwrap(e); e.Message == "" && cause != nil {
			f.Message = strings.TrimPrefix(cause.Error(), "yaml: ")
		}
		if strings.Contains(f.Message, "no documents") {
			f.Message = "the file is empty"
		}
		if e.Mark.Line > 0 {
			f.Line, f.Column = e.Mark.Line, max(e.Mark.Column, 1)
		}
		faults = append(faults, f)
	}
	return faults
}

// index remembers every place and refuses trees that are too large or too deep, aliases followed.
func (d *document) index(n *yaml.Node, path string, depth int) error {
	if d.nodes++; d.nodes > maxNodes || depth > maxDepth {
		return errors.New("too many or too deeply nested values (do aliases point at themselves?)")
	}
	switch n.Kind {
	case yaml.AliasNode:
		if n.Alias == nil {
			return errors.New("an alias without an anchor")
		}
		return d.index(n.Alias, path, depth+1)
	case yaml.ScalarNode:
		d.scalars[path] = n
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at := join(path, key.Value)
			if _, twice := d.places[at]; !twice || value.Kind != yaml.AliasNode {
				d.places[at] = spot{key.Line, key.Column}
				if value.Kind == yaml.ScalarNode && value.Value != "" {
					d.places[at] = spot{value.Line, value.Column}
				}
			}
			if err := d.index(value, at, depth+1); err != nil {
				return err
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			d.places[at] = spot{item.Line, item.Column}
			if err := d.index(item, at, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// at is where the value at path stands, or the nearest thing around it that does.
func (d *document) at(path string) spot {
	for {
		if p, ok := d.places[path]; ok {
			return p
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// fault is a fault at a path.
func (d *document) fault(path, hint, message string) Fault {
	p := d.at(path)
	return Fault{File: d.file, Line: p.line, Column: p.column, Path: path, Message: message, Hint: hint}
}

// find is the node at a path; nil if there is none.
func (d *document) find(path ...string) *yaml.Node {
	n := d.root
	for _, key := range path {
		if n = child(n, key); n == nil {
			return nil
		}
	}
	return n
}

// child is the value of a mapping's key, aliases followed; nil if n is no mapping or has no such key.
func child(n *yaml.Node, key string) *yaml.Node {
	n = follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return follow(n.Content[i+1])
		}
	}
	return nil
}

func follow(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// inScalar moves a fault into an expression: line and column, from 1, count inside the scalar's text. Where YAML folded
// lines or escaped characters the place cannot be told exactly, and the scalar's own is kept.
func (d *document) inScalar(f Fault, n *yaml.Node, line, column int) Fault {
	if n == nil || n.Kind != yaml.ScalarNode || line < 1 {
		return f
	}
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		f.Line, f.Column = n.Line+line, 1
	case line > 1 || strings.ContainsAny(n.Value, "\n"):
	case n.Style&yaml.SingleQuotedStyle != 0 && !strings.Contains(n.Value, "'"):
		f.Line, f.Column = n.Line, n.Column+column
	case n.Style&yaml.DoubleQuotedStyle != 0 && !strings.ContainsAny(n.Value, "\"\\"):
		f.Line, f.Column = n.Line, n.Column+column
	case n.Style == 0:
		f.Line, f.Column = n.Line, n.Column+column-1
	}
	return f
}
