// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"strings"
)

// value is a text in which variables of the definition may stand, between the bytes
// \x01 and \x02, which no Containerfile has. A value that only a running program could
// know has a reason instead.
type value struct {
	text string
	why  string
}

// ofVariable is the value of a variable of the definition.
func ofVariable(name string) string { return "\x01" + name + "\x02" }

// variables lists the variables in a text.
func variablesIn(text string) []string {
	var names []string
	for {
		_, after, found := strings.Cut(text, "\x01")
		if !found {
			return names
		}
		var name string
		name, text, _ = strings.Cut(after, "\x02")
		names = append(names, name)
	}
}

// shown is a text with its variables as a definition has them.
func shown(text string) string {
	return strings.NewReplacer("\x01", "${", "\x02", "}").Replace(text)
}

// scope knows the values of variables, and what commands print.
type scope struct {
	lookup func(name string) (value, bool)
	output func([]*command) value
	plain  func(text string) string // with the values that variables have
}

// field is a word after expansion.
type field struct {
	text string
	glob bool // it has a *, ? or [ that is not quoted
}

// text expands a word that is not split.
func (sc *scope) text(w word) value {
	var b strings.Builder
	for _, p := range w {
		v := sc.piece(p)
		if v.why != "" {
			return v
		}
		if b.WriteString(v.text); b.Len() > maxText {
			return errLong
		}
	}
	return value{text: b.String()}
}

// errLong is the value of a text that would grow without end.
var errLong = value{why: "its text is too long"}

// fields expands a word of a script: what is not quoted is split at blanks.
func (sc *scope) fields(w word) ([]field, value) {
	var list []field
	var f field
	begun := false
	end := func() {
		if begun {
			list = append(list, f)
		}
		f, begun = field{}, false
	}
	for _, p := range w {
		v := sc.piece(p)
		if v.why != "" {
			return nil, v
		}
		if p.quoted || p.is == literal {
			begun = begun || p.quoted || v.text != ""
			f.text += v.text
			f.glob = f.glob || !p.quoted && strings.ContainsAny(v.text, "*?[")
			continue
		}
		parts := strings.Fields(v.text)
		if v.text != "" && (len(parts) == 0 || !strings.HasPrefix(v.text, parts[0])) {
			end()
		}
		for i, part := range parts {
			if i > 0 {
				end()
			}
			begun, f.text, f.glob = true, f.text+part, f.glob || strings.ContainsAny(part, "*?[")
		}
		if len(parts) > 0 && !strings.HasSuffix(v.text, parts[len(parts)-1]) {
			end()
		}
	}
	end()
	size := 0
	for _, f := range list {
		size += len(f.text)
	}
	if len(list) > maxWords || size > maxText {
		return nil, errLong
	}
	return list, value{}
}

// maxWords bounds the words that one becomes.
const maxWords = 10_000

// piece expands a part of a word.
func (sc *scope) piece(p piece) value {
	switch p.is {
	case literal:
		return value{text: p.text}
	case output:
		if sc.output == nil {
			return value{why: "it uses what commands print"}
		}
		return sc.output(p.commands)
	case opaque:
		return value{why: fmt.Sprintf("it uses %s, which is known only when it runs", p.text)}
	}
	v, set := sc.lookup(p.name)
	filled := set && (sc.plain(v.text) != "" || v.why != "" || !strings.HasPrefix(p.op, ":"))
	switch strings.TrimPrefix(p.op, ":") {
	case "":
		return v
	case "-", "=":
		if filled {
			return v
		}
		return sc.text(p.arg)
	case "+":
		if filled {
			return sc.text(p.arg)
		}
		return value{}
	case "?":
		if filled {
			return v
		}
	}
	return value{why: fmt.Sprintf("it uses %s, which has no value", p.text)}
}

// words expands the words of an instruction.
func (sc *scope) words(text string) ([]string, value) {
	s := &script{src: text, stop: plainStop}
	var list []string
	for s.blank(); s.pos < len(s.src); s.blank() {
		v := sc.text(s.word())
		if v.why != "" {
			return nil, v
		}
		list = append(list, v.text)
	}
	return list, value{}
}

// line expands the text of an instruction that is a single word.
func (sc *scope) line(text string) value {
	s := &script{src: text, stop: lineStop}
	return sc.text(s.word())
}

// document expands a here-document.
func (sc *scope) document(d *document) value {
	if d.quoted {
		return value{text: d.text}
	}
	s := &script{src: d.text, stop: shStop}
	var w word
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '\\' && s.pos+1 < len(s.src) && strings.IndexByte("$`\\\n", s.src[s.pos+1]) >= 0:
			if s.src[s.pos+1] != '\n' {
				w = append(w, piece{text: s.src[s.pos+1 : s.pos+2]})
			}
			s.pos += 2
		case c == '$' || c == '`':
			w = append(w, s.expansion(true))
		default:
			w = append(w, piece{text: s.until("\\$`")})
		}
	}
	return sc.text(w)
}
