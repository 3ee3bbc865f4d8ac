// Package expression compiles and runs the small expressions and templates of the configuration. It is the only importer
// of expr-lang/expr, and the place where that language is cut down to what cannot hurt.
//
// # Nouns
//
// A Program is a compiled expression with a kind of result (Bool, String) over an environment, a struct whose fields have
// `expr:"name"` tags. A Template is a text with {{ .params.unit }} in it. Both come from the configuration only; what they
// are run over is data from outside and is never compiled, parsed or looked up as anything but a value.
//
// # Language
//
// Comparison (== != < <= > >=), and or not (&& || !), in, contains, startsWith, endsWith, matches (RE2, the pattern written
// out), + - * / %, ?? and ?:, member access; any, all, none, one, len, lower, upper, trim, split; and four functions:
//
//	glob(value, "db-*")   fnmatch: * ? [a-z] [!a-z], and * crosses /; the pattern is written out
//	has(x, "y")           substring of a string, member of a list, key of a map
//	age(starts_at)        how long ago, by the environment's `now`; negative in the future
//	duration("1h30m")     as Prometheus writes it, to compare ages with
//
// # Rules for nil
//
// labels.team is "" when there is no such label, also when there are no labels at all. "team" in labels tells the two apart.
//
// # Guarantees
//
// Everything is checked when it is compiled: names, types, functions, patterns, length, number of nodes. A program has no
// loops but any/all/none/one over what is there, never one inside another, no variables, no ranges and no way to build a value
// larger than its source and environment allow. So it ends soon and stays small, and it needs no time limit.
// The same program may be run by any number of goroutines.
//
// # Failures
//
// Compile answers *Error with line and column. A run answers an error, never a panic (division by zero is not one: it is
// infinite). What to do then is the caller's decision; incidents.Router documents its own.
package expression

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Limits of a source. A hundred nodes are a long rule already.
const (
	MaxSource = 4096 // bytes
	MaxNodes  = 300
	// memoryBudget is counted by the machine in elements of lists it makes; ours make few.
	memoryBudget = 100_000
)

// Kind is what a program results in.
type Kind string

// The kinds.
const (
	Bool   Kind = "true or false"
	String Kind = "a text"
)

// Error is a fault in a source, with the place in that source, both from 1.
type Error struct {
	Line, Column int
	Message      string
}

func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message) }

// Program is a compiled expression. The nil Program answers an error.
type Program struct {
	source string
	kind   Kind
	code   *vm.Program
	env    reflect.Type
	// constant is the result where the source is no more than one value.
	constant any
}

// Compile checks and compiles source for a kind of result over environments of env's type (a struct or a pointer to one;
// its value does not matter). The error is an *Error.
func Compile(source string, kind Kind, env any) (p *Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, &Error{1, 1, fmt.Sprintf("cannot be compiled: %v", r)}
		}
	}()
	if strings.TrimSpace(source) == "" {
		return nil, &Error{1, 1, "an expression is missing"}
	}
	if len(source) > MaxSource {
		return nil, &Error{1, 1, fmt.Sprintf("longer than %d bytes", MaxSource)}
	}
	g := &guard{source: source, aged: map[*ast.CallNode]bool{}}
	options := append(functions(), expr.Env(env), expr.MaxNodes(MaxNodes), expr.Patch(g))
	if kind == Bool {
		options = append(options, expr.AsBool(), expr.WarnOnAny())
	} else {
		options = append(options, expr.AsKind(reflect.String), expr.WarnOnAny())
	}
	code, err := expr.Compile(source, options...)
	// What the guard refused goes first: it says what is not allowed, the compiler only what it did not know.
	if g.fault != nil {
		return nil, g.fault
	}
	if err != nil {
		return nil, positioned(err, kind)
	}
	p = &Program{source: source, kind: kind, code: code, env: reflect.TypeOf(env)}
	p.constant, _ = constantOf(code.Node())
	return p, nil
}

// positioned turns the compiler's error into ours.
func positioned(err error, kind Kind) *Error {
	var at *file.Error
	if errors.As(err, &at) && at.Line > 0 {
		return &Error{at.Line, at.Column + 1, at.Message}
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	if strings.HasPrefix(message, "expected ") {
		message = "must result in " + string(kind) + ": " + message
	}
	return &Error{1, 1, message}
}

// Source is what was compiled.
func (p *Program) Source() string { return p.source }

// Bool runs a program of kind Bool over env, which must have the type it was compiled for.
func (p *Program) Bool(env any) (bool, error) {
	if p != nil {
		if b, ok := p.constant.(bool); ok {
			return b, nil
		}
	}
	v, err := p.run(env)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("run expression: the result is %T, not true or false", v)
	}
	return b, nil
}

// Text runs a program of kind String over env, which must have the type it was compiled for.
func (p *Program) Text(env any) (string, error) {
	if p != nil {
		if s, ok := p.constant.(string); ok {
			return s, nil
		}
	}
	v, err := p.run(env)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("run expression: the result is %T, not a text", v)
	}
	return s, nil
}

// machines are reused: a fresh one for every run costs as much as the run.
var machines = sync.Pool{New: func() any { return &vm.VM{MemoryBudget: memoryBudget} }}

func (p *Program) run(env any) (v any, err error) {
	if p == nil {
		return nil, errors.New("run expression: there is none")
	}
	if t := reflect.TypeOf(env); t != p.env {
		return nil, fmt.Errorf("run expression: compiled for %v, run over %v", p.env, t)
	}
	m := machines.Get().(*vm.VM)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("run expression: %v", r) // and that machine is not used again
		}
	}()
	v, err = m.Run(p.code, env)
	if err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("run expression: %s", message)
	}
	clear(m.Stack[:cap(m.Stack)]) // nothing of this alert lives on in the pool
	machines.Put(m)
	return v, nil
}

// ConstantBool is the result of a program that is just that; ok is false for any other.
func (p *Program) ConstantBool() (value, ok bool) {
	value, ok = p.constant.(bool)
	return value, ok
}

// Outcomes are the texts a program of kind String can result in, as far as they are written out in it (branches of ?: and
// ?? included). complete says that it can result in nothing else.
func (p *Program) Outcomes() (texts []string, complete bool) {
	return outcomes(p.code.Node())
}

func outcomes(n ast.Node) (texts []string, complete bool) {
	if s, ok := constantOf(n); ok {
		text, isText := s.(string)
		return []string{text}, isText
	}
	var a, b ast.Node
	switch n := n.(type) {
	case *ast.ConditionalNode:
		a, b = n.Exp1, n.Exp2
	case *ast.BinaryNode:
		if n.Operator != "??" {
			return nil, false
		}
		a, b = n.Left, n.Right
	default:
		return nil, false
	}
	left, allLeft := outcomes(a)
	right, allRight := outcomes(b)
	return append(left, right...), allLeft && allRight
}

func constantOf(n ast.Node) (any, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.ConstantNode:
		return n.Value, true
	}
	return nil, false
}
