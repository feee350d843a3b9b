// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"fmt"
	"strconv"
	"strings"
)

// A check tests a value. It gives "" when the value is good, else what it should have been.
type check func(s string) (want string)

// CheckDatatype tests a value against a datatype expression as LuCI writes them, as in
// "or(ip4addr,range(1,5))". It gives "" when the value is good, else what it should have
// been, as in "an IPv4 address". An expression that is none is an error.
func CheckDatatype(datatype, value string) (want string, err error) {
	c, err := parseDatatype(datatype)
	if err != nil {
		return "", err
	}
	return c(value), nil
}

// parseDatatype makes a check from an expression: a name, perhaps with arguments, which are
// expressions, numbers or words.
func parseDatatype(expr string) (check, error) {
	expr = strings.TrimSpace(expr)
	name, args, err := splitCall(expr)
	if err != nil {
		return nil, err
	}
	if combine := combinator(name); combine != nil {
		checks := make([]check, len(args))
		for i, a := range args {
			if checks[i], err = parseDatatype(a); err != nil {
				return nil, err
			}
		}
		if len(checks) == 0 {
			return nil, fmt.Errorf("datatype %s needs arguments", name)
		}
		return combine(checks), nil
	}
	if make, ok := bounded[name]; ok {
		return numericArgs(name, args, make)
	}
	if t, ok := simple[name]; ok {
		return t.check, nil
	}
	return nil, fmt.Errorf("unknown datatype %q", name)
}

func splitCall(expr string) (name string, args []string, err error) {
	name, rest, call := strings.Cut(expr, "(")
	if !call {
		return expr, nil, nil
	}
	inner, ok := strings.CutSuffix(rest, ")")
	if !ok {
		return "", nil, fmt.Errorf("datatype %q: missing parenthesis", expr)
	}
	if inner != "" {
		args = splitOutside(inner, ',')
	}
	return name, args, nil
}

// combinator gives what makes one check of several; nil when name is no such thing.
func combinator(name string) func([]check) check {
	switch name {
	case "or":
		return anyOf
	case "and":
		return allOf
	case "neg":
		return negated
	case "not":
		return noneOf
	case "list":
		return listOf
	}
	return nil
}

func anyOf(checks []check) check {
	return func(s string) string {
		wants := make([]string, len(checks))
		for i, c := range checks {
			if wants[i] = c(s); wants[i] == "" {
				return ""
			}
		}
		return strings.Join(wants, " or ")
	}
}

func allOf(checks []check) check {
	return func(s string) string {
		for _, c := range checks {
			if want := c(s); want != "" {
				return want
			}
		}
		return ""
	}
}

// negated allows a "!" in front.
func negated(checks []check) check {
	either := anyOf(checks)
	return func(s string) string {
		return either(strings.TrimLeft(strings.TrimPrefix(s, "!"), " "))
	}
}

func noneOf(checks []check) check {
	either := anyOf(checks)
	return func(s string) string {
		if either(s) == "" {
			return "allowed"
		}
		return ""
	}
}

// listOf tests each of the words of a value.
func listOf(checks []check) check {
	every := allOf(checks)
	return func(s string) string {
		for _, word := range strings.Fields(s) {
			if want := every(word); want != "" {
				return "a list of " + want
			}
		}
		return ""
	}
}

// bounded are the datatypes with numbers for arguments.
var bounded = map[string]func(n []float64) check{
	"min": func(n []float64) check { return numberWithin(&n[0], nil) },
	"max": func(n []float64) check { return numberWithin(nil, &n[0]) },
	"range": func(n []float64) check {
		if len(n) < 2 {
			return nil
		}
		return numberWithin(&n[0], &n[1])
	},
	"length":    func(n []float64) check { return lengthWithin(n[0], n[0]) },
	"minlength": func(n []float64) check { return lengthWithin(n[0], 1e9) },
	"maxlength": func(n []float64) check { return lengthWithin(0, n[0]) },
	"rangelength": func(n []float64) check {
		if len(n) < 2 {
			return nil
		}
		return lengthWithin(n[0], n[1])
	},
}

func numericArgs(name string, args []string, make func([]float64) check) (check, error) {
	var numbers []float64
	for _, a := range args {
		n, err := strconv.ParseFloat(strings.TrimSpace(a), 64)
		if err != nil {
			return nil, fmt.Errorf("datatype %s: %q is not a number", name, a)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) > 0 {
		if c := make(numbers); c != nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("datatype %s needs more arguments", name)
}

func numberWithin(lo, hi *float64) check {
	return func(s string) string {
		n, err := strconv.ParseFloat(s, 64)
		if err == nil && (lo == nil || n >= *lo) && (hi == nil || n <= *hi) {
			return ""
		}
		switch {
		case hi == nil:
			return "a number of at least " + number(*lo)
		case lo == nil:
			return "a number of at most " + number(*hi)
		}
		return "a number from " + number(*lo) + " to " + number(*hi)
	}
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func lengthWithin(lo, hi float64) check {
	return func(s string) string {
		if n := float64(len(s)); n >= lo && n <= hi {
			return ""
		}
		switch {
		case lo == hi:
			return number(lo) + " bytes long"
		case lo == 0:
			return "at most " + number(hi) + " bytes long"
		case hi == 1e9:
			return "at least " + number(lo) + " bytes long"
		}
		return number(lo) + " to " + number(hi) + " bytes long"
	}
}
