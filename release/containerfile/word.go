// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import "strings"

// What ends a word: of sh(1), of an instruction, and of one that is a single word.
const (
	shStop    = " \t\r\n;&|<>()"
	plainStop = " \t\r\n"
	lineStop  = ""
)

// sh reports whether a script is one of sh(1), in which commands may stand in words.
func (s *script) sh() bool { return s.stop == shStop }

// word reads a word of a script; nil if none comes next.
func (s *script) word() word {
	var w word
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case strings.IndexByte(s.stop, c) >= 0:
			return w
		case c == '\'':
			end := strings.IndexByte(s.src[s.pos+1:], '\'')
			if end < 0 {
				w = append(w, piece{is: opaque, text: s.src[s.pos:]})
				s.pos = len(s.src)
				return w
			}
			w = append(w, piece{text: s.src[s.pos+1 : s.pos+1+end], quoted: true})
			s.pos += end + 2
		case c == '"':
			s.pos++
			w = append(w, piece{quoted: true}) // so that "" is a word
			w = append(w, s.quoted()...)
		case c == '\\':
			s.pos++
			if s.pos < len(s.src) {
				if s.src[s.pos] != '\n' {
					w = append(w, piece{text: s.src[s.pos : s.pos+1], quoted: true})
				}
				s.pos++
			}
		case c == '$' || c == '`' && s.sh():
			w = append(w, s.expansion(false))
		default:
			w = append(w, piece{text: s.until(s.stop + "'\"\\$`")})
		}
	}
	return w
}

// until reads the text up to one of some bytes; at least one byte.
func (s *script) until(stop string) string {
	start := s.pos
	for s.pos++; s.pos < len(s.src) && strings.IndexByte(stop, s.src[s.pos]) < 0; s.pos++ {
	}
	return s.src[start:s.pos]
}

// quoted reads what follows a double quote, with the one that ends it.
func (s *script) quoted() word {
	var w word
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case '"':
			s.pos++
			return w
		case '\\':
			s.pos++
			if s.pos == len(s.src) {
				break
			}
			if next := s.src[s.pos]; next == '\n' {
			} else if strings.IndexByte("$`\"\\", next) >= 0 {
				w = append(w, piece{text: string(next), quoted: true})
			} else {
				w = append(w, piece{text: `\` + string(next), quoted: true})
			}
			s.pos++
		case '$', '`':
			if c == '`' && !s.sh() {
				w = append(w, piece{text: s.until("\"\\$`"), quoted: true})
				continue
			}
			w = append(w, s.expansion(true))
		default:
			w = append(w, piece{text: s.until("\"\\$`"), quoted: true})
		}
	}
	return append(w, piece{is: opaque, text: "a quote that does not end"})
}

// expansion reads what a dollar or a backquote begins.
func (s *script) expansion(quoted bool) piece {
	start := s.pos
	if s.src[s.pos] == '`' {
		return s.backquoted(quoted)
	}
	s.pos++
	rest := s.src[s.pos:]
	switch {
	case strings.HasPrefix(rest, "(") && !s.sh():
		return piece{text: "$", quoted: quoted}
	case strings.HasPrefix(rest, "(("):
		return s.arithmetic(start)
	case strings.HasPrefix(rest, "("):
		s.pos++
		p := piece{is: output, quoted: quoted}
		c := &command{}
		if s.depth++; s.depth <= maxNesting {
			p.commands = s.list()
		}
		s.depth--
		if s.expect(c, ")"); c.bad != "" {
			p.is = opaque
		}
		p.text = s.src[start:s.pos]
		return p
	case strings.HasPrefix(rest, "{"):
		return s.braced(start, quoted)
	}
	n := nameLength(rest)
	if n == 0 {
		if rest != "" && strings.IndexByte("?@*#$!-0123456789", rest[0]) >= 0 {
			s.pos++
			return piece{is: opaque, text: s.src[start:s.pos], quoted: quoted}
		}
		return piece{text: "$", quoted: quoted}
	}
	s.pos += n
	return piece{is: parameter, name: rest[:n], text: s.src[start:s.pos], quoted: quoted}
}

// arithmetic reads $((…)), which nobody needs for an image.
func (s *script) arithmetic(start int) piece {
	end := strings.Index(s.src[s.pos:], "))")
	if end < 0 {
		s.pos = len(s.src)
	} else {
		s.pos += end + 2
	}
	return piece{is: opaque, text: s.src[start:s.pos]}
}

// backquoted reads the old form of $(…).
func (s *script) backquoted(quoted bool) piece {
	start := s.pos
	end := strings.IndexByte(s.src[start+1:], '`')
	if end < 0 {
		s.pos = len(s.src)
		return piece{is: opaque, text: s.src[start:]}
	}
	s.pos = start + end + 2
	inner := &script{src: s.src[start+1 : start+1+end], stop: shStop, depth: s.depth + 1}
	p := piece{is: output, quoted: quoted, text: s.src[start:s.pos]}
	if inner.depth > maxNesting {
		p.is = opaque
		return p
	}
	p.commands = inner.list()
	return p
}

// braced reads ${name}, ${name:-word} and others.
func (s *script) braced(start int, quoted bool) piece {
	s.pos++
	rest := s.src[s.pos:]
	n := nameLength(rest)
	p := piece{is: parameter, name: rest[:n], quoted: quoted}
	s.pos += n
	for _, op := range []string{":-", ":+", ":=", ":?", "-", "+", "=", "?"} {
		if strings.HasPrefix(s.src[s.pos:], op) {
			p.op = op
			s.pos += len(op)
			break
		}
	}
	if p.op != "" {
		p.arg = s.defaultWord(quoted)
	}
	if s.pos >= len(s.src) || s.src[s.pos] != '}' || n == 0 {
		p.is = opaque
		if end := strings.IndexByte(s.src[s.pos:], '}'); end >= 0 {
			s.pos += end
		} else {
			s.pos = len(s.src)
		}
	}
	s.pos = min(s.pos+1, len(s.src))
	p.text = s.src[start:s.pos]
	return p
}

// defaultWord reads the word inside ${name:-word}.
func (s *script) defaultWord(quoted bool) word {
	var w word
	if s.depth++; s.depth > maxNesting {
		s.depth--
		return nil
	}
	defer func() { s.depth-- }()
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case '}':
			return w
		case '$', '`':
			w = append(w, s.expansion(quoted))
		case '"':
			s.pos++
			w = append(w, s.quoted()...)
		case '\\':
			s.pos++
			if s.pos < len(s.src) {
				w = append(w, piece{text: s.src[s.pos : s.pos+1], quoted: true})
				s.pos++
			}
		default:
			w = append(w, piece{text: s.until("}\"\\$`"), quoted: quoted})
		}
	}
	return w
}
