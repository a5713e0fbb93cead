// SPDX-License-Identifier: BSD-2-Clause

package ucl

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// value reads whatever may stand after a key or in a list.
func (p *parser) value() (Value, error) {
	v := Value{Line: p.line, file: p.name}
	var err error
	switch c := p.peek(); {
	case p.pos >= len(p.src):
		return v, p.errorf("found the end, wanted a value")
	case c == '{':
		p.pos++
		v.Kind = Map
		v.Map, err = p.object(true)
	case c == '[':
		p.pos++
		v.Kind = List
		v.List, err = p.list()
	case c == '"':
		v.Kind = String
		v.Text, err = p.quoted()
		v.Text = p.expand(v.Text)
	case c == '\'':
		v.Kind = String
		v.Text, err = p.raw()
	case strings.HasPrefix(p.rest(), "<<") && isTag(p.rest()[2:]):
		v.Kind = String
		v.Text, err = p.document()
	default:
		err = p.bare(&v)
	}
	return v, err
}

func (p *parser) list() ([]Value, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.errorf("objects and lists are nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	start := p.line
	list := []Value{}
	for {
		p.skip()
		for c := p.peek(); c == ',' || c == ';'; c = p.peek() {
			p.pos++
			p.skip()
		}
		if p.pos >= len(p.src) {
			p.line = start
			return nil, p.errorf("unterminated list")
		}
		if p.peek() == ']' {
			p.pos++
			return list, nil
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

// quoted reads a string in double quotes with the escapes of JSON.
func (p *parser) quoted() (string, error) {
	for i := p.pos + 1; i < len(p.src); i++ {
		switch p.src[i] {
		case '\\':
			i++
		case '\n':
			return "", p.errorf("unterminated string")
		case '"':
			text := p.src[p.pos : i+1]
			p.pos = i + 1
			var s string
			if err := json.Unmarshal([]byte(strings.ReplaceAll(text, "\t", `\t`)), &s); err != nil {
				return "", p.errorf("string %s: %w", text, err)
			}
			return s, nil
		}
	}
	return "", p.errorf("unterminated string")
}

// raw reads a string in single quotes, in which only \' is special.
func (p *parser) raw() (string, error) {
	for i := p.pos + 1; i < len(p.src); i++ {
		switch {
		case p.src[i] == '\n':
			return "", p.errorf("unterminated string")
		case p.src[i] == '\\' && i+1 < len(p.src) && p.src[i+1] == '\'':
			i++
		case p.src[i] == '\'':
			text := p.src[p.pos+1 : i]
			p.pos = i + 1
			return strings.ReplaceAll(text, `\'`, `'`), nil
		}
	}
	return "", p.errorf("unterminated string")
}

// isTag reports whether a line is a document's tag: capital letters.
func isTag(s string) bool {
	tag, _, _ := strings.Cut(s, "\n")
	tag = strings.TrimSuffix(tag, "\r")
	return tag != "" && strings.Trim(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// document reads the lines between <<TAG and a line that is the tag alone, or
// the tag and a separator.
func (p *parser) document() (string, error) {
	first, body, _ := strings.Cut(p.rest()[2:], "\n")
	tag := strings.TrimSuffix(first, "\r")
	var lines []string
	consumed := len("<<") + len(first) + 1
	for line := range strings.SplitAfterSeq(body, "\n") {
		text := strings.TrimRight(line, "\r\n")
		if strings.TrimRight(text, ";, \t") == tag {
			p.pos += consumed + len(tag)
			p.line += len(lines) + 1
			return strings.Join(lines, "\n"), nil
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
		consumed += len(line)
	}
	return "", p.errorf("unterminated document, wanted a line %s", tag)
}

// bare reads an unquoted word or text, up to the end of the member.
func (p *parser) bare(v *Value) error {
	start, braces := p.pos, 0
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		if c == '\n' || c == ';' || c == ',' || c == ']' || c == '}' && braces == 0 ||
			c == '#' && p.pos > start && isBlank(p.src[p.pos-1]) {
			break
		}
		switch c { // ${NAME} holds a brace that ends nothing
		case '{':
			braces++
		case '}':
			braces--
		}
		p.pos++
	}
	text := strings.TrimRight(p.src[start:p.pos], " \t\r")
	if text == "" {
		return p.errorf("found no value")
	}
	scalar(v, p.expand(text))
	return nil
}

// scalar decides what a bare word is.
func scalar(v *Value, text string) {
	v.Text = text
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		v.Kind, v.Bool = Bool, true
		return
	case "false", "no", "off":
		v.Kind = Bool
		return
	case "null":
		v.Kind = Null
		return
	}
	v.Kind = String
	number(v, text)
}

// suffixes of numbers: powers of 1000, powers of 1024, and times in seconds.
var suffixes = map[string]float64{
	"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30,
	"ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400,
}

// number makes v a number if the whole text is one.
func number(v *Value, text string) {
	digits := text
	if strings.HasPrefix(strings.TrimPrefix(text, "-"), "0x") {
		if n, err := strconv.ParseInt(text, 0, 64); err == nil {
			v.Kind, v.Int = Int, n
		}
		return
	}
	end := strings.LastIndexAny(digits, "0123456789.") + 1
	factor, known := suffixes[strings.ToLower(digits[end:])]
	if !known || end == 0 || strings.Trim(digits[:1], "-0123456789.") != "" {
		return
	}
	isTime := strings.HasSuffix(strings.ToLower(digits), "s") || strings.ContainsAny(strings.ToLower(digits[end:]), "hdwyn")
	if n, err := strconv.ParseInt(digits[:end], 10, 64); err == nil && !isTime {
		if f := float64(n) * factor; math.Abs(f) < 1<<62 {
			v.Kind, v.Int = Int, n*int64(factor)
		}
		return
	}
	if f, err := strconv.ParseFloat(digits[:end], 64); err == nil && !math.IsInf(f*factor, 0) {
		v.Kind, v.Float = Float, f*factor
	}
}

// expand replaces ${NAME} and $NAME by their values and $$ by $.
func (p *parser) expand(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i+1 == len(s) {
			return b.String() + s
		}
		b.WriteString(s[:i])
		s = s[i:]
		n, name := 0, ""
		switch {
		case s[1] == '$':
			b.WriteByte('$')
			s = s[2:]
			continue
		case s[1] == '{':
			if end := strings.IndexByte(s, '}'); end > 0 {
				n, name = end+1, s[2:end]
			}
		default:
			n = 1
			for n < len(s) && (s[n] == '_' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z' || s[n] >= '0' && s[n] <= '9') {
				n++
			}
			name = s[1:n]
		}
		if value, ok := p.vars[name]; ok {
			b.WriteString(value)
		} else {
			n = max(n, 1)
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
}
