// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/shell"
)

// maxScript bounds, in bytes, a script that is parsed. Known ones have some hundred.
const maxScript = 64 << 10

// Recognise returns the effects of a script if it consists of known calls only.
func Recognise(script string) (Effects, bool) {
	var e Effects
	if len(script) > maxScript {
		return e, false
	}
	cmds := shell.Parse(script)
	if isQuestion(cmds) {
		return e, true
	}
	for len(cmds) > 0 {
		var ok bool
		if cmds, ok = e.command(cmds); !ok {
			return Effects{}, false
		}
	}
	return e, true
}

// command consumes the next command, with the condition before it.
func (e *Effects) command(cmds []shell.Command) (rest []shell.Command, ok bool) {
	if block, rest := ifBlock(cmds); block != nil {
		runs, ok := condition(block.test.Words)
		into := e
		if ok && !runs {
			into = new(Effects) // of a branch that does not run
		}
		for left := block.body; ok && len(left) > 0; {
			left, ok = into.command(left)
		}
		return rest, ok
	}
	c := cmds[0]
	if runs, ok := condition(c.Words); ok && runs && c.End == "&&" && plain(&c) && len(cmds) > 1 {
		return e.command(cmds[1:])
	}
	return cmds[1:], plain(&c) && e.call(c.Words)
}

// plain reports whether a command just runs, followed by the next one.
func plain(c *shell.Command) bool {
	return c.Err == nil && c.Quiet() && slices.Contains([]string{"\n", ";", "&&", ""}, c.End)
}

// block is an "if" with its body.
type block struct {
	test shell.Command
	body []shell.Command
}

// maxNested bounds how deep blocks are nested, and so the cost of parsing them.
// FreeBSD's scripts nest two.
const maxNested = 4

// ifBlock consumes the block that commands begin with, nil for none.
func ifBlock(cmds []shell.Command) (*block, []shell.Command) {
	if len(cmds) < 3 || !begins(&cmds[0], "if") || !plain(&cmds[0]) || cmds[0].End == "&&" || !begins(&cmds[1], "then") {
		return nil, cmds
	}
	b := &block{test: cmds[0]}
	b.test.Words = b.test.Words[1:]
	first := cmds[1] // what is on the line of then
	if first.Words = first.Words[1:]; len(first.Words) > 0 || !plain(&first) || first.Redirects != nil {
		b.body = append(b.body, first)
	}
	depth := 1
	for i, c := range cmds[2:] {
		if word := c.String(); word == "fi" && plain(&c) {
			depth--
		} else if strings.HasPrefix(word, "if ") {
			depth++
		}
		if depth == 0 {
			return b, cmds[i+3:]
		}
		if depth > maxNested {
			break
		}
		b.body = append(b.body, c)
	}
	return nil, cmds
}

// begins reports whether a word is a command's first. It may have none, only
// redirections.
func begins(c *shell.Command, word string) bool { return len(c.Words) > 0 && c.Words[0] == word }

// condition reports whether a command is known to hold, or not to. A program that
// packages test for counts as present if it has a generator here.
func condition(words []string) (holds, ok bool) {
	switch strings.Join(words, " ") {
	case "true", ":":
		return true, true
	case "false":
		return false, true
	}
	if len(words) == 4 && words[0] == "[" && words[3] == "]" {
		words = append([]string{"test"}, words[1:3]...)
	}
	if len(words) != 3 || words[0] != "test" || words[1] != "-x" {
		return false, false
	}
	_, ok = program(strings.TrimPrefix(words[2], rootDir))
	return ok, ok && strings.Contains(words[2], "/")
}

// call checks the call of a program and the variables that it gets.
func (e *Effects) call(words []string) bool {
	if len(words) > 0 && (words[0] == "env" || words[0] == "/usr/bin/env") {
		words = words[1:]
	}
	env, words := shell.Assignments(words)
	if len(words) == 0 {
		return false
	}
	k, ok := program(words[0])
	return ok && (len(env) == 0 || path.Base(words[0]) == "certctl") && k.call(words[1:], env, e)
}

// question begins a script that continues at once with ASSUME_ALWAYS_YES.
const question = "case ${ASSUME_ALWAYS_YES} in [Yy][Ee][Ss] [Tt][Rr][Uu][Ee]) exit 0 ;;"

// isQuestion reports whether a script only asks whether to continue, which it skips
// with ASSUME_ALWAYS_YES. Packages of kernels had one.
func isQuestion(cmds []shell.Command) bool {
	begun := ""
	for i := range cmds {
		c := &cmds[i]
		text := c.String()
		switch {
		case c.Err != nil || !c.Quiet():
			return false
		case begins(c, "echo") && !strings.ContainsAny(text, "$`") && plain(c):
		case begun != question:
			if c.End == ";;" {
				text += " ;;"
			}
			if begun = strings.TrimSpace(begun + " " + strings.TrimSpace(text)); !strings.HasPrefix(question, begun) {
				return false
			}
		case !slices.Contains([]string{"", "*)", "continue", "*) continue", "esac", "read ANSWER", "case ${ANSWER} in"}, text):
			return false
		}
	}
	return begun == question
}
