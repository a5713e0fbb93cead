// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"slices"
	"strings"
)

// Package release/shell reads scripts of packages, each word of which is plain. Those of
// people have quotes of all kinds, lists of commands, conditions and loops, so this is a
// reader of its own. It knows the grammar of sh(1) as far as RUN needs it; what it does
// not know becomes a command of kind other, up to where it ends.

// command is a simple command, or a compound one with those in it.
type command struct {
	line   int
	text   string // as written
	before string // what stands before it: "" or ; && ||
	kind   commandKind

	words     []word // of a simple one
	redirects []redirect
	next      *command // that its output goes to

	variable string     // of a loop
	cond     []*command // of if
	body     []*command // of a group, a loop, or if
	others   []*command // of else
	bad      string     // why it is not understood
}

type commandKind int

const (
	simple commandKind = iota
	group
	ifElse
	loop // for
	other
)

// redirect is > or >>, or < with a file or <<, whose text is in doc.
type redirect struct {
	op     string // > >> 2> 2>> >& < <<
	target word
	doc    *document
}

// word is made of parts.
type word []piece

// piece is literal text, a parameter, or the output of commands.
type piece struct {
	text   string
	quoted bool

	name string // of a parameter
	op   string // what follows its name, as in ${name:-word}
	arg  word

	commands []*command // of $(…)
	is       pieceKind
}

type pieceKind int

const (
	literal pieceKind = iota
	parameter
	output
	opaque // arithmetic, or a form of parameter that is not known
)

// script reads commands. The lines of its offsets are in at.
type script struct {
	src   string
	pos   int
	at    []mark
	docs  []document // that << takes, in order
	stop  string     // what ends a word
	depth int
}

// maxNesting bounds how deep commands nest.
const maxNesting = 50

// parseScript reads all commands of a text.
func parseScript(src string, at []mark, docs []document) []*command {
	s := &script{src: src, at: at, docs: docs, stop: shStop}
	var list []*command
	for {
		list = append(list, s.list()...)
		if s.pos >= len(s.src) {
			return list
		}
		// A closing word or bracket without an opening one.
		start := s.pos
		s.pos = len(s.src)
		list = append(list, s.note(start, "the commands of sh do not end where they should"))
	}
}

// note makes a command of what is not understood.
func (s *script) note(start int, why string) *command {
	return &command{line: lineOf(s.at, start), text: s.written(start), kind: other, bad: why}
}

// written is what was read from an offset on, in one line.
func (s *script) written(start int) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s.src[start:s.pos], "\\\n", " ")), " ")
}

// blank skips blanks, continued lines and comments.
func (s *script) blank() {
	for s.pos < len(s.src) {
		switch rest := s.src[s.pos:]; {
		case rest[0] == ' ', rest[0] == '\t', rest[0] == '\r':
			s.pos++
		case strings.HasPrefix(rest, "\\\n"):
			s.pos += 2
		case rest[0] == '#' && s.sh() && (s.pos == 0 || strings.IndexByte(" \t\n;&|(", s.src[s.pos-1]) >= 0):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			s.pos += end
		default:
			return
		}
	}
}

// separator reads what ends a command: "" for nothing that does.
func (s *script) separator() string {
	s.blank()
	rest := s.src[s.pos:]
	for _, op := range []string{"&&", "||", ";;", ";", "\n"} {
		if strings.HasPrefix(rest, op) {
			if op == ";;" {
				return ""
			}
			s.pos += len(op)
			return op
		}
	}
	return ""
}

// closers end a list of commands.
var closers = []string{"then", "else", "elif", "fi", "do", "done", "esac", "}"}

// atWord reports whether a reserved word comes next.
func (s *script) atWord(words ...string) bool {
	rest := s.src[s.pos:]
	return slices.ContainsFunc(words, func(w string) bool {
		after, is := strings.CutPrefix(rest, w)
		return is && (after == "" || strings.IndexByte(" \t\n;&|()\r", after[0]) >= 0)
	})
}

