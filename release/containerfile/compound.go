// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import "strings"

// ifElse reads what follows if or elif.
func (s *script) ifElse(c *command) {
	c.kind = ifElse
	c.cond = s.list()
	s.expect(c, "then")
	c.body = s.list()
	switch {
	case s.atWord("elif"):
		start := s.pos
		s.pos += 4
		inner := &command{line: lineOf(s.at, start)}
		s.depth++
		if s.depth > maxNesting {
			s.pos = len(s.src)
			c.kind, c.bad = other, "it has too many branches"
		} else {
			s.ifElse(inner)
		}
		s.depth--
		inner.text = s.written(start)
		c.others = []*command{inner}
		if inner.kind == other {
			c.kind, c.bad = other, inner.bad
		}
		return
	case s.atWord("else"):
		s.pos += 4
		c.others = s.list()
	}
	s.expect(c, "fi")
}

// loop reads what follows for.
func (s *script) loop(c *command) {
	c.kind = loop
	s.blank()
	name := s.word()
	s.blank()
	if len(name) == 1 && name[0].is == literal && isName(name[0].text) {
		c.variable = name[0].text
	} else {
		c.kind, c.bad = other, "it is a loop over no variable"
	}
	if s.atWord("in") {
		s.pos += 2
		for s.blank(); s.pos < len(s.src) && strings.IndexByte(";\n", s.src[s.pos]) < 0; s.blank() {
			w := s.word()
			if w == nil {
				break
			}
			c.words = append(c.words, w)
		}
	}
	for s.separator() != "" {
	}
	s.expect(c, "do")
	c.body = s.list()
	s.expect(c, "done")
}

// skipCase reads case up to its esac.
func (s *script) skipCase(c *command) {
	c.kind, c.bad = other, "it is a choice by case"
	for s.pos < len(s.src) && !s.atWord("esac") {
		if w := s.word(); w == nil {
			s.pos++
		}
		s.blank()
	}
	s.expect(c, "esac")
}
