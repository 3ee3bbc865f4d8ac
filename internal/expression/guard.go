package expression

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"dogwatch/internal/text"
)

// What may stand in a source. Everything that is not here is refused, also what a later version of the library adds.
var (
	builtins  = []string{"any", "all", "none", "one", "len", "lower", "upper", "trim", "split"}
	operators = []string{
		"==", "!=", "<", "<=", ">", ">=", "and", "&&", "or", "||", "in", "contains", "startsWith", "endsWith", "matches",
		"+", "-", "*", "/", "%", "??",
	}
	ownFunctions = []string{"age", "duration", "glob", "has"}
)

// guard walks the syntax tree before it is compiled and keeps the first thing that is not allowed. Turning the library's
// builtins off is not enough: reduce, map, filter and others still compile then, and one line of them can take all memory.
type guard struct {
	source string
	fault  *Error
	// aged are calls of age that have their second argument already; the library may walk a tree more than once.
	aged map[*ast.CallNode]bool
}

// Visit sees every node, children before parents.
func (g *guard) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			g.refuse(n, "$env is not allowed here; name what you mean")
		}
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode,
		*ast.ConstantNode, *ast.UnaryNode, *ast.ChainNode, *ast.MemberNode, *ast.ConditionalNode, *ast.ArrayNode,
		*ast.PredicateNode, *ast.PointerNode:
		// harmless in themselves
	case *ast.BinaryNode:
		g.binary(n)
	case *ast.BuiltinNode:
		g.builtin(n)
	case *ast.CallNode:
		g.call(n)
	case *ast.VariableDeclaratorNode:
		g.refuse(n, "variables (let) are not allowed here")
	case *ast.SliceNode:
		g.refuse(n, "slices are not allowed here")
	default:
		g.refuse(n, "this is not allowed here")
	}
}

func (g *guard) binary(n *ast.BinaryNode) {
	switch {
	case n.Operator == "..":
		g.refuse(n, "ranges (..) are not allowed here")
	case !slices.Contains(operators, n.Operator):
		g.refuse(n, fmt.Sprintf("the operator %s is not allowed here", n.Operator))
	case n.Operator == "matches":
		if _, written := n.Right.(*ast.StringNode); !written {
			g.refuse(n, "the pattern of matches must be written out, since a pattern from an alert would be code")
		}
	}
}

func (g *guard) builtin(n *ast.BuiltinNode) {
	if !slices.Contains(builtins, n.Name) {
		g.refuse(n, fmt.Sprintf("the function %s is not allowed here; there are %s", n.Name, allowed()))
		return
	}
	for _, arg := range n.Arguments {
		p, ok := arg.(*ast.PredicateNode)
		if !ok {
			continue
		}
		inner := ast.Find(p.Node, func(n ast.Node) bool { _, is := n.(*ast.PredicateNode); return is })
		if inner != nil {
			g.refuse(n, "one loop inside another is not allowed here")
		}
	}
}

func (g *guard) call(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		g.refuse(n, "methods are not allowed here; there are the functions "+allowed())
		return
	}
	if !slices.Contains(ownFunctions, callee.Value) {
		g.refuse(n, fmt.Sprintf("the function %s is not known; there are %s", callee.Value, allowed()))
		return
	}
	switch {
	case callee.Value == "glob" && len(n.Arguments) == 2:
		if _, written := n.Arguments[1].(*ast.StringNode); !written {
			g.refuse(n, "the pattern of glob must be written out, since a pattern from an alert would be code")
		}
	case callee.Value == "duration" && len(n.Arguments) == 1:
		s, written := n.Arguments[0].(*ast.StringNode)
		if !written {
			g.refuse(n, `a duration must be written out: duration("5m")`)
		} else if _, err := text.ParseDuration(s.Value); err != nil {
			g.refuse(n, err.Error())
		}
	case callee.Value == "age" && !g.aged[n]:
		if len(n.Arguments) != 1 {
			g.refuse(n, "age takes one time: age(starts_at)")
			return
		}
		now := &ast.IdentifierNode{Value: "now"}
		now.SetLocation(n.Location())
		n.Arguments = append(n.Arguments, now)
		g.aged[n] = true
	}
}

func allowed() string { return strings.Join(append(slices.Clone(ownFunctions), builtins...), ", ") }

func (g *guard) refuse(n ast.Node, message string) {
	if g.fault != nil {
		return
	}
	line, column := position(g.source, n.Location())
	g.fault = &Error{line, column, message}
}

// position turns a location, which counts characters, into line and column from 1.
func position(source string, at file.Location) (line, column int) {
	line, column = 1, 1
	for i := 0; i < at.From && source != ""; i++ {
		r, size := utf8.DecodeRuneInString(source)
		source = source[size:]
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}
