// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/shell"
)

// The commands of oci_image_build, and what each means for an image.

const masterPasswd = "/etc/master.passwd"

var variableName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// call reads a command of the function.
func (c *conf) call(at *shell.Command) error {
	words := at.Words
	if words[0] == "cat" {
		return c.cat(at)
	}
	if !at.Quiet() {
		return notUnderstood(at.String()+" "+at.Redirects[0].Op, "output to /dev/null only")
	}
	isAssignment := func(w string) bool { _, _, is := shell.Assignment(w); return is }
	switch {
	case words[0] == "local":
		return c.assign(words[1:], true)
	case words[0] == "env" || words[0] == "/usr/bin/env":
		return c.certctl(words[1:])
	case isAssignment(words[0]) && isAssignment(words[len(words)-1]):
		return c.assign(words, false)
	case isAssignment(words[0]):
		return c.certctl(words)
	}
	calls := map[string]func([]string) error{"install_packages": c.installPackages, "set_cmd": c.setCmd, "mtree": c.mtree,
		"cp": c.cp, "rm": c.rm, "mkdir": c.mkdir, "pwd_mkdb": c.pwdMkdb, "return": c.end}
	name := words[0]
	for _, dir := range []string{"/bin/", "/usr/sbin/", "/usr/bin/"} {
		name = strings.TrimPrefix(name, dir)
	}
	read := calls[name]
	if read == nil {
		return notUnderstood(at.String(), "a command as FreeBSD's own definitions have it: install_packages ${abi} ${workdir} PACKAGE..., "+
			"set_cmd ${workdir} COMMAND, mtree, cp, rm, mkdir, pwd_mkdb, env ... certctl, cat, local, case ${branch}")
	}
	return read(words)
}

// end is "return 0", which must come last.
func (c *conf) end(words []string) error {
	if strings.Join(words, " ") != "return 0" || len(c.left) == 0 || c.left[0].String() != "}" {
		return notUnderstood(strings.Join(words, " "), "return 0 as the last command")
	}
	return nil
}

// assign reads NAME=VALUE... Locals may have no values.
func (c *conf) assign(words []string, local bool) error {
	for _, w := range words {
		name, value, given := strings.Cut(w, "=")
		if !variableName.MatchString(name) || !given && !local {
			return notUnderstood(w, "NAME=VALUE")
		}
		if _, taken := c.given()[name]; taken {
			return notUnderstood(w, "another name: make-oci-image.sh has this one")
		}
		if !given {
			delete(c.vars, name)
			continue
		}
		value, err := c.expand(value)
		if err != nil {
			return err
		}
		c.vars[name] = value
	}
	return nil
}

// callOf requires a call of a function of make-oci-image.sh with its first
// words.
func callOf(words []string, first ...string) ([]string, error) {
	n := len(first)
	if len(words) <= n || !slices.Equal(words[:n], first) {
		return nil, notUnderstood(strings.Join(words, " "), strings.Join(first, " ")+" and more words")
	}
	return words[n:], nil
}

func (c *conf) setCmd(words []string) (err error) {
	if words, err = callOf(words, "set_cmd", "${workdir}"); err == nil {
		if err = plainWords(words); err == nil {
			c.Image.Cmd = words
		}
	}
	return err
}

// installPackages reads names and patterns of packages.
func (c *conf) installPackages(words []string) error {
	words, err := callOf(words, "install_packages", "${abi}", "${workdir}")
	if err != nil {
		return err
	}
	for _, w := range words {
		if _, set := c.vars["m"]; w == "${m}" && !set {
			continue // a slip in FreeBSD's first minimal image: empty, as in sh(1)
		}
		name, err := c.expand(w)
		if err == nil {
			err = plainWords([]string{name})
		}
		if err != nil {
			return err
		}
		if name == w {
			c.Image.Packages = append(c.Image.Packages, name)
		} else {
			c.Image.Packages = append(c.Image.Packages, strings.Fields(name)...)
		}
	}
	return nil
}

// flags takes letters of options off the words of a command; those in need are
// required.
func flags(words []string, need, may string) (rest []string, ok bool) {
	given := ""
	rest = words[1:]
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		given, rest = given+rest[0][1:], rest[1:]
	}
	ok = strings.Trim(given, need+may) == ""
	for _, letter := range need {
		ok = ok && strings.ContainsRune(given, letter)
	}
	return rest, ok
}

// valued takes options with a value, such as "-d FOLDER", out of the words of a
// command.
func valued(words []string, names ...string) (values map[string]string, rest []string) {
	values = map[string]string{}
	for i := 0; i < len(words); i++ {
		if slices.Contains(names, words[i]) && i+1 < len(words) {
			values[words[i]] = words[i+1]
			i++
			continue
		}
		rest = append(rest, words[i])
	}
	return values, rest
}

