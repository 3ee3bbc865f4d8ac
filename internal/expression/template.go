package expression

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
)

// MaxOutput is how long a rendered template may become, in bytes.
const MaxOutput = 64 << 10

// Template is a text of the configuration with values in it: "{{ .params.unit }}", "{{ .labels.instance | lower }}",
// "{{ if .params.force }}--force{{ end }}". There are fields, if/else, comparison, and the functions below; there are no
// loops, variables, definitions or printf. A missing key is an error. A rendered value is never read as a template again.
type Template struct {
	source string
	parsed *template.Template
	fields [][]string
}

// templateFunctions are all that may be called, ours and those of text/template that are harmless.
var templateFunctions = template.FuncMap{
	"lower":   strings.ToLower,
	"upper":   strings.ToUpper,
	"trim":    strings.TrimSpace,
	"default": func(otherwise string, value any) string { return textOr(otherwise, value) },
}

var harmless = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index"}

func textOr(otherwise string, value any) string {
	if value == nil || value == "" {
		return otherwise
	}
	return fmt.Sprint(value)
}

// CompileTemplate checks and parses a template. The error is an *Error.
func CompileTemplate(source string) (*Template, error) {
	if len(source) > MaxSource {
		return nil, &Error{1, 1, fmt.Sprintf("longer than %d bytes", MaxSource)}
	}
	parsed, err := template.New("t").Option("missingkey=error").Funcs(templateFunctions).Parse(source)
	if err != nil {
		return nil, templateError(err)
	}
	t := &Template{source: source, parsed: parsed}
	if len(parsed.Templates()) > 1 {
		return nil, &Error{1, 1, "definitions are not allowed here"}
	}
	if parsed.Tree == nil || parsed.Root == nil {
		return t, nil // an empty text
	}
	if err := t.inspect(parsed.Root); err != nil {
		return nil, err
	}
	return t, nil
}

// parseFailure is how text/template words an error: "template: t:LINE: message".
var parseFailure = regexp.MustCompile(`^template: t:(\d+)(?::(\d+))?: (.*)$`)

func templateError(err error) *Error {
	message, _, _ := strings.Cut(err.Error(), "\n")
	m := parseFailure.FindStringSubmatch(message)
	if m == nil {
		return &Error{1, 1, message}
	}
	line, _ := strconv.Atoi(m[1]) // the pattern lets digits only through
	return &Error{max(line, 1), 1, m[3]}
}

// inspect refuses every node that is not known to be harmless and collects the fields.
func (t *Template) inspect(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, c := range n.Nodes {
			if err := t.inspect(c); err != nil {
				return err
			}
		}
		return nil
	case *parse.IfNode:
		for _, part := range []parse.Node{n.Pipe, n.List, n.ElseList} {
			if err := t.inspect(part); err != nil {
				return err
			}
		}
		return nil
	case *parse.ActionNode:
		return t.inspect(n.Pipe)
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			return t.refuse(n, "variables are not allowed here")
		}
		for _, c := range n.Cmds {
			for _, arg := range c.Args {
				if err := t.inspect(arg); err != nil {
					return err
				}
			}
		}
		return nil
	case *parse.IdentifierNode:
		if _, own := templateFunctions[n.Ident]; !own && !slices.Contains(harmless, n.Ident) {
			return t.refuse(n, fmt.Sprintf("the function %s is not allowed here", n.Ident))
		}
		return nil
	case *parse.FieldNode:
		t.fields = append(t.fields, n.Ident)
		return nil
	case *parse.TextNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.CommentNode:
		return nil
	}
	return t.refuse(n, fmt.Sprintf("%s is not allowed here", n))
}

func (t *Template) refuse(n parse.Node, message string) error {
	before := t.source[:min(int(n.Position()), len(t.source))]
	line := 1 + strings.Count(before, "\n")
	column := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	return &Error{line, column, message}
}

// Source is what was compiled.
func (t *Template) Source() string { return t.source }

// Fields are the values it uses, as paths: [["params" "unit"]].
func (t *Template) Fields() [][]string { return t.fields }

var errTooLong = fmt.Errorf("the result is longer than %d bytes", MaxOutput)

// Render puts the values in. data holds maps, texts, numbers and booleans only: the methods of anything else could be
// called by the template. The error names no value.
func (t *Template) Render(data map[string]any) (string, error) {
	out := &limited{}
	if err := t.parsed.Execute(out, data); err != nil {
		if errors.Is(err, errTooLong) {
			return "", fmt.Errorf("render template: %w", errTooLong)
		}
		return "", fmt.Errorf("render template: %s", templateError(err).Message)
	}
	return out.String(), nil
}

// limited is a strings.Builder that refuses to grow beyond MaxOutput.
type limited struct{ strings.Builder }

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > MaxOutput {
		return 0, errTooLong
	}
	return l.Builder.Write(b)
}