// list reads commands up to one that closes the list, or the end.
func (s *script) list() []*command {
	var list []*command
	before := ""
	for {
		s.blank()
		if s.pos >= len(s.src) || s.atWord(closers...) || s.src[s.pos] == ')' || strings.HasPrefix(s.src[s.pos:], ";;") {
			return list
		}
		if op := s.separator(); op != "" {
			if op == "&&" || op == "||" { // without a command before
				before = op
			}
			continue
		}
		start := s.pos
		c := s.pipeline()
		c.before = before
		list = append(list, c)
		if before = s.separator(); before == "\n" {
			before = ";"
		}
		switch {
		case before == "" && strings.HasPrefix(s.src[s.pos:], "&"):
			s.pos++
			c.kind, c.bad, before = other, "it runs in the background", ";"
			c.text = s.written(start)
		case s.pos == start: // nothing could be read
			s.pos++
			c.kind, c.bad = other, "it is not understood"
		}
	}
}

// pipeline reads a command, and those that its output goes to.
func (s *script) pipeline() *command {
	start := s.pos
	first := s.command()
	for last := first; ; last = last.next {
		s.blank()
		rest := s.src[s.pos:]
		if !strings.HasPrefix(rest, "|") || strings.HasPrefix(rest, "||") {
			break
		}
		s.pos++
		for s.blank(); s.pos < len(s.src) && s.src[s.pos] == '\n'; s.blank() {
			s.pos++
		}
		last.next = s.command()
	}
	if first.next != nil {
		first.text = s.written(start)
	}
	return first
}

// command reads one command with its redirections.
func (s *script) command() *command {
	start := s.pos
	if s.depth++; s.depth > maxNesting {
		s.depth--
		s.pos = len(s.src)
		return s.note(start, fmt.Sprintf("commands nest more than %d deep", maxNesting))
	}
	defer func() { s.depth-- }()
	c := &command{line: lineOf(s.at, start)}
	switch {
	case s.atWord("if"):
		s.pos += 2
		s.ifElse(c)
	case s.atWord("for"):
		s.pos += 3
		s.loop(c)
	case s.atWord("while", "until"):
		s.pos += 5
		s.list()
		c.kind, c.bad = other, "it is a loop with a condition"
		s.expect(c, "do")
		s.list()
		s.expect(c, "done")
	case s.atWord("case"):
		s.skipCase(c)
	case s.atWord("{"), s.pos < len(s.src) && s.src[s.pos] == '(':
		closer := "}"
		if s.src[s.pos] == '(' {
			closer = ")"
		}
		s.pos++
		c.kind = group
		c.body = s.list()
		s.expect(c, closer)
	default:
		s.simple(c)
		c.text = s.written(start)
		return c
	}
	s.redirections(c)
	c.text = s.written(start)
	return c
}

// expect wants a word or bracket.
func (s *script) expect(c *command, what string) {
	s.blank()
	if what == ")" && strings.HasPrefix(s.src[s.pos:], ")") || s.atWord(what) {
		s.pos += len(what)
		return
	}
	if c.bad == "" {
		c.bad = fmt.Sprintf("found no %q where one should be", what)
	}
	c.kind = other
}

// simple reads the words and redirections of a simple command.
func (s *script) simple(c *command) {
	for {
		s.blank()
		if s.redirection(c) {
			continue
		}
		w := s.word()
		if w == nil {
			return
		}
		c.words = append(c.words, w)
	}
}

// redirections reads those after a compound command.
func (s *script) redirections(c *command) {
	for s.blank(); s.redirection(c); s.blank() {
	}
}

// redirection reads one, if it comes next.
func (s *script) redirection(c *command) bool {
	rest := s.src[s.pos:]
	digit := ""
	if len(rest) > 1 && rest[0] >= '0' && rest[0] <= '9' && (rest[1] == '>' || rest[1] == '<') {
		digit, rest = rest[:1], rest[1:]
	}
	for _, op := range []string{">>", ">&", ">|", "<<-", "<<", "<", ">"} {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		s.pos += len(digit) + len(op)
		r := redirect{op: strings.TrimSuffix(strings.TrimSuffix(op, "|"), "-")}
		if digit != "" && digit != "1" && r.op[0] == '>' {
			r.op = digit + r.op
		}
		s.blank()
		r.target = s.word()
		if r.op == "<<" && len(s.docs) > 0 {
			r.doc, s.docs = &s.docs[0], s.docs[1:]
		}
		c.redirects = append(c.redirects, r)
		return true
	}
	return false
}

// nameLength returns how many bytes at the beginning can be the name of a variable.
func nameLength(text string) int {
	for i, c := range []byte(text) {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return i
		}
	}
	return len(text)
}

// isName reports whether a text can be the name of a variable.
func isName(text string) bool { return text != "" && nameLength(text) == len(text) }
