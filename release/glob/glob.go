// SPDX-License-Identifier: BSD-2-Clause

// Package glob matches paths with the patterns of a definition's exclude, include and
// modes: those of path.Match for each name, and ** for any number of names.
package glob

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Pattern is a compiled pattern. The zero value matches nothing.
type Pattern struct {
	text  string
	names []name
}

// name matches one name of a path.
type name struct {
	any    bool // **: any number of names
	tokens []token
}

// token matches one character, or, if many is set, any number of them.
type token struct {
	many   bool   // *
	not    bool   // a class [^…]
	ranges []span // of the characters, both ends included
	text   string // characters that stand for themselves
}

type span struct{ low, high rune }

// maxPattern bounds a pattern, in bytes: FreeBSD has no longer path (PATH_MAX).
const maxPattern = 1024

// Compile reads a pattern: names with slashes between them, relative or absolute. In a
// name * is any text, ? any character, [a-z] and [^a-z] one of or none of these, and \
// takes a character's meaning away, all as in path.Match; none of them is a slash. A name
// ** stands for any number of names, also for none: a/** is a and all below it, and
// **/a an a anywhere. A character is a code point of UTF-8, or a byte that is none.
//
// The error of a pattern that is none has the class usage.
func Compile(pattern string) (Pattern, error) {
	if len(pattern) > maxPattern {
		return Pattern{}, fault.Usagef("pattern %q has %d bytes, wanted at most %d", fault.Short(pattern), len(pattern), maxPattern)
	}
	p := Pattern{text: pattern}
	for i, part := range strings.Split(pattern, "/") {
		if i == 0 && part == "" && len(pattern) > 1 { // absolute
			p.names = append(p.names, name{})
			continue
		}
		n, err := compileName(part)
		if err != nil {
			return Pattern{}, fault.Usagef("pattern %q: %w", pattern, err)
		}
		if n.any && i > 0 && p.names[len(p.names)-1].any {
			continue // the same as one
		}
		p.names = append(p.names, n)
	}
	return p, nil
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

func compileName(text string) (name, error) {
	switch {
	case text == "**":
		return name{any: true}, nil
	case strings.Contains(text, "**"):
		return name{}, fmt.Errorf("found %q, wanted ** as a whole name", text)
	case text == "":
		return name{}, errors.New("has an empty name")
	case text == "." || text == "..":
		return name{}, fmt.Errorf("has the name %q, which no path here has", text)
	}
	var n name
	for text != "" {
		var t token
		var err error
		switch text[0] {
		case '*':
			t, text = token{many: true}, text[1:]
		case '?':
			t, text = token{not: true}, text[1:] // none of no characters
		case '[':
			t, text, err = class(text[1:])
		default:
			t.text, text, err = literal(text)
		}
		if err != nil {
			return name{}, err
		}
		n.tokens = append(n.tokens, t)
	}
	return n, nil
}

// literal reads characters that stand for themselves.
func literal(s string) (text, rest string, err error) {
	var b strings.Builder
	for s != "" && strings.IndexByte("*?[", s[0]) < 0 {
		if s[0] == '\\' {
			if s = s[1:]; s == "" {
				return "", "", errors.New(`found nothing after \`)
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String(), s, nil
}

// class reads a class after its bracket.
func class(s string) (t token, rest string, err error) {
	if s, t.not = strings.CutPrefix(s, "^"); s == "" {
		return t, "", errOpen
	}
	for {
		if rest, end := strings.CutPrefix(s, "]"); end && len(t.ranges) > 0 {
			return t, rest, nil
		}
		var r span
		if r.low, s, err = member(s); err != nil {
			return t, "", err
		}
		r.high = r.low
		if after, is := strings.CutPrefix(s, "-"); is {
			if r.high, s, err = member(after); err != nil {
				return t, "", err
			}
		}
		t.ranges = append(t.ranges, r)
	}
}

var errOpen = errors.New("has a [ without its ]")

// member reads a character of a class.
func member(s string) (r rune, rest string, err error) {
	if s == "" {
		return 0, "", errOpen
	}
	if s[0] == '-' || s[0] == ']' {
		return 0, "", fmt.Errorf(`found %q in a class, wanted a character, or \ before it`, s[:1])
	}
	if s[0] == '\\' {
		if s = s[1:]; s == "" {
			return 0, "", errOpen
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 {
		return 0, "", errors.New("has a class with a byte that is no UTF-8")
	}
	return r, s[size:], nil
}

// Match reports whether the whole path matches. The path is clean: relative or absolute as
// the pattern is, without empty names. The time grows with the product of both lengths at
// most, as only the last ** and the last * are ever tried again.
func (p Pattern) Match(path string) bool {
	if len(p.names) == 0 {
		return false
	}
	at, again, resume := 0, -1, ""
	left, more := path, true
	for more {
		head, tail, slash := strings.Cut(left, "/")
		switch {
		case at < len(p.names) && p.names[at].any:
			at++
			again, resume = at, left
		case at < len(p.names) && p.names[at].match(head):
			at++
			left, more = tail, slash
		case again >= 0: // let ** have one name more
			_, resume, more = strings.Cut(resume, "/")
			at, left = again, resume
		default:
			return false
		}
	}
	for at < len(p.names) && p.names[at].any {
		at++
	}
	return at == len(p.names)
}

// match reports whether a name of a path matches.
func (n name) match(s string) bool {
	at, again, resume := 0, -1, ""
	for {
		switch rest, is := "", false; {
		case at == len(n.tokens) && s == "":
			return true
		case at < len(n.tokens) && n.tokens[at].many:
			at++
			again, resume = at, s
			continue
		case at < len(n.tokens):
			if rest, is = n.tokens[at].cut(s); is {
				at++
				s = rest
				continue
			}
		}
		if again < 0 || resume == "" {
			return false
		}
		resume = resume[1:] // let * have one byte more
		at, s = again, resume
	}
}

// cut takes what the token matches from the beginning of a text.
func (t *token) cut(s string) (rest string, is bool) {
	if t.text != "" {
		return strings.CutPrefix(s, t.text)
	}
	if s == "" {
		return s, false
	}
	r, size := utf8.DecodeRuneInString(s)
	in := false
	for _, span := range t.ranges {
		in = in || span.low <= r && r <= span.high
	}
	return s[size:], in != t.not
}
