// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"slices"
	"strings"
)

// isTest reports whether a command is [ or test.
func isTest(c *command) bool {
	if c.kind != simple || c.next != nil || len(c.words) == 0 || len(c.words[0]) != 1 {
		return false
	}
	name := c.words[0][0].text
	return name == "[" || name == "test"
}

// answer is that of a test.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// test answers a test of texts that are known. Build arguments have the values that the
// Containerfile gives them.
func (r *runner) test(list []*command) (answer, string) {
	if len(list) == 0 || len(list) > 1 || !isTest(list[0]) {
		return unknown, "it depends on what commands say"
	}
	var words []string
	var names []string
	for _, w := range list[0].words[1:] {
		fields, v := r.scope().fields(w)
		if v.why != "" {
			return unknown, v.why
		}
		for _, f := range fields {
			names = append(names, variablesIn(f.text)...)
			words = append(words, r.t.plain(f.text))
		}
	}
	if n := len(words); n > 0 && words[n-1] == "]" {
		words = words[:n-1]
	}
	negated := len(words) > 1 && words[0] == "!"
	if negated {
		words = words[1:]
	}
	var is bool
	switch {
	case len(words) == 1:
		is = words[0] != ""
	case len(words) == 2 && words[0] == "-n":
		is = words[1] != ""
	case len(words) == 2 && words[0] == "-z":
		is = words[1] == ""
	case len(words) == 3 && (words[1] == "=" || words[1] == "=="):
		is = words[0] == words[2]
	case len(words) == 3 && words[1] == "!=":
		is = words[0] != words[2]
	default:
		return unknown, "it depends on what is in the image"
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if strings.HasPrefix(name, "version:") {
			return unknown, "it depends on the version of a package; assert can want one"
		}
		r.remark(fmt.Sprintf("A condition on %s is decided by its value in the Containerfile, %q. Another value does not change what stands here.", name, r.t.plain(ofVariable(name))))
	}
	if is != negated {
		return yes, ""
	}
	return no, ""
}

// choose translates the branch of an if that is taken.
func (r *runner) choose(c *command) {
	if r.only(c.body, true) && r.only(c.others, true) {
		reason := "the image does not need it"
		if stops(c.body) || stops(c.others) {
			reason = "it only checks; assert can want the version of a package"
		}
		r.t.steps++
		r.note(c.line, c.text, reason, Needless)
		return
	}
	switch a, why := r.test(c.cond); a {
	case yes:
		r.all(c.body)
	case no:
		r.all(c.others)
	default:
		r.leave(c, why)
	}
}

// guarded translates [ … ] && commands, and [ … ] || commands.
func (r *runner) guarded(chain []*command) {
	rest := slices.Clone(chain[1:])
	a, why := r.test(chain[:1])
	or := rest[0].before == "||"
	switch {
	case or && r.gives(rest[0]):
		r.t.steps++
		r.note(chain[0].line, chain[0].text, "it only checks", Needless)
		rest = rest[1:]
	case a == unknown && r.only(rest, true):
		r.t.steps++
		r.note(chain[0].line, chain[0].text, "it only checks", Needless)
		return
	case a == unknown:
		for _, c := range rest {
			r.leave(c, why)
		}
		return
	case or == (a == yes): // not the next one
		for rest = rest[1:]; len(rest) > 0 && (rest[0].before == "||") == or; {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		first := *rest[0]
		first.before = ";"
		rest[0] = &first
		r.all(rest)
	}
}

// only reports whether commands do nothing that the image needs.
func (r *runner) only(list []*command, ends bool) bool {
	for _, c := range list {
		switch c.kind {
		case simple:
			for at := c; at != nil; at = at.next {
				if len(r.files(at)) > 0 || at.kind != simple {
					return false
				}
				if len(at.words) == 0 {
					continue
				}
				if _, _, is := assignment(at.words[0]); is {
					return false
				}
				name := r.scope().text(at.words[0]).text
				if name == "exit" && ends || isTest(at) {
					continue
				}
				call, err := r.call(at)
				if err != nil || call == nil || !r.needs(call) {
					return false
				}
			}
		case ifElse:
			if !r.only(c.body, ends) || !r.only(c.others, ends) {
				return false
			}
		case group:
			if !r.only(c.body, ends) || len(r.files(c)) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// needs reports whether the image can do without a command.
func (r *runner) needs(c *call) bool {
	if r.harmless(c.name) {
		return true
	}
	switch c.name {
	case "pkg", "pkg-static":
		return !slices.ContainsFunc(c.args, func(f field) bool {
			return slices.Contains([]string{"install", "add", "delete", "remove"}, f.text)
		})
	case "rm":
		return !slices.ContainsFunc(c.args, func(f field) bool { return !strings.HasPrefix(f.text, "-") && !cache(f.text) })
	}
	return false
}

// stops reports whether commands end the build.
func stops(list []*command) bool {
	return slices.ContainsFunc(list, func(c *command) bool { return strings.HasPrefix(c.text, "exit") })
}
