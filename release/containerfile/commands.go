// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"slices"
	"strings"
)

// do translates a command by its name.
func (r *runner) do(c *call) error {
	switch c.name {
	case "pkg", "pkg-static":
		return r.pkg(c)
	case "mkdir":
		return r.makeFolders(c)
	case "install":
		return r.install(c)
	case "chown", "chgrp":
		return r.chown(c)
	case "chmod":
		return r.chmod(c)
	case "ln":
		return r.link(c)
	case "cp":
		return r.copyFiles(c)
	case "mv":
		return r.move(c)
	case "rm", "rmdir", "unlink":
		return r.removeFiles(c)
	case "touch":
		return r.touch(c)
	case "sed", "gsed":
		return r.sed(c)
	case "pw":
		return r.pw(c)
	case "adduser":
		return r.adduser(c)
	case "sysrc":
		return r.sysrc(c)
	case "service":
		return r.service(c)
	case "fetch", "curl", "wget":
		return r.fetch(c)
	case "tar", "bsdtar", "unzip":
		return r.unpack(c)
	case "cd", "export", "unset", "local", "readonly":
		return r.builtin(c)
	}
	return r.program(c)
}

// noted are commands without which the image is the same, and why.
var noted = []struct{ names, reason string }{
	{"set umask true : false sleep sync hash", "it concerns only the shell that runs the commands"},
	{"echo printf cat ls uname id whoami date pwd printenv which whereis type df du ps head tail wc file stat sysctl", "it only prints"},
	{"grep egrep fgrep test [ cmp diff readelf ldd ping ping6 host drill route ifconfig", "it only checks"},
	{"ldconfig", "the linker's hints are made from the files of the image"},
	{"pwd_mkdb cap_mkdb services_mkdb certctl newaliases", "this file is made from the files of the image"},
	{"exit return", "nothing is run that could fail"},
}

// harmless reports whether a command makes nothing that the image needs.
func (r *runner) harmless(name string) bool {
	return slices.ContainsFunc(noted, func(n struct{ names, reason string }) bool {
		return slices.Contains(strings.Fields(n.names), name)
	})
}

// program is a command that has no meaning for an image, or one that is not known.
func (r *runner) program(c *call) error {
	for _, n := range noted {
		if slices.Contains(strings.Fields(n.names), c.name) {
			return &needless{n.reason}
		}
	}
	words := c.words()
	if len(words) == 1 && slices.Contains([]string{"--version", "-version", "-V", "-v", "version", "--help"}, words[0]) {
		return &needless{"it only prints a version"}
	}
	if c.name == "nginx" && len(words) > 0 && words[0] == "-t" || c.name == "varnishd" && len(words) > 0 && words[0] == "-C" {
		return &needless{"it only checks a configuration"}
	}
	switch c.name {
	case "git":
		return fmt.Errorf("nothing is fetched by git: give the files as a tree, or an archive with its sum")
	case "make", "gmake", "cmake", "ninja", "cc", "c++", "clang", "gcc", "meson", "configure":
		return fmt.Errorf("it compiles: give what it makes as files or as a package")
	case "go", "cargo", "pip", "pip3", "npm", "pnpm", "yarn", "gem", "uv", "bundle", "composer":
		return fmt.Errorf("it is a language's package tool: give what it makes as files or as a package")
	}
	return errCommand
}

// builtin carries out what changes the shell itself.
func (r *runner) builtin(c *call) error {
	words := c.words()
	switch c.name {
	case "cd":
		if len(words) != 1 || words[0] == "-" {
			return fmt.Errorf("it is not known where it leads")
		}
		r.cwd = resolve(r.cwd, words[0])
	case "unset":
		for _, name := range words {
			delete(r.vars, name)
		}
	default:
		for _, text := range words {
			if name, value1, is := strings.Cut(text, "="); is && isName(name) {
				r.vars[name] = value{text: value1}
			}
		}
	}
	return nil
}

// options splits the arguments into short options and operands. Those in takes have a
// value. Long options are kept with their dashes.
func options(c *call, takes string) (flags map[string]string, operands []field) {
	flags = map[string]string{}
	args := c.args
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if a.text == "--" {
			return flags, append(operands, args...)
		}
		if strings.HasPrefix(a.text, "--") {
			name, text, _ := strings.Cut(a.text, "=")
			flags[name] = text
			continue
		}
		if len(a.text) < 2 || a.text[0] != '-' {
			operands = append(operands, a)
			continue
		}
		for rest := a.text[1:]; rest != ""; {
			name := rest[:1]
			rest = rest[1:]
			if !strings.Contains(takes, name) {
				flags[name] = ""
				continue
			}
			if rest == "" && len(args) > 0 {
				rest, args = args[0].text, args[1:]
			}
			flags[name] = rest
			break
		}
	}
	return flags, operands
}

// has reports whether one of some options was given.
func has(flags map[string]string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, is := flags[name]; return is })
}

// paths are operands as paths of the image; an error if a shell would replace one by
// names that are not known.
func (r *runner) paths(operands []field) ([]string, error) {
	var list []string
	for _, f := range operands {
		if f.glob {
			return nil, fmt.Errorf("%s is a pattern: name each path", shown(f.text))
		}
		list = append(list, resolve(r.cwd, f.text))
	}
	return list, nil
}
