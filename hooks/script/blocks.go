// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"strings"

	"github.com/orlop/orlop/release/shell"
)

// spread puts reserved words and the patterns of a case on lines of their own, so that
// the layout of a script does not matter.
func spread(cmds []shell.Command) []shell.Command {
	var list []shell.Command
	for _, c := range cmds {
		for n := leading(c.Words); n > 0; n = leading(c.Words) {
			list = append(list, shell.Command{Line: c.Line, Words: c.Words[:n], End: "\n"})
			c.Words = c.Words[n:]
		}
		end := c.End
		if end == ";;" {
			c.End = "\n"
		}
		if len(c.Words) > 0 || len(c.Redirects) > 0 || c.Err != nil || !ends(c) {
			list = append(list, c)
		}
		if end == ";;" {
			list = append(list, shell.Command{Line: c.Line, Words: []string{";;"}, End: "\n"})
		}
	}
	return list
}

// leading is how many words at the beginning of a command stand on a line of their own.
func leading(words []string) int {
	switch {
	case len(words) == 0:
		return 0
	case words[0] == "then" || words[0] == "else" || strings.HasSuffix(words[0], ")") && !strings.Contains(words[0], "("):
		return 1
	case words[0] == "case" && len(words) > 3 && words[2] == "in":
		return 3
	}
	return 0
}

// block is an if with its branches.
type block struct{ test, yes, no []shell.Command }

// ifBlock consumes the block that commands begin with, nil for none.
func ifBlock(cmds []shell.Command) (*block, []shell.Command) {
	var b block
	part, depth := &b.test, 0
	for i, c := range cmds {
		word := ""
		if len(c.Words) > 0 {
			word = c.Words[0]
		}
		switch {
		case i == 0:
			c.Words = c.Words[1:]
			*part = append(*part, c)
			continue
		case word == "if":
			depth++
		case depth > 0 && word == "fi":
			depth--
		case depth > 0:
		case word == "fi":
			if !plain(&c) || len(c.Words) != 1 || part == &b.test {
				return nil, cmds
			}
			return &b, cmds[i+1:]
		case word == "then" && part == &b.test:
			part = &b.yes
			continue
		case word == "else" && part == &b.yes:
			part = &b.no
			continue
		}
		if depth > maxNested {
			return nil, cmds
		}
		*part = append(*part, c)
	}
	return nil, cmds
}
