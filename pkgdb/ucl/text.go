// SPDX-License-Identifier: BSD-2-Clause

package ucl

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
)

// quoted reads a string in double quotes. Control characters must be escaped.
func (p *parser) quoted() (string, error) {
	for i := p.pos + 1; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == '\\':
			i++
		case c == '"':
			text := p.src[p.pos+1 : i]
			s, err := unescape(text, p.bytes)
			if err != nil {
				return "", p.errorf("%q: %w", text, err)
			}
			p.pos = i + 1
			return s, nil
		case c == '\n':
			return "", p.errorf("unterminated string")
		case c < ' ':
			return "", p.errorf("found %q in a string, wanted it escaped", c)
		}
	}
	return "", p.errorf("unterminated string")
}

var rawEscapes = strings.NewReplacer(`\\`, `\\`, `\'`, `'`, "\\\n", "", "\\\r\n", "", "\\\r", "")

// raw reads a string in single quotes.
func (p *parser) raw() (string, error) {
	for i := p.pos + 1; i < len(p.src); i++ {
		switch p.src[i] {
		case '\\':
			i++
		case '\'':
			text := p.src[p.pos+1 : i]
			p.pos = i + 1
			return rawEscapes.Replace(text), nil
		}
	}
	return "", p.errorf("unterminated string")
}

// tag returns the tag of a document that starts here, if any.
func (p *parser) tag() string {
	rest, ok := strings.CutPrefix(p.src[p.pos:], "<<")
	after := strings.TrimLeft(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if !ok || !strings.HasPrefix(after, "\n") {
		return ""
	}
	return rest[:len(rest)-len(after)]
}

// document reads the lines after <<TAG up to one that is the tag, or the tag
// and a separator.
func (p *parser) document(tag string) (string, error) {
	start := p.pos + len("<<"+tag+"\n")
	for at := start; at < len(p.src); {
		line, _, _ := strings.Cut(p.src[at:], "\n")
		if after, ok := strings.CutPrefix(line, tag); ok && (after == "" || after[0] == ';' || after[0] == ',') {
			p.pos = at + len(tag)
			return strings.TrimSuffix(p.src[start:at], "\n"), nil
		}
		at += len(line) + 1
	}
	return "", p.errorf("unterminated document, wanted a line %s", tag)
}

// Unescape replaces the escapes of JSON as libucl does, in a text that need not
// be UTF-8: a backslash before any other character stands for that character,
// one at the end for itself, and each half of a character beyond U+FFFF becomes
// three bytes.
func Unescape(s string) (string, error) { return unescape(s, true) }

// unescape joins such halves, unless told to keep them.
func unescape(s string, halves bool) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		if after == "" { // at the end of a bare text
			after = `\`
		}
		s = after[1:]
		if i := strings.IndexByte("bfnrt", after[0]); i >= 0 {
			b.WriteByte("\b\f\n\r\t"[i])
			continue
		}
		if after[0] != 'u' {
			b.WriteByte(after[0])
			continue
		}
		if r, ok := codeUnit(after); halves && ok && utf16.IsSurrogate(r) {
			b.Write([]byte{0xe0 | byte(r>>12), 0x80 | byte(r>>6&0x3f), 0x80 | byte(r&0x3f)})
			s = after[len("uXXXX"):]
			continue
		}
		r, size, err := codePoint(after)
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
		s = after[size:]
	}
}

// codePoint reads uXXXX, or the two halves of a pair, uXXXX\uXXXX.
func codePoint(s string) (r rune, size int, err error) {
	const one, two = len("uXXXX"), len(`uXXXX\uXXXX`)
	r, ok := codeUnit(s)
	switch {
	case !ok:
		return 0, 0, errors.New(`found \u, wanted four hexadecimal digits after it`)
	case !utf16.IsSurrogate(r):
		return r, one, nil
	}
	if low, found := strings.CutPrefix(s[one:], `\`); found {
		second, _ := codeUnit(low)
		if r := utf16.DecodeRune(r, second); r != '\ufffd' {
			return r, two, nil
		}
	}
	return 0, 0, errors.New(`found half of a surrogate pair`)
}

func codeUnit(s string) (rune, bool) {
	if len(s) < len("uXXXX") || s[0] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(n), err == nil
}

// Expand replaces variables, as Parse does in all but raw strings. As in libucl, a
// string without any known variable stays as it is, including $$.
func Expand(s string, vars map[string]string) string {
	if len(vars) == 0 {
		return s
	}
	var b strings.Builder
	found := false
	for rest := s; ; {
		before, after, more := strings.Cut(rest, "$")
		b.WriteString(before)
		if !more {
			break
		}
		name, size := variable(after, vars)
		switch {
		case size > 0:
			found = true
			b.WriteString(vars[name])
		default:
			b.WriteByte('$')
			if strings.HasPrefix(after, "$") {
				size = 1
			}
		}
		rest = after[size:]
	}
	if !found {
		return s
	}
	return b.String()
}

// variable finds the known variable at the start of the text after a "$".
// Without braces the longest one counts: $ABIX is the value of ABI and an X.
func variable(s string, vars map[string]string) (name string, size int) {
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		name, _, closed := strings.Cut(inner, "}")
		if _, known := vars[name]; known && closed {
			return name, len(name) + len("{}")
		}
		return "", 0
	}
	for v := range vars {
		if len(v) > len(name) && strings.HasPrefix(s, v) {
			name = v
		}
	}
	return name, len(name)
}
