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
)

// Chmod is a call of chmod(1) in a script.
type Chmod struct {
	Path string
	Mode uint32
}

// Effects is what a script does in addition to what the generators do anyway.
type Effects struct {
	Chmods []Chmod
	// Without is a file that the script writes and an image does not need, "" for none.
	Without string
}

// known is a program that scripts of base packages call, and where FreeBSD has
// it.
type known struct {
	dir  string
	call func(args []string, env map[string]string, e *Effects) bool
}

// knownPrograms are the programs that scripts of base packages consist of
// (FreeBSD's packages/*/*.ucl and, before 15, release/packages/*.ucl), with those of
// etc.Derivations. A call that does anything but what generators do is unknown.
var knownPrograms = withDerivations(map[string]known{
	"certctl": {"/usr/sbin/", callCertctl},
	"chmod":   {"/bin/", callChmod},
	"kldxref": {"/usr/sbin/", callKldxref},
})

// withDerivations adds the programs of all derivations.
func withDerivations(all map[string]known) map[string]known {
	for _, d := range etc.Derivations {
		dir, name := path.Split(d.Command.Program)
		all[name] = known{dir, func(args []string, _ map[string]string, _ *Effects) bool { return asks(d.Command, args) }}
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

// rootDir is how scripts name the root that a package is installed in.
const rootDir = "${PKG_ROOTDIR}"

// inRoot returns the path in the image that a word of a script names.
func inRoot(word string) (string, bool) {
	name, ok := strings.CutPrefix(word, rootDir)
	if ok && name != "" && name[0] != '/' || strings.ContainsAny(name, "$`*?[~{\x00") {
		return "", false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "." || part == ".." {
			return "", false
		}
	}
	return path.Clean("/" + name), ok
}

// isPath reports whether a word names the wanted path in the image.
func isPath(word, want string) bool {
	got, ok := inRoot(word)
	return ok && got == want
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
func callCertctl(args []string, env map[string]string, _ *Effects) bool {
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

// callChmod is chmod(1) with a mode in octal digits.
func callChmod(args []string, _ map[string]string, e *Effects) bool {
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
func callKldxref(args []string, _ map[string]string, e *Effects) bool {
	_, dirs, ok := options(args, "Rv", "")
	for _, word := range dirs {
		name, in := inRoot(word)
		ok = ok && in && strings.HasPrefix(name, "/boot/")
		e.Without = name + "/linker.hints"
	}
	return ok && len(dirs) > 0
}
