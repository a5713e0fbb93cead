// SPDX-License-Identifier: BSD-2-Clause

// Package ucl reads UCL, the configuration language of libucl
// (https://github.com/vstakhov/libucl), as pkg(8) uses it: repository
// configuration, meta.conf, fingerprints, manifests; and orlop's own image
// definitions. JSON is a subset.
//
// An object is {…}; at the top level the braces may be omitted. A member is a
// key, "=", ":" or a blank, and a value. Without "=" or ":", further names may
// come before a "{" or "[", and each opens an object: image static { } means
// image = { static = { } }. Members, and the elements of a list […], end with
// ",", ";" or the line; nothing need follow a closing brace or bracket. Comments
// are # to the end of the line and /* */, which nest.
//
// A key is "quoted", or bare: letters, digits and _ / - . A string is
//
//	"quoted", with the escapes of JSON,
//	'raw', where \' is a quote and a backslash before a line's end joins lines,
//	bare, to the end of the member, with the same escapes as a quoted one, or
//	<<TAG, the lines up to one that is TAG, in capital letters.
//
// All but raw strings expand variables, ${NAME} or $NAME, and $$ to a dollar.
// Bare words are also null, booleans (true yes on t y, false no off f n, in any
// case) and numbers: 0x1f, 5, 1.5e3, with k m g for powers of 1000, kb mb gb for
// powers of 1024, or ms s min h d w y for a time in seconds.
//
// Where libucl guesses, this package is stricter: text after the last brace, a
// value on the line after a key without "=", half a surrogate pair and a number
// that does not fit are errors. Not supported are macros (.include and others),
// a list at the top level, and nan and inf, which are strings.
package ucl

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep values may nest.
const maxDepth = 100

const (
	blank = " \t"              // white space within a line
	space = blank + "\n\r\v\f" // any white space
)

// Parse reads a text in UTF-8. The name comes before the line in errors. Vars
// are the values of ${NAME}; an unknown name stays as it is.
func Parse(name string, text []byte, vars map[string]string) (*Object, error) {
	p := &parser{name: name, src: string(text), vars: vars, line: 1}
	if p.pos = notText(p.src); p.pos < len(p.src) {
		return nil, p.errorf("found byte %#02x, wanted text in UTF-8", p.src[p.pos])
	}
	p.pos = 0
	return p.parse()
}

// ParseBytes reads a text in any encoding that includes ASCII, as libucl does.
// The halves of a character beyond U+FFFF, \ud83d\ude00, become three bytes
// each.
func ParseBytes(name string, text []byte) (*Object, error) {
	p := &parser{name: name, src: string(text), line: 1, bytes: true}
	if p.pos = strings.IndexByte(p.src, 0); p.pos >= 0 {
		return nil, p.errorf("found byte 0x00, wanted text")
	}
	p.pos = 0
	return p.parse()
}

func (p *parser) parse() (*Object, error) {
	p.skip(space)
	var closer byte
	if p.peek() == '{' {
		p.pos++
		closer = '}'
	}
	o, err := p.object(closer)
	p.skip(space)
	switch {
	case p.err != nil:
		return nil, p.err
	case err != nil:
		return nil, err
	case p.peek() != 0:
		return nil, p.errorf("found %s, wanted the end", p.next())
	}
	return o, nil
}

// notText returns the index of the first byte that is zero or not UTF-8, else
// the length of s.
func notText(s string) int {
	for i, r := range s {
		if r == 0 || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return i
		}
	}
	return len(s)
}

type parser struct {
	name  string
	src   string // without zero bytes
	vars  map[string]string
	bytes bool // the text need not be UTF-8
	pos   int
	depth int
	err   error // an unterminated comment, after which the source has ended

	line, lineEnd int // the line that src[lineEnd] is on
}

// here returns the line of pos. It counts from where it was last called.
func (p *parser) here() int {
	p.line += strings.Count(p.src[p.lineEnd:p.pos], "\n")
	p.lineEnd = p.pos
	return p.line
}

func (p *parser) errorf(format string, args ...any) error {
	return p.errorAt(p.here(), format, args...)
}

func (p *parser) errorAt(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", p.name, line, fmt.Errorf(format, args...))
}

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

// next names what comes next, for errors.
func (p *parser) next() string {
	if p.peek() == 0 {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.src[p.pos:])
	return fmt.Sprintf("%q", r)
}

