// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"slices"
	"strconv"
	"strings"
)

// test reports whether a command is known to hold, or not to. A program that packages
// test for counts as present if it has a generator here; accounts and copies of samples
// count as absent, since they are added only then; and no package is installed as an
// ordinary user.
func (r *run) test(words []string) (holds, ok bool) {
	switch strings.Join(words, " ") {
	case "true", ":":
		return true, true
	case "false":
		return false, true
	}
	if name, is := isShown(words, "groupshow"); is {
		r.lacks.group = name
		return false, true
	}
	if name, is := isShown(words, "usershow"); is {
		r.lacks.user = name
		return false, true
	}
	if words[0] == "[" && words[len(words)-1] == "]" {
		words = append([]string{"test"}, words[1:len(words)-1]...)
	}
	if words[0] != "test" {
		return false, false
	}
	return r.evaluate(words[1:])
}

// evaluate is test(1).
func (r *run) evaluate(args []string) (holds, ok bool) {
	switch at := slices.Index(args, "-a"); {
	case at > 0:
		return r.both(args[:at], args[at+1:])
	case len(args) == 2 && args[0] == "-x":
		_, ok = program(strings.TrimPrefix(args[1], rootDir))
		return ok, ok && strings.Contains(args[1], "/")
	case len(args) == 2 && args[0] == "-f":
		name, ok := absolute(args[1])
		r.lacks.file = name
		return false, ok
	case slices.Equal(args, []string{"-n", "${INSTALL_AS_USER}"}):
		return false, true
	case slices.Equal(args, []string{"-z", "${INSTALL_AS_USER}"}):
		return true, true
	case slices.Equal(args, []string{"-n", rootDir}), slices.Equal(args, []string{rootDir, "!=", "/"}):
		r.either = true
		return true, true
	case len(args) == 3 && args[1] == "-eq":
		a, notA := strconv.Atoi(args[0])
		b, notB := strconv.Atoi(args[2])
		return a == b, notA == nil && notB == nil
	}
	return false, false
}

// both is test(1) with two conditions that both have to hold. Neither may ask for what can
// be added: nothing says which of them failed.
func (r *run) both(a, b []string) (holds, ok bool) {
	before := r.lacks
	first, ok := r.evaluate(a)
	second, too := r.evaluate(b)
	return first && second, ok && too && r.lacks == before
}
