// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/shell"
	"github.com/orlop/orlop/release/tree"
)

// chmod is what a script asks of chmod(1).
type chmod struct {
	path string
	mode uint32
}

// effects are what a script does beside what generators do wherever their input
// is there.
type effects struct {
	chmods []chmod
	// without is what the program makes that an image has no use for, "" for nothing.
	without string
}

// known is a program that scripts of base packages call, and where FreeBSD has
// it.
type known struct {
	dir  string
	call func(args []string, env map[string]string, e *effects) bool
}

// knownPrograms are the programs that scripts of base packages consist of
// (FreeBSD's packages/*/*.ucl and, before 15, release/packages/*.ucl). A call that
// asks for anything else than what generators do is not understood. Byte orders
// are left out: the machine decides them.
var knownPrograms = map[string]known{
	"pwd_mkdb":      {"/usr/sbin/", callPwdMkdb},
	"services_mkdb": {"/usr/sbin/", callServicesMkdb},
	"cap_mkdb":      {"/usr/bin/", callCapMkdb},
	"certctl":       {"/usr/sbin/", callCertctl},
	"chmod":         {"/bin/", callChmod},
	"kldxref":       {"/usr/sbin/", callKldxref},
}

// program finds the one that a command names, by its name or its whole path.
func program(word string) (known, bool) {
	k, ok := knownPrograms[path.Base(word)]
	return k, ok && (word == path.Base(word) || word == k.dir+path.Base(word))
}

// rootDir is how scripts call the root that a package is installed in.
const rootDir = "${PKG_ROOTDIR}"

// inRoot is a path that a script names in the image.
func inRoot(word string) (string, bool) {
	name, ok := strings.CutPrefix(word, rootDir)
	if ok && name != "" && name[0] != '/' || strings.ContainsAny(name, "$`*?[~{") {
		return "", false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "." || part == ".." {
			return "", false
		}
	}
	return path.Clean("/" + name), ok
}

// isPath reports whether a word names that path in the image.
func isPath(word, want string) bool {
	got, ok := inRoot(word)
	return ok && got == want
}

// options takes options of getopt(3) off. A letter of valued has a value; a
// letter that is in neither list is not understood.
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

// callPwdMkdb is pwd_mkdb(8), which makes passwd, too. -i is to ignore locks, -B
// and -L were byte orders.
func callPwdMkdb(args []string, _ map[string]string, _ *effects) bool {
	o, files, ok := options(args, "iNpBL", "d")
	_, passwd := o["p"]
	return ok && passwd && isPath(o["d"], "/etc") && len(files) == 1 && isPath(files[0], "/etc/master.passwd")
}

// callServicesMkdb is services_mkdb(8), of a file or of the root that it is in.
func callServicesMkdb(args []string, _ map[string]string, _ *effects) bool {
	o, files, ok := options(args, "bdlq", "o")
	_, local := o["d"]
	return ok && !local && isPath(o["o"], "/var/db/services.db") && len(files) == 1 &&
		(isPath(files[0], "/") || isPath(files[0], "/etc/services"))
}

// callCapMkdb is cap_mkdb(1).
func callCapMkdb(args []string, _ map[string]string, _ *effects) bool {
	_, files, ok := options(args, "blv", "")
	return ok && len(files) == 1 && isPath(files[0], "/etc/login.conf")
}

// metalog is a word that becomes options only where pkg writes a METALOG.
var metalog = regexp.MustCompile(`^\$\{PKG_METALOG:\+(?:-U )?-M ?\$\{PKG_METALOG\}(?: -U)?\}$`)

// callCertctl is certctl(8) where it makes all that it can. -c had copies made
// in the place of links.
func callCertctl(args []string, env map[string]string, _ *effects) bool {
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

var octal = regexp.MustCompile(`^0?[0-7]{1,4}$`)

// callChmod is chmod(1) with a mode in octal digits.
func callChmod(args []string, _ map[string]string, e *effects) bool {
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
		e.chmods = append(e.chmods, chmod{name, uint32(mode)})
	}
	return true
}

// callKldxref is kldxref(8), which makes the list by which a kernel that runs
// finds its modules. Containers run on another one.
func callKldxref(args []string, _ map[string]string, e *effects) bool {
	_, dirs, ok := options(args, "Rv", "")
	for _, word := range dirs {
		name, in := inRoot(word)
		ok = ok && in && strings.HasPrefix(name, "/boot/")
		e.without = name + "/linker.hints"
	}
	return ok && len(dirs) > 0
}

// maxScript bounds, in bytes, a script that is looked into. Known ones have some
// hundred.
const maxScript = 64 << 10

// recognise tells what a script does, if it consists of nothing but calls that
// are understood.
func recognise(script string) (effects, bool) {
	var e effects
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
			return effects{}, false
		}
	}
	return e, true
}

