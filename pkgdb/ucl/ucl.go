// SPDX-License-Identifier: BSD-2-Clause

// Package ucl reads UCL, the configuration language of libucl, as far as pkg(8)
// uses it: repository configuration, meta.conf, fingerprints, manifests; and
// orlop's own definitions of images (https://github.com/vstakhov/libucl).
// JSON is a subset.
//
// An object is written {…} and may leave out the braces at the top. A member
// is a key and a value with "=", ":" or a blank between them; names between a
// key and a "{" open an object for each. Members end with ";", "," or a line.
// Strings are "quoted" with JSON's escapes, 'raw', bare to the end of the
// line, or <<TAG documents. ${NAME} and $NAME are replaced in quoted and bare
// strings. Bare words may be booleans (yes, on, true), null, and numbers with
// a suffix: k m g for powers of 1000, kb mb gb for powers of 1024, ms s min h
// d w y for times. Comments are # to the end of a line and /* */, which nest.
//
// Macros (.include and others) are not supported.
package ucl

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep objects and lists may nest.
const maxDepth = 100

// Parse reads a text. The name stands in errors, before the line. Vars are
// what ${NAME} stands for; a name that is not there stays as it is.
func Parse(name string, text []byte, vars map[string]string) (*Object, error) {
	p := &parser{name: name, src: string(text), line: 1, vars: vars}
	if i := invalidUTF8(p.src); i >= 0 {
		p.line += strings.Count(p.src[:i], "\n")
		return nil, p.errorf("byte %#02x is not UTF-8", p.src[i])
	}
	p.skip()
	braces := p.peek() == '{'
	if braces {
		p.pos++
	}
	o, err := p.object(braces)
	if err == nil {
		p.skip()
		if p.err == nil && p.pos < len(p.src) {
			err = p.errorf("found %q after the end of the object", p.peek())
		}
	}
	if p.err != nil { // of a comment, which ended everything after it
		err = p.err
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// invalidUTF8 returns the place of the first byte that is not UTF-8, or -1.
func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return i
		}
	}
	return -1
}

type parser struct {
	name  string
	src   string
	pos   int
	line  int
	depth int
	vars  map[string]string
	err   error // an unterminated comment
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", p.name, p.line, fmt.Errorf(format, args...))
}

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) rest() string { return p.src[p.pos:] }

// skip passes over white space of all kinds and comments.
func (p *parser) skip() {
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '\n':
			p.line++
			p.pos++
		case isBlank(c):
			p.pos++
		case c == '#':
			p.skipLine()
		case strings.HasPrefix(p.rest(), "/*"):
			p.skipComment()
		default:
			return
		}
	}
}

func (p *parser) skipLine() {
	for p.pos < len(p.src) && p.src[p.pos] != '\n' {
		p.pos++
	}
}

// skipComment passes over a comment and those nested in it.
func (p *parser) skipComment() {
	start, depth := p.line, 0
	for p.pos < len(p.src) {
		switch rest := p.rest(); {
		case strings.HasPrefix(rest, "/*"):
			depth++
			p.pos += 2
		case strings.HasPrefix(rest, "*/"):
			p.pos += 2
			if depth--; depth == 0 {
				return
			}
		default:
			if rest[0] == '\n' {
				p.line++
			}
			p.pos++
		}
	}
	p.line = start
	p.err = p.errorf("unterminated comment")
}

// object reads members up to a closing brace, or to the end without braces.
func (p *parser) object(braces bool) (*Object, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.errorf("objects and lists are nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	start := p.line
	o := new(Object)
	for {
		p.skip()
		for c := p.peek(); c == ';' || c == ','; c = p.peek() {
			p.pos++
			p.skip()
		}
		switch {
		case p.pos >= len(p.src):
			if braces {
				p.line = start
				return nil, p.errorf("unterminated object")
			}
			return o, nil
		case p.peek() == '}' && braces:
			p.pos++
			return o, nil
		case p.peek() == '.':
			return nil, p.errorf("macro %q is not supported", firstWord(p.rest()))
		}
		m, err := p.member()
		if err != nil {
			return nil, err
		}
		o.Members = append(o.Members, m)
	}
}

// member reads a key and its value.
func (p *parser) member() (Member, error) {
	key, err := p.key()
	if err != nil {
		return Member{}, err
	}
	m := Member{Key: key}
	p.skipBlanks()
	if c := p.peek(); c == '=' || c == ':' {
		p.pos++
		p.skip()
	} else if names, ok := p.sectionNames(); ok {
		m.Value, err = p.section(names)
		return m, err
	} else if p.peek() == '\n' {
		p.skip()
		if p.peek() != '{' {
			return m, p.errorf("key %q has no value", key)
		}
	}
	m.Value, err = p.value()
	return m, err
}

// sectionNames looks ahead for names before a "{" on the same line, as in
// `image "static" {`, and moves to the brace if there are any.
func (p *parser) sectionNames() ([]string, bool) {
	ahead := *p
	var names []string
	for ahead.peek() != '{' {
		name, err := ahead.key()
		if err != nil {
			return nil, false
		}
		names = append(names, name)
		ahead.skipBlanks()
	}
	if len(names) == 0 {
		return nil, false
	}
	*p = ahead
	return names, true
}

// section reads the object after names, inside one object for each name.
func (p *parser) section(names []string) (Value, error) {
	line := p.line
	v, err := p.value()
	for i := len(names) - 1; i >= 0; i-- {
		v = Value{Kind: Map, Map: &Object{Members: []Member{{names[i], v}}}, Line: line, file: p.name}
	}
	return v, err
}

// key reads a quoted or bare key.
func (p *parser) key() (string, error) {
	if p.peek() == '"' {
		return p.quoted()
	}
	if p.peek() == '\'' {
		return p.raw()
	}
	start := p.pos
	for p.pos < len(p.src) && !strings.ContainsRune(" \t\r\n=:{}[],;\"'#", rune(p.src[p.pos])) {
		p.pos++
	}
	if p.pos == start {
		if p.pos >= len(p.src) {
			return "", p.errorf("found the end, wanted a key")
		}
		return "", p.errorf("found %q, wanted a key", p.peek())
	}
	return p.src[start:p.pos], nil
}

func (p *parser) skipBlanks() {
	for isBlank(p.peek()) {
		p.pos++
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t\r\n(\"'{;"); i >= 0 {
		return s[:i]
	}
	return s
}