// mtree reads "mtree -deU -p FOLDER -f FILE".
func (c *conf) mtree(words []string) (err error) {
	values, rest := valued(words, "-p", "-f")
	if left, ok := flags(rest, "deU", "iq"); !ok || len(left) > 0 || len(values) != 2 {
		return notUnderstood(strings.Join(words, " "), "mtree -deU -p FOLDER -f FILE")
	}
	m := Mtree{}
	if m.Prefix, err = c.target(values["-p"]); err != nil {
		return err
	}
	if m.Source, err = c.source(values["-f"]); err != nil {
		return err
	}
	m.Path = "/" + m.Source
	for _, img := range c.known {
		for _, k := range img.Mtree {
			if k.Source == m.Source {
				m.Taken = k.Taken
			}
		}
	}
	c.Image.Mtree = append(c.Image.Mtree, m)
	return nil
}

// folders are those into which files are copied under their own names.
var folders = []string{"/", "/bin", "/boot", "/etc", "/lib", "/libexec", "/root", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/libexec",
	"/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/etc/pkg", "/usr/local/etc/pkg/repos", "/usr/sbin", "/usr/share", "/usr/share/misc", "/var"}

// cp reads "cp FILE TARGET", where the file is in the source tree.
func (c *conf) cp(words []string) error {
	rest, ok := flags(words, "", "fp")
	if !ok || len(rest) != 2 {
		return notUnderstood(strings.Join(words, " "), "cp FILE TARGET")
	}
	source, err := c.source(rest[0])
	if err != nil {
		return err
	}
	target, err := c.target(rest[1])
	if err != nil {
		return err
	}
	if strings.HasSuffix(rest[1], "/") || slices.Contains(folders, target) || c.made[target] > 0 {
		target = path.Join(target, path.Base(source))
	}
	f := File{Taken: Taken{Path: target, Source: source}, Target: target, Mode: 0o644}
	if k, ok := c.knownFile(source, target); ok {
		f.Taken, f.Mode, f.Optional = k.Taken, k.Mode, k.Optional
		if len(f.From) == 0 {
			f.Path = target
		}
	}
	c.Image.Files = append(c.Image.Files, f)
	return nil
}

// knownFile is what FreeBSD's definitions say about a file of the source tree,
// preferably for the same target.
func (c *conf) knownFile(source, target string) (best File, found bool) {
	for _, name := range StandardNames() {
		for _, f := range c.known[name].Files {
			if f.Source == source && (!found || f.Target == target) {
				best, found = f, true
			}
		}
	}
	return best, found
}

// rm reads "rm FILE...": packages replace these files.
func (c *conf) rm(words []string) error {
	rest, ok := flags(words, "", "f")
	if !ok || len(rest) == 0 {
		return notUnderstood(strings.Join(words, " "), "rm FILE...")
	}
	if len(c.Image.Packages) > 0 {
		return notUnderstood(strings.Join(words, " "), "it before install_packages, whose files an image keeps")
	}
	for _, w := range rest {
		target, err := c.target(w)
		if err == nil && target == "/" {
			err = notUnderstood(w, "a file")
		}
		if err != nil {
			return err
		}
		c.Image.Replaces, c.Removes = append(c.Image.Replaces, target), append(c.Removes, target)
	}
	return nil
}

// mkdir reads "mkdir -p FOLDER..." for folders that files are put into: they
// come with the files.
func (c *conf) mkdir(words []string) error {
	rest, ok := flags(words, "p", "")
	for _, w := range rest {
		target, err := c.target(w)
		if err != nil {
			return err
		}
		c.made[target] = c.line
	}
	if !ok || len(rest) == 0 {
		return notUnderstood(strings.Join(words, " "), "mkdir -p FOLDER...")
	}
	return nil
}

// pwdMkdb reads "pwd_mkdb -p -d ETC MASTER.PASSWD". The databases are made
// wherever master.passwd is.
func (c *conf) pwdMkdb(words []string) error {
	values, rest := valued(words, "-d")
	etc, noEtc := c.target(values["-d"])
	rest, ok := flags(rest, "p", "i")
	if !ok || len(rest) != 1 || noEtc != nil || etc != "/etc" {
		return notUnderstood(strings.Join(words, " "), "pwd_mkdb -p -d ${workdir}/rootfs/etc ${workdir}/rootfs/etc/master.passwd")
	}
	file, err := c.target(rest[0])
	if err == nil && file != masterPasswd {
		err = notUnderstood(rest[0], "${workdir}/rootfs"+masterPasswd)
	}
	return err
}
