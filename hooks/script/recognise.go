// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/shell"
)

// Bounds of scripts that are followed. Known ones have some hundred bytes, a few
// variables, and nest two blocks.
const (
	maxScript = 64 << 10 // bytes
	maxNested = 4
	maxVars   = 16
	maxValue  = 4096 // bytes
)

// Recognise returns the effects of a script of sh(1) if it consists of known calls only.
func Recognise(script string) (Effects, bool) {
	var e Effects
	if len(script) > maxScript {
		return e, false
	}
	cmds := shell.Parse(script)
	if isQuestion(cmds) {
		return e, true
	}
	r := &run{vars: map[string]string{}, e: &e}
	if !r.all(spread(cmds)) {
		return Effects{}, false
	}
	return e, true
}

// run follows a script: every command is one whose meaning is known, or the whole script
// is not.
type run struct {
	vars   map[string]string
	args   []string // $1 and so on
	e      *Effects
	depth  int     // of blocks
	dead   bool    // what it follows does not run
	lacks  lacking // what may be added here
	either bool    // a condition depends on whether the root is that of the running system
}

// lacking is what a condition found to be absent. A script may add nothing else.
type lacking struct{ group, user, member, file string }

// aside follows what does not run, or has to do the same as what does.
func (r *run) aside() *run {
	other := *r
	other.vars, other.e = maps.Clone(r.vars), new(Effects)
	return &other
}

// unreached is aside for what does not run.
func (r *run) unreached() *run {
	other := r.aside()
	other.dead = true
	return other
}

// all follows commands.
func (r *run) all(cmds []shell.Command) bool {
	if r.depth > maxNested {
		return false
	}
	for len(cmds) > 0 {
		ok := false
		if begins(&cmds[0], "exit") && len(cmds) == 1 && r.depth == 0 {
			return plain(&cmds[0])
		}
		switch {
		case begins(&cmds[0], "if"):
			cmds, ok = r.condition(cmds)
		case begins(&cmds[0], "case"):
			cmds, ok = r.choice(cmds)
		default:
			n := 1 + slices.IndexFunc(cmds, ends)
			if n == 0 {
				return false
			}
			ok = r.plainList(cmds[:n])
			cmds = cmds[n:]
		}
		if !ok {
			return false
		}
	}
	return true
}

// plainList follows a list that no if depends on. What can be added only where something
// is absent, or depends on the root, needs one.
func (r *run) plainList(cmds []shell.Command) bool {
	before := r.lacks
	r.either = false
	_, ok := r.list(cmds)
	return ok && !r.either && r.lacks == before
}

// ends reports whether a command is the last of its list.
func ends(c shell.Command) bool { return slices.Contains([]string{"\n", ";", ""}, c.End) }

// plain reports whether a command just runs, followed by the next one.
func plain(c *shell.Command) bool { return c.Err == nil && c.Quiet() && ends(*c) }

// begins reports whether a word is a command's first. It may have none, only
// redirections.
func begins(c *shell.Command, word string) bool { return len(c.Words) > 0 && c.Words[0] == word }

// list follows commands joined by && and ||. It reports whether the last that runs
// succeeds.
func (r *run) list(cmds []shell.Command) (holds, ok bool) {
	runs := true
	for len(cmds) > 0 {
		n := 1
		for cmds[n-1].End == "|" && n < len(cmds) {
			n++
		}
		if runs {
			holds, ok = r.pipe(cmds[:n])
		} else {
			_, ok = r.unreached().pipe(cmds[:n])
		}
		if !ok {
			return false, false
		}
		runs = cmds[n-1].End == "&&" && holds || cmds[n-1].End == "||" && !holds
		cmds = cmds[n:]
	}
	return holds, true
}

