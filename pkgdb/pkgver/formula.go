// SPDX-License-Identifier: BSD-2-Clause

package pkgver

import (
	"fmt"
	"strings"
)

// Formula is a dependency formula: terms that must all be met, each by one of
// its alternatives, as in "perl5 >= 5.20 < 5.40, a | b > 1 +opt".
type Formula [][]Alternative

// Alternative is a package in some versions, built with some options.
type Alternative struct {
	Name    string
	Ranges  []Range
	Options []Option
}

// Range is a bound on a version.
type Range struct{ Op, Version string }

// Option is an option that must be on or off.
type Option struct {
	Name string
	On   bool
}

// Matches tells whether a package meets the alternative. Options are not
// looked at.
func (a Alternative) Matches(name, version string) bool {
	if name != a.Name {
		return false
	}
	for _, r := range a.Ranges {
		if !r.holds(Compare(version, r.Version)) {
			return false
		}
	}
	return true
}

func (r Range) holds(c int) bool {
	switch r.Op {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0 // ">="
}

// ParseFormula reads a formula.
func ParseFormula(s string) (Formula, error) {
	var f Formula
	for term := range strings.SplitSeq(s, ",") {
		var alternatives []Alternative
		for text := range strings.SplitSeq(term, "|") {
			a, err := parseAlternative(text)
			if err != nil {
				return nil, err
			}
			alternatives = append(alternatives, a)
		}
		f = append(f, alternatives)
	}
	return f, nil
}

func parseAlternative(text string) (Alternative, error) {
	var a Alternative
	words := formulaWords(text)
	if len(words) == 0 || strings.ContainsAny(words[0][:1], "<>=!+-") {
		return a, fmt.Errorf("found %q, wanted the name of a package", strings.TrimSpace(text))
	}
	a.Name = words[0]
	for words = words[1:]; len(words) > 0; words = words[1:] {
		switch w := words[0]; {
		case strings.ContainsAny(w[:1], "<>=!"):
			op := strings.Replace(w, "==", "=", 1)
			if op != "=" && op != "!=" && op != "<" && op != "<=" && op != ">" && op != ">=" {
				return a, fmt.Errorf("%s: operator %q is not known", a.Name, w)
			}
			if len(words) < 2 || strings.ContainsAny(words[1][:1], "<>=!") {
				return a, fmt.Errorf("%s: no version after %q", a.Name, w)
			}
			a.Ranges = append(a.Ranges, Range{op, words[1]})
			words = words[1:]
		case len(w) > 1 && (w[0] == '+' || w[0] == '-'):
			a.Options = append(a.Options, Option{w[1:], w[0] == '+'})
		default:
			return a, fmt.Errorf("%s: found %q, wanted an operator or an option", a.Name, w)
		}
	}
	return a, nil
}

// formulaWords splits at blanks and around operators, which need no blanks.
func formulaWords(s string) []string {
	const operators = "<>=!"
	var words []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		n := strings.IndexFunc(s, func(r rune) bool { return strings.ContainsRune(operators+" \t\r\n", r) })
		if n == 0 {
			n = len(s) - len(strings.TrimLeft(s, operators))
		}
		if n < 0 {
			n = len(s)
		}
		words = append(words, s[:max(n, 1)])
		s = s[max(n, 1):]
	}
	return words
}
