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

// Range is a bound on a version. Op is one of = != < <= > >=.
type Range struct{ Op, Version string }

// Option is an option that must be on or off.
type Option struct {
	Name string
	On   bool
}

// Matches tells whether a package meets the alternative. Options are not
// looked at: pkg(8) does not either (libpkg/pkg_deps.c: pkg_deps_formula_tosql).
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

// holds tells whether a version that compares so with the bound is inside it.
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
	case ">=":
		return c >= 0
	}
	return false
}

const (
	blanks    = " \t\n\v\f\r"
	operators = "<>=!"
	wordChars = digits + letters + "-_" // of an option
)

// ParseFormula reads a formula; an empty one asks for nothing. A name ends at a
// blank or a comma, and may hold "+" and "-", so operators and "|" need a blank
// before them where they follow a name. To pkg they would be a part of it; here
// they are an error.
func ParseFormula(s string) (Formula, error) {
	var f Formula
	if s == "" {
		return f, nil
	}
	p := &scanner{s}
	for more := true; more; more = p.accept(',') {
		var term []Alternative
		for more := true; more; more = p.accept('|') {
			a, err := p.alternative()
			if err != nil {
				return nil, err
			}
			term = append(term, a)
		}
		f = append(f, term)
	}
	if p.rest != "" {
		return nil, fmt.Errorf(`found %q, wanted an operator, an option, "|" or ","`, p.rest)
	}
	return f, nil
}

// scanner takes a text apart from its start.
type scanner struct{ rest string }

// accept passes over a character and the blanks behind it, if it is there.
func (p *scanner) accept(c byte) bool {
	found := p.rest != "" && p.rest[0] == c
	if found {
		p.take(1)
	}
	return found
}

// take returns the first n bytes and passes over them and the blanks behind.
func (p *scanner) take(n int) string {
	text := p.rest[:n]
	p.rest = strings.TrimLeft(p.rest[n:], blanks)
	return text
}

// span returns how many bytes of the given ones the rest starts with.
func (p *scanner) span(chars string) int {
	return len(p.rest) - len(strings.TrimLeft(p.rest, chars))
}

// alternative reads a name and the ranges and options behind it.
func (p *scanner) alternative() (Alternative, error) {
	var a Alternative
	p.rest = strings.TrimLeft(p.rest, blanks)
	end := strings.IndexAny(p.rest, blanks+",")
	if end < 0 {
		end = len(p.rest)
	}
	if end == 0 {
		return a, fmt.Errorf("found %q, wanted the name of a package", p.rest)
	}
	a.Name = p.take(end)
	if strings.ContainsFunc(a.Name, notInName) {
		return a, fmt.Errorf("found %q, wanted the name of a package and a blank", a.Name)
	}
	for p.rest != "" {
		switch c := p.rest[0]; {
		case strings.IndexByte(operators, c) >= 0:
			r, err := p.versionRange()
			if err != nil {
				return a, fmt.Errorf("%s: %w", a.Name, err)
			}
			a.Ranges = append(a.Ranges, r)
		case c == '+' || c == '-':
			p.rest = p.rest[1:]
			n := p.span(wordChars)
			if n == 0 {
				return a, fmt.Errorf("%s: found %q, wanted an option", a.Name, p.rest)
			}
			a.Options = append(a.Options, Option{p.take(n), c == '+'})
		default:
			return a, nil
		}
	}
	return a, nil
}

func notInName(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(operators+"|", r)
}

// versionRange reads an operator and a version. A comma belongs to the version
// if a digit follows it: "a > 1.0,1" is an epoch, "a > 1.0, b" two terms.
func (p *scanner) versionRange() (Range, error) {
	op := p.take(p.span(operators))
	switch op {
	case "==":
		op = "="
	case "!":
		op = "!="
	case "=", "!=", "<", "<=", ">", ">=":
	default:
		return Range{}, fmt.Errorf("operator %q is not known", op)
	}
	n := 0
	for n < len(p.rest) && (strings.IndexByte(wordChars+".", p.rest[n]) >= 0 || isEpoch(p.rest[n:])) {
		n++
	}
	if n == 0 {
		return Range{}, fmt.Errorf("found %q after %q, wanted a version", p.rest, op)
	}
	return Range{op, p.take(n)}, nil
}

func isEpoch(s string) bool {
	return len(s) > 1 && s[0] == ',' && strings.IndexByte(digits, s[1]) >= 0
}
