package actions

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dogwatch/internal/text"
)

// Problem is what is wrong with a parameter; it is also the key of its sentence in the catalogue.
type Problem string

// The problems.
const (
	Missing     Problem = "param_missing"
	NoSuchParam Problem = "param_unknown"
	NotInteger  Problem = "param_not_integer"
	NotBoolean  Problem = "param_not_boolean"
	NotText     Problem = "param_not_text"
	TooLong     Problem = "param_too_long"
	NoMatch     Problem = "param_no_match"
	NotInEnum   Problem = "param_not_in_enum"
	OutOfRange  Problem = "param_out_of_range"
	DashFirst   Problem = "param_dash_first"
)

// ParamFault is one parameter that was refused. It never holds the refused value.
type ParamFault struct {
	Name    string
	Problem Problem
	Want    string // what would be right: a pattern, the values there are, a range; "" when there is nothing to add
}

// Path is where it stands in a request's body.
func (f ParamFault) Path() string { return "params." + f.Name }

// Say is a sentence about it.
func (f ParamFault) Say(lang text.Lang) string {
	return text.Say(lang, "actions."+string(f.Problem), "name", f.Name, "want", f.Want)
}

// ParamsError is every parameter that was refused, by name.
type ParamsError struct{ Faults []ParamFault }

func (e *ParamsError) Error() string {
	var all []string
	for _, f := range e.Faults {
		all = append(all, f.Path()+": "+f.Say(text.English))
	}
	return strings.Join(all, "; ")
}

// bound is an action with its parameters filled in: what will run, letter by letter.
type bound struct {
	params map[string]any // string, int64 or bool
	argv   []string
}

// bind checks parameters, given as texts (from chat) or JSON values, and renders the argv. The error is a *ParamsError where the
// parameters are at fault. Whatever the values hold, the number of arguments and the program are those of the definition.
func (a *Action) bind(given map[string]any) (bound, error) {
	var faults []ParamFault
	for name := range given {
		if !hasParam(a.Params, name) {
			faults = append(faults, ParamFault{Name: name, Problem: NoSuchParam, Want: strings.Join(slices.Sorted(maps.Keys(a.Params)), ", ")})
		}
	}
	params := map[string]any{}
	for name, p := range a.Params {
		v, ok := given[name]
		if !ok || v == nil || v == "" && p.Default != nil {
			switch {
			case p.Default != nil:
				v = *p.Default
			case p.Required:
				faults = append(faults, ParamFault{Name: name, Problem: Missing})
				continue
			case p.Type == "boolean":
				params[name] = false
				continue
			default:
				params[name] = ""
				continue
			}
		}
		value, fault := a.value(name, p, v)
		if fault != nil {
			faults = append(faults, *fault)
			continue
		}
		params[name] = value
	}
	if len(faults) > 0 {
		slices.SortFunc(faults, func(a, b ParamFault) int { return strings.Compare(a.Name, b.Name) })
		return bound{}, &ParamsError{faults}
	}
	argv, err := a.render(params)
	return bound{params, argv}, err
}

// Preview is the argv that these parameters would make, for dry runs; nothing is kept. Errors as of Service.Request.
func (a *Action) Preview(given map[string]any) ([]string, error) {
	b, err := a.bind(given)
	return b.argv, err
}

func (a *Action) render(params map[string]any) ([]string, error) {
	argv := make([]string, len(a.argv))
	for i, t := range a.argv {
		s, err := t.Render(map[string]any{"params": params})
		if err != nil {
			return nil, fmt.Errorf("render argument %d of action %s: %w", i, a.Name, err)
		}
		argv[i] = s
	}
	return argv, nil
}

// value checks one given value and brings it into its type.
func (a *Action) value(name string, p Param, v any) (any, *ParamFault) {
	fault := func(problem Problem, want string) (any, *ParamFault) {
		return nil, &ParamFault{Name: name, Problem: problem, Want: want}
	}
	switch p.Type {
	case "integer":
		n, ok := integer(v)
		if !ok {
			return fault(NotInteger, "")
		}
		if p.Min != nil && n < int64(*p.Min) || p.Max != nil && n > int64(*p.Max) {
			return fault(OutOfRange, between(p.Min, p.Max))
		}
		return n, nil
	case "boolean":
		b, ok := boolean(v)
		if !ok {
			return fault(NotBoolean, "")
		}
		return b, nil
	}
	s, ok := v.(string)
	if n, is := v.(json.Number); is {
		s, ok = n.String(), true
	}
	most := p.MaxLength
	if most <= 0 {
		most = defaultMaxLength
	}
	re := a.patterns[name]
	switch {
	case !ok || !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return fault(NotText, "")
	case s == "" && p.Required:
		return fault(Missing, "")
	case len(s) > most:
		return fault(TooLong, strconv.Itoa(most))
	case strings.HasPrefix(s, "-") && !p.LeadingDash:
		return fault(DashFirst, "")
	case re != nil && !re.MatchString(s):
		return fault(NoMatch, p.Pattern)
	case len(p.Enum) > 0 && !slices.Contains(p.Enum, s):
		return fault(NotInEnum, strings.Join(p.Enum, ", "))
	}
	return s, nil
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case json.Number:
		return integer(v.String())
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}

func boolean(v any) (bool, bool) {
	switch v {
	case true, "true", "yes":
		return true, true
	case false, "false", "no":
		return false, true
	}
	return false, false
}

func between(low, high *int) string {
	s := ""
	if low != nil {
		s = strconv.Itoa(*low)
	}
	s += "–"
	if high != nil {
		s += strconv.Itoa(*high)
	}
	return s
}