// pipe follows a command, or two of which the second reads the output of the first.
func (r *run) pipe(cmds []shell.Command) (holds, ok bool) {
	not := begins(&cmds[0], "!")
	var all [][]string
	for i, c := range cmds {
		if not && i == 0 {
			c.Words = c.Words[1:]
		}
		words, ok := r.expand(c.Words)
		if !ok || c.Err != nil || !c.Quiet() || len(words) == 0 && len(c.Words) > 0 || len(c.Words) == 0 {
			return false, false
		}
		all = append(all, words)
	}
	switch {
	case len(all) == 2:
		ok = r.findsMember(all[0], all[1])
	case len(all) > 2:
		return false, false
	default:
		if holds, ok = r.test(all[0]); !ok {
			holds, ok = true, r.call(all[0])
		}
	}
	return holds != not, ok
}

// condition follows an if.
func (r *run) condition(cmds []shell.Command) (rest []shell.Command, ok bool) {
	b, rest := ifBlock(cmds)
	if b == nil {
		return nil, false
	}
	saved := r.lacks
	r.lacks, r.either = lacking{}, false
	holds, ok := r.list(b.test)
	if !ok {
		return nil, false
	}
	r.depth++
	defer func() { r.depth--; r.lacks = saved }()
	taken, other := b.yes, b.no
	if !holds {
		taken, other = b.no, b.yes
	}
	if r.either {
		return rest, r.alike(taken, other)
	}
	if r.lacks != (lacking{}) {
		return rest, r.adds(taken, other)
	}
	return rest, r.unreached().all(other) && r.all(taken)
}

// adds follows the branches for an account or file that is absent, and for one that is
// there. The first may only add it, and the second does nothing.
func (r *run) adds(absent, there []shell.Command) bool {
	a, b := r.aside(), r.unreached()
	if !a.all(absent) || a.e.none() || !b.all(there) || !b.e.none() || !maps.Equal(a.vars, r.vars) {
		return false
	}
	added := *a.e
	added.Groups, added.Users, added.Members, added.Samples = nil, nil, nil, nil
	if !added.none() {
		return false
	}
	r.e.Groups, r.e.Users = append(r.e.Groups, a.e.Groups...), append(r.e.Users, a.e.Users...)
	r.e.Members, r.e.Samples = append(r.e.Members, a.e.Members...), append(r.e.Samples, a.e.Samples...)
	return true
}

// alike follows two branches of which the first runs where packages are installed in
// another root. They may only set variables, to what means the same there.
func (r *run) alike(here, running []shell.Command) bool {
	a, b := r.aside(), r.aside()
	if !a.all(here) || !b.all(running) || !a.e.none() || !b.e.none() || len(a.vars) != len(b.vars) {
		return false
	}
	for name, value := range a.vars {
		if other, has := b.vars[name]; !has || unrooted(value) != unrooted(other) {
			return false
		}
	}
	r.vars = a.vars
	return true
}

// choice follows a case whose word is known.
func (r *run) choice(cmds []shell.Command) (rest []shell.Command, ok bool) {
	head := cmds[0]
	if len(head.Words) != 3 || head.Words[2] != "in" || !plain(&head) {
		return nil, false
	}
	word, ok := r.expand(head.Words[1:2])
	if !ok || len(word) != 1 || strings.Contains(word[0], "$") {
		return nil, false
	}
	r.depth++
	defer func() { r.depth-- }()
	cmds, chosen := cmds[1:], false
	for len(cmds) > 0 && !begins(&cmds[0], "esac") {
		pattern := cmds[0].String()
		n := 1 + slices.IndexFunc(cmds[1:], func(c shell.Command) bool { return begins(&c, ";;") || begins(&c, "esac") })
		if n == 0 || pattern != "*)" && pattern != "/*)" {
			return nil, false
		}
		follow := r.unreached()
		if !chosen && (pattern == "*)" || strings.HasPrefix(word[0], "/")) {
			follow, chosen = r, true
		}
		if !follow.all(cmds[1:n]) {
			return nil, false
		}
		if cmds = cmds[n:]; begins(&cmds[0], ";;") {
			cmds = cmds[1:]
		}
	}
	if len(cmds) == 0 || !plain(&cmds[0]) || len(cmds[0].Words) != 1 {
		return nil, false
	}
	return cmds[1:], true
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
