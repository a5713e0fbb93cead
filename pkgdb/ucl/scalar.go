// SPDX-License-Identifier: BSD-2-Clause

package ucl

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// value reads whatever may come after a key or in a list; a section is the
// further names and the object or list after a key.
func (p *parser) value(section bool) (v Value, err error) {
	v = Value{Line: p.here(), file: p.name}
	if p.depth++; p.depth > maxDepth {
		return v, p.errorf("values nest more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	switch c := p.peek(); {
	case section:
		v.Kind = Map
		v.Map, err = p.section()
	case c == '{':
		p.pos++
		v.Kind = Map
		v.Map, err = p.object('}')
	case c == '[':
		p.pos++
		v.Kind = List
		v.List, err = p.list()
	case c == '"':
		v.Kind = String
		v.Text, err = p.quoted()
		v.Text = Expand(v.Text, p.vars)
	case c == '\'':
		v.Kind, v.Raw = String, true
		v.Text, err = p.raw()
	case p.tag() != "":
		v.Kind, v.Lines = String, true
		v.Text, err = p.document(p.tag())
		v.Text = Expand(v.Text, p.vars)
	default:
		err = p.bare(&v)
	}
	return v, err
}

// section reads the object that a name before a brace opens.
func (p *parser) section() (*Object, error) {
	line := p.here()
	m, err := p.member()
	if err == nil && m.Value.Kind < List {
		err = p.errorAt(line, `a text that holds "{" or "[" wants "=" or ":" before it`)
	}
	return &Object{Members: []Member{m}}, err
}

// bare reads an unquoted word or text, up to the end of the member. Paired
// braces and brackets belong to it.
func (p *parser) bare(v *Value) error {
	start := p.pos
	var braces, brackets int
scan:
	for ; p.pos < len(p.src); p.pos++ {
		switch p.src[p.pos] {
		case '\n', '\r', ',', ';', '#':
			break scan
		case '/':
			if strings.HasPrefix(p.src[p.pos:], "/*") {
				break scan
			}
		case '{':
			braces++
		case '}':
			if braces--; braces < 0 {
				break scan
			}
		case '[':
			brackets++
		case ']':
			if brackets--; brackets < 0 {
				break scan
			}
		case '\\':
			if p.pos+1 < len(p.src) {
				p.pos++
			}
		}
	}
	text := strings.TrimRight(p.src[start:p.pos], blank)
	if text == "" {
		return p.errorf("found %s, wanted a value", p.next())
	}
	return p.word(v, text)
}

// word decides what a bare text is.
func (p *parser) word(v *Value, text string) error {
	v.Text = text
	switch strings.ToLower(text) {
	case "true", "yes", "on", "t", "y":
		v.Kind, v.Bool = Bool, true
		return nil
	case "false", "no", "off", "f", "n":
		v.Kind = Bool
		return nil
	}
	if text == "null" {
		v.Kind = Null
		return nil
	}
	isNumber, err := number(v, text)
	if err == nil && !isNumber {
		v.Kind = String
		v.Text, err = unescape(text, p.bytes)
		v.Text = Expand(v.Text, p.vars)
	}
	if err != nil {
		return p.errorAt(v.Line, "%q: %w", text, err)
	}
	return nil
}

var (
	hexadecimal = regexp.MustCompile(`^-?0[xX][0-9a-fA-F]+$`)
	decimal     = regexp.MustCompile(`^(-?[0-9]+)(\.[0-9]*)?([eE][-+]?[0-9]+)?([a-zA-Z]*)$`)
)

var errTooLarge = errors.New("number does not fit in 64 bits")

// unit is what the suffix of a number means. A time is never an integer.
type unit struct {
	factor float64
	time   bool
}

var units = map[string]unit{
	"": {1, false}, "k": {1e3, false}, "m": {1e6, false}, "g": {1e9, false},
	"kb": {1 << 10, false}, "mb": {1 << 20, false}, "gb": {1 << 30, false},
	"ms": {1e-3, true}, "s": {1, true}, "min": {60, true}, "h": {3600, true},
	"d": {86400, true}, "w": {7 * 86400, true}, "y": {365 * 86400, true},
}

// number makes v a number if the text is one.
func number(v *Value, text string) (bool, error) {
	if hexadecimal.MatchString(text) {
		n, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			return false, errTooLarge
		}
		v.Kind, v.Int = Int, n
		return true, nil
	}
	parts := decimal.FindStringSubmatch(text)
	if parts == nil {
		return false, nil
	}
	unit, known := units[strings.ToLower(parts[4])]
	if !known {
		return false, nil
	}
	digits := strings.TrimSuffix(text, parts[4])
	if parts[2] == "" && parts[3] == "" && !unit.time {
		n, err := strconv.ParseInt(digits, 10, 64)
		factor := int64(unit.factor)
		if err != nil || n*factor/factor != n {
			return false, errTooLarge
		}
		v.Kind, v.Int = Int, n*factor
		return true, nil
	}
	f, err := strconv.ParseFloat(digits, 64)
	if f *= unit.factor; err != nil || math.IsInf(f, 0) {
		return false, errTooLarge
	}
	v.Kind, v.Float = Float, f
	return true, nil
}
