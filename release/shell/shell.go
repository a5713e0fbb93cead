// SPDX-License-Identifier: BSD-2-Clause

// Package shell splits simple scripts of sh(1) into commands, for readers that
// know what each command means. Nothing is executed or expanded.
//
// Not supported, and an error that names the text: a backslash except at the end
// of a line, $ in single quotes, quoted text over several lines, background
// commands, input from files.
package shell

import (
	"fmt"
	"regexp"
	"strings"
)

// Command is a simple command, or a reserved word with the rest of its line.
type Command struct {
	Line      int      // of the script, from 1
	Words     []string // without quotes; a variable is always ${NAME}
	Redirects []Redirect
	End       string // what ends it: a newline, ; ;; && || | or "" for the end of the script
	Err       error  // it and the rest of its line are not understood
}

// Redirect is where output goes, or where input comes from.
type Redirect struct {
	Op     string // > >> 1> 1>> 2> 2>> 2>&1, or << for a here-document
	Target string // a word, or the text of a here-document
	Quoted bool   // nothing is expanded in the text
}

var assignment = regexp.MustCompile(`^([A-Za-z_]\w*)=(.*)$`)

// Assignment splits a word NAME=VALUE.
func Assignment(word string) (name, value string, is bool) {
	m := assignment.FindStringSubmatch(word)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// Assignments splits off the leading assignments of words, by name.
func Assignments(words []string) (values map[string]string, rest []string) {
	values = map[string]string{}
	for len(words) > 0 {
		name, value, is := Assignment(words[0])
		if !is {
			break
		}
		values[name], words = value, words[1:]
	}
	return values, words
}

// Quiet reports whether output goes only to the script's own output or to
// /dev/null.
func (c *Command) Quiet() bool {
	for _, r := range c.Redirects {
		if r.Op != "2>&1" && (r.Op == "<<" || r.Target != "/dev/null") {
			return false
		}
	}
	return true
}

// String is the command, written in words.
func (c Command) String() string { return strings.Join(c.Words, " ") }

// Parse lists the commands of a script, including those it does not understand.
func Parse(script string) []Command {
	var list []Command
	p := parser{rest: script, line: 1}
	for p.rest != "" {
		if c := p.command(); len(c.Words) > 0 || len(c.Redirects) > 0 || c.Err != nil || c.End != "\n" && c.End != "" {
			list = append(list, c)
		}
	}
	return list
}

type parser struct {
	rest string // of the script
	line int    // at which it begins
	here []*Redirect
	hang []bool // for each of here: its lines may begin with tabs

	// The command that is being read.
	cmd    Command
	inWord bool
	toward bool // the word is the target of the last redirection
	tabs   bool // that is <<-
}

// part is what comes next in a script: a line continuation, blanks, a
// redirection, an operator, or a part of a word, quoted or bare.
var part = regexp.MustCompile(`^(?:\\\n|[ \t]+|(2>&1|[12]?>>?|<<-?)|(\n|;;|;|&&|\|\||\|)` +
	`|"((?:[^"\\\n$]|\$[^"\\\n]|\\\n)*)"|('[^'$\n]*')` +
	`|((?:\$\{[A-Za-z_]\w*:\+[^}"'\\\n]*\}|\$[^\s"'\\;&|<>]|[^\s"'\\;&|<>$])+))`)

// command reads the next command, including what ends it.
func (p *parser) command() Command {
	p.cmd, p.inWord, p.toward = Command{Line: p.line}, false, false
	for p.rest != "" {
		if p.rest[0] == '#' && !p.inWord {
			p.take(len(firstLine(p.rest)))
			continue
		}
		m := part.FindStringSubmatch(p.rest)
		if m == nil || m[1] != "" && (p.toward || p.inWord && strings.ContainsAny(m[1][:1], "12")) {
			return p.fail()
		}
		if len(p.cmd.Words) == 0 && len(p.cmd.Redirects) == 0 {
			p.cmd.Line = p.line
		}
		p.take(len(m[0]))
		switch {
		case m[0] == "\\\n":
		case strings.Trim(m[0], " \t") == "":
			p.endWord()
		case m[2] != "":
			return p.end(m[2])
		case m[1] != "":
			p.endWord()
			p.redirect(m[1])
		default:
			p.word(strings.ReplaceAll(m[3], "\\\n", "")+strings.Trim(m[4], "'")+m[5], m[5] == "")
		}
	}
	return p.end("")
}

// take advances in the script.
func (p *parser) take(n int) {
	p.line += strings.Count(p.rest[:n], "\n")
	p.rest = p.rest[n:]
}

// fail gives up on the rest of a line.
func (p *parser) fail() Command {
	line := firstLine(p.rest)
	p.cmd.Err = fmt.Errorf("%q is not understood, wanted plain words", line)
	p.take(min(len(line)+1, len(p.rest)))
	p.here, p.hang = nil, nil
	return p.cmd
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

var variable = regexp.MustCompile(`\$([A-Za-z_]\w*|\$)`)

// word adds to a word, or begins one.
func (p *parser) word(text string, quoted bool) {
	text = variable.ReplaceAllString(text, "$${$1}")
	if p.toward {
		r := &p.cmd.Redirects[len(p.cmd.Redirects)-1]
		r.Target, r.Quoted = r.Target+text, r.Quoted || quoted
		p.inWord = true
		return
	}
	if !p.inWord {
		p.cmd.Words, p.inWord = append(p.cmd.Words, ""), true
	}
	p.cmd.Words[len(p.cmd.Words)-1] += text
}

// endWord ends a word, if one was begun.
func (p *parser) endWord() {
	if p.inWord {
		p.inWord, p.toward = false, false
	}
}

func (p *parser) redirect(op string) {
	p.toward, p.tabs = op != "2>&1", op == "<<-"
	p.cmd.Redirects = append(p.cmd.Redirects, Redirect{Op: strings.TrimSuffix(op, "-")})
}

// end ends the command. After the end of its line come the texts of its
// here-documents.
func (p *parser) end(op string) Command {
	p.endWord()
	p.cmd.End = op
	if p.toward {
		p.cmd.Err = fmt.Errorf("%q has no target, wanted a word after it", p.cmd.Redirects[len(p.cmd.Redirects)-1].Op)
		return p.cmd
	}
	for i := range p.cmd.Redirects {
		if r := &p.cmd.Redirects[i]; r.Op == "<<" {
			p.here, p.hang = append(p.here, r), append(p.hang, p.tabs)
		}
	}
	if op != "\n" && op != "" {
		return p.cmd
	}
	for i, r := range p.here {
		if p.cmd.Err = p.document(r, p.hang[i]); p.cmd.Err != nil {
			break
		}
	}
	p.here, p.hang = nil, nil
	return p.cmd
}

// document reads the text of a here-document; until then its target is the last
// line.
func (p *parser) document(r *Redirect, tabs bool) error {
	last := r.Target
	r.Target = ""
	for p.rest != "" {
		line := firstLine(p.rest)
		p.take(min(len(line)+1, len(p.rest)))
		if tabs {
			line = strings.TrimLeft(line, "\t")
		}
		if line == last {
			return nil
		}
		r.Target += line + "\n"
	}
	return fmt.Errorf("found no line %q that ends the text after <<", last)
}
