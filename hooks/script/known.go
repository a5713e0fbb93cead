// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/shell"
)

// known is a program that scripts of base packages call, and where FreeBSD has
// it.
type known struct {
	dir  string
	call func(r *run, args []string, env map[string]string) bool
}

// knownPrograms are the programs that scripts of base packages consist of
// (FreeBSD's packages/*/*.ucl and, before 15, release/packages/*.ucl), with those of
// etc.Derivations, and those that the ports framework calls (Keywords/*.ucl,
// Mk/Scripts/do-users-groups.sh). A call that does anything but what generators and
// Effects do is unknown.
var knownPrograms = withDerivations(map[string]known{
	"certctl":   {"/usr/sbin/", callCertctl},
	"chmod":     {"/bin/", callChmod},
	"kldxref":   {"/usr/sbin/", callKldxref},
	"cp":        {"/bin/", callCp},
	"indexinfo": {"/usr/local/bin/", callIndexinfo},
	"install":   {"/usr/bin/", callInstall},
	"ldconfig":  {"/sbin/", callLdconfig},
	"pw":        {"/usr/sbin/", callPw},
	"service":   {"/usr/sbin/", callService},
})

// withDerivations adds the programs of all derivations.
func withDerivations(all map[string]known) map[string]known {
	for _, d := range etc.Derivations {
		dir, name := path.Split(d.Command.Program)
		all[name] = known{dir, func(_ *run, args []string, _ map[string]string) bool { return asks(d.Command, args) }}
	}
	return all
}

// asks reports whether a call requests a derivation and nothing else.
func asks(c etc.Command, args []string) bool {
	given, operands, ok := options(unordered(args), c.Flags+c.Needs, strings.Join(slices.Collect(maps.Keys(c.Values)), ""))
	for letter, path := range c.Values {
		ok = ok && isPath(given[letter], path)
	}
	for _, letter := range strings.Split(c.Needs, "") {
		_, has := given[letter]
		ok = ok && has
	}
	return ok && len(operands) == 1 && slices.ContainsFunc(c.Operands, func(path string) bool { return isPath(operands[0], path) })
}

// program finds the program of a command by its name or full path.
func program(word string) (known, bool) {
	k, ok := knownPrograms[path.Base(word)]
	return k, ok && (word == path.Base(word) || word == k.dir+path.Base(word))
}

// call checks the call of a program and the variables that it gets.
func (r *run) call(words []string) bool {
	switch words[0] {
	case "echo":
		return !strings.ContainsAny(strings.Join(words, " "), "$`")
	case "cd":
		return len(words) == 2 && words[1] == "/"
	case "exit":
		return r.dead
	case "set":
		r.args = words[min(2, len(words)):]
		return len(words) > 1 && words[1] == "--"
	case "env", "/usr/bin/env":
		words = words[1:]
	}
	env, rest := shell.Assignments(words)
	if len(rest) == 0 {
		return len(words) > 0 && r.assign(words)
	}
	k, ok := program(rest[0])
	return ok && (len(env) == 0 || path.Base(rest[0]) == "certctl") && k.call(r, rest[1:], env)
}

// options parses options as getopt(3) does. A letter of valued has a value; a letter
// in neither list is unknown.
func options(args []string, flags, valued string) (given map[string]string, rest []string, ok bool) {
	given = map[string]string{}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		letters := args[0][1:]
		if args = args[1:]; letters == "-" {
			break
		}
		for letters != "" && letters[0] != '$' {
			letter := letters[:1]
			letters = letters[1:]
			if strings.Contains(flags, letter) {
				given[letter] = ""
				continue
			}
			if !strings.Contains(valued, letter) {
				return nil, nil, false
			}
			if letters == "" && len(args) > 0 {
				letters, args = args[0], args[1:]
			}
			given[letter], letters = letters, ""
		}
		if letters != "" {
			return nil, nil, false
		}
	}
	return given, args, true
}

// unordered drops the variables by which packages are built for a byte order. Some
// scripts still have them, unset.
func unordered(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(w string) bool { return w == "${CAP_MKDB_ENDIAN}" || w == "${PWD_MKDB_ENDIAN}" })
}

// metalog is a word that becomes options only where pkg writes a METALOG.
var metalog = regexp.MustCompile(`^\$\{PKG_METALOG:\+(?:-U )?-M ?\$\{PKG_METALOG\}(?: -U)?\}$`)

// callCertctl is certctl(8) with rehash. -c made copies instead of links.
func callCertctl(_ *run, args []string, env map[string]string) bool {
	args = slices.DeleteFunc(slices.Clone(args), metalog.MatchString)
	o, verb, ok := options(args, "Ucv", "DM")
	dest, given := o["D"]
	if !given {
		dest = env["DESTDIR"]
	}
	for name := range env {
		ok = ok && name == "DESTDIR"
	}
	return ok && isPath(dest, "/") && slices.Equal(verb, []string{"rehash"})
}

// maxChmods bounds the paths whose mode a script changes. FreeBSD's change one.
const maxChmods = 100

var octal = regexp.MustCompile(`^0?[0-7]{1,4}$`)

// callChmod is chmod(1) with a mode in octal digits, or u+w for a file that was just
// copied.
func callChmod(r *run, args []string, _ map[string]string) bool {
	e := r.e
	if n := len(e.Samples); n > 0 && len(args) == 2 && args[0] == "u+w" && e.Samples[n-1].To == args[1] {
		e.Samples[n-1].Writable = true
		return true
	}
	_, rest, ok := options(args, "fv", "")
	if !ok || len(rest) < 2 || !octal.MatchString(rest[0]) {
		return false
	}
	mode, err := strconv.ParseUint(rest[0], 8, 12)
	for _, word := range rest[1:] {
		name, in := inRoot(word)
		if err != nil || !in {
			return false
		}
		e.Chmods = append(e.Chmods, Chmod{name, uint32(mode)})
	}
	return len(e.Chmods) <= maxChmods
}

// callKldxref is kldxref(8), which writes the hints by which a running kernel finds
// its modules. Containers run on the host's kernel.
func callKldxref(r *run, args []string, _ map[string]string) bool {
	_, dirs, ok := options(args, "Rv", "")
	for _, word := range dirs {
		name, in := inRoot(word)
		ok = ok && in && strings.HasPrefix(name, "/boot/")
		r.e.Without = name + "/linker.hints"
	}
	return ok && len(dirs) > 0
}