// command takes the next command off, with the condition before it.
func (e *effects) command(cmds []shell.Command) (rest []shell.Command, ok bool) {
	if block, rest := ifBlock(cmds); block != nil {
		runs, ok := condition(block.test.Words)
		into := e
		if ok && !runs {
			into = new(effects) // of what is not done
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

// plain reports whether a command just runs, and the next one after it.
func plain(c *shell.Command) bool {
	return c.Err == nil && c.Quiet() && slices.Contains([]string{"\n", ";", "&&", ""}, c.End)
}

// block is "if" and what belongs to it.
type block struct {
	test shell.Command
	body []shell.Command
}

// ifBlock takes a block off that commands begin with, nil for none.
func ifBlock(cmds []shell.Command) (*block, []shell.Command) {
	if len(cmds) < 3 || cmds[0].Words == nil || cmds[0].Words[0] != "if" || !plain(&cmds[0]) || cmds[0].End == "&&" ||
		cmds[1].Words == nil || cmds[1].Words[0] != "then" {
		return nil, cmds
	}
	b := &block{test: cmds[0]}
	b.test.Words = b.test.Words[1:]
	if first := cmds[1]; len(first.Words) > 1 {
		first.Words = first.Words[1:]
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
		b.body = append(b.body, c)
	}
	return nil, cmds
}

// condition tells whether a command is one that is known to hold, or not to. The
// programs that packages look for have their generators here.
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

var assignment = regexp.MustCompile(`^([A-Za-z_]\w*)=(.*)$`)

// call looks into the call of a program, and into the variables that it gets.
func (e *effects) call(words []string) bool {
	if len(words) > 0 && (words[0] == "env" || words[0] == "/usr/bin/env") {
		words = words[1:]
	}
	env := map[string]string{}
	for len(words) > 0 {
		m := assignment.FindStringSubmatch(words[0])
		if m == nil {
			break
		}
		env[m[1]], words = m[2], words[1:]
	}
	if len(words) == 0 {
		return false
	}
	k, ok := program(words[0])
	return ok && (len(env) == 0 || path.Base(words[0]) == "certctl") && k.call(words[1:], env, e)
}

// isQuestion reports whether a script does nothing, or without
// ASSUME_ALWAYS_YES asks whether to go on. Packages of kernels had one.
func isQuestion(cmds []shell.Command) bool {
	const arm, asked = "[Yy][Ee][Ss] [Tt][Rr][Uu][Ee]) exit 0 ;;", "case ${ASSUME_ALWAYS_YES} in"
	var words []string
	for i := range cmds {
		c := &cmds[i]
		if c.Err != nil || !c.Quiet() {
			return false
		}
		switch {
		case len(c.Words) > 0 && c.Words[0] == "echo" && !strings.ContainsAny(c.String(), "$`") && plain(c):
			continue
		case i < 4 || c.String() == "" && c.End == ";;":
		case !slices.Contains([]string{"*)", "continue", "esac", "read ANSWER", "case ${ANSWER} in"}, c.String()):
			return false
		}
		words = append(words, c.Words...)
		if c.End == ";;" {
			words = append(words, c.End)
		}
	}
	return strings.HasPrefix(strings.Join(words, " "), asked+" "+arm)
}

// chmod makes the tree what chmod(1) in a script of a package would, and reports
// whether it can: other files than the package's own may be written already.
func (m *member) chmod(by *fetched, c chmod) bool {
	n := m.tree.Resolve(c.path)
	if n == nil || n.Type == tree.File && m.owner(n) != by {
		return false
	}
	m.tree.SetMode(n.Path, c.mode)
	return true
}

// changesFiles reports whether scripts give a mode to anything but a directory
// that the package names: which names a file has, only its archive tells.
func changesFiles(m *pkgfile.Manifest) bool {
	for _, s := range m.InstallScripts() {
		e, _ := recognise(s.Text)
		for _, c := range e.chmods {
			if !slices.ContainsFunc(m.Dirs, func(d pkgfile.Dir) bool { return d.Path == c.path }) {
				return true
			}
		}
	}
	return false
}

// chmods are the modes that scripts of packages have given to paths of a root,
// which its pkg database does not know.
func (r *Root) chmods(pkgs []pkgdb.Installed) map[string]uint32 {
	modes := map[string]uint32{}
	for _, p := range pkgs {
		for _, s := range p.InstallScripts() {
			e, _ := recognise(s.Text)
			for _, c := range e.chmods {
				if n := r.Tree.Resolve(c.path); n != nil {
					modes[n.Path] = c.mode
				}
			}
		}
	}
	return modes
}

// modeOf is the one that a row of the pkg database says, or a script.
func (r *Root) modeOf(n *tree.Node, a pkgfile.Attr) uint32 {
	path := n.Path
	if n.Type == tree.Hardlink {
		path = n.Link
	}
	if mode, ok := r.modes[path]; ok {
		return mode
	}
	return a.Perm
}