// skip skips the given white space and comments.
func (p *parser) skip(white string) {
	for c := p.peek(); c != 0; c = p.peek() {
		switch {
		case strings.IndexByte(white, c) >= 0:
			p.pos++
		case c == '#':
			line, _, _ := strings.Cut(p.src[p.pos:], "\n")
			p.pos += len(line)
		case strings.HasPrefix(p.src[p.pos:], "/*"):
			p.comment()
		default:
			return
		}
	}
}

// comment skips a comment and those nested in it. As in libucl, a quoted end of
// comment does not count.
func (p *parser) comment() {
	start, depth, quoted := p.here(), 0, false
	for p.pos < len(p.src) {
		rest := p.src[p.pos:]
		switch {
		case rest[0] == '"' && p.src[p.pos-1] != '\\':
			quoted = !quoted
		case quoted:
		case strings.HasPrefix(rest, "/*"):
			depth++
			p.pos++
		case strings.HasPrefix(rest, "*/"):
			depth--
			p.pos++
		}
		p.pos++
		if depth == 0 {
			return
		}
	}
	p.err = p.errorAt(start, "unterminated comment")
}

// object reads members up to closer.
func (p *parser) object(closer byte) (*Object, error) {
	o := new(Object)
	err := p.block("object", closer, func() (Value, error) {
		m, err := p.member()
		o.Members = append(o.Members, m)
		return m.Value, err
	})
	return o, err
}

// list reads elements up to the closing bracket.
func (p *parser) list() ([]Value, error) {
	var list []Value
	err := p.block("list", ']', func() (Value, error) {
		v, err := p.value(false)
		list = append(list, v)
		return v, err
	})
	return list, err
}

// block reads elements and their separators up to closer, which is 0 for the end
// of the source.
func (p *parser) block(what string, closer byte, element func() (Value, error)) error {
	start := p.here()
	for {
		p.skip(space)
		switch p.peek() {
		case closer:
			p.pos = min(p.pos+1, len(p.src))
			return nil
		case 0:
			return p.errorAt(start, "unterminated %s", what)
		}
		v, err := element()
		if err != nil {
			return err
		}
		if err := p.separate(v); err != nil {
			return err
		}
	}
}

// separate skips the separators after a value. A scalar must have one, or the
// end of its container.
func (p *parser) separate(v Value) error {
	p.skip(blank)
	if c := p.peek(); c != 0 && strings.IndexByte(space+",;}]", c) < 0 && v.Kind < List {
		return p.errorf("found %s after a value, wanted a separator", p.next())
	}
	for p.skip(space); p.peek() == ',' || p.peek() == ';'; p.skip(space) {
		p.pos++
	}
	return nil
}

// member reads a key and its value.
func (p *parser) member() (Member, error) {
	key, err := p.key()
	if err != nil {
		return Member{}, err
	}
	m := Member{Key: key}
	p.skip(blank)
	section := false
	switch c := p.peek(); c {
	case '=', ':':
		p.pos++
		p.skip(space)
		if c := p.peek(); c == '=' || c == ':' {
			return m, p.errorf("key %q: found %s, wanted a value", key, p.next())
		}
	case '\n', '\r', 0:
		return m, p.errorf("key %q has no value", key)
	default:
		// Like libucl, look for a brace anywhere before the member's end.
		i := strings.IndexAny(p.src[p.pos:], ",;\n\r{[")
		section = i > 0 && strings.IndexByte("{[", p.src[p.pos+i]) >= 0
	}
	m.Value, err = p.value(section)
	return m, err
}

// key reads a quoted or bare key.
func (p *parser) key() (string, error) {
	switch c := p.peek(); {
	case c == '"':
		key, err := p.quoted()
		if err == nil && key == "" {
			err = p.errorf("found an empty key")
		}
		return key, err
	case c == '.':
		rest := p.src[p.pos:]
		if end := strings.IndexAny(rest, space+"(\"{;"); end > 0 {
			rest = rest[:end]
		}
		return "", p.errorf("macro %q is not supported", rest)
	case !isKey(c) || c == '-':
		return "", p.errorf("found %s, wanted a key", p.next())
	}
	start := p.pos
	for isKey(p.peek()) {
		p.pos++
	}
	key := p.src[start:p.pos]
	if strings.IndexByte(blank+"\n\r=:", p.peek()) < 0 && p.peek() != 0 {
		return "", p.errorf("key %q: found %s, wanted \"=\", \":\" or a blank", key, p.next())
	}
	return key, nil
}

// isKey reports whether a bare key may hold c. It must not start with "-" or ".".
func isKey(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf ||
		c == '_' || c == '/' || c == '-' || c == '.'
}
