// SPDX-License-Identifier: BSD-2-Clause

package closure

import (
	"slices"
	"strings"

	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tree"
)

// startedFrom are the folders whose files people and rc(8) start, besides those
// of the image's PATH. Files in folders named libexec are started by programs
// that know whether they need them.
var startedFrom = []string{
	"/bin", "/sbin", "/rescue", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/etc/rc.d", "/usr/local/etc/rc.d",
}

// scripts finds scripts whose interpreter is missing.
func (c *check) scripts() {
	nodes := c.in(slices.Concat(startedFrom, c.commandPath())...)
	if len(c.Cmd) > 0 {
		if n := c.program(c.Cmd[0], c.commandPath()); n != nil {
			nodes = append(nodes, n)
		}
	}
	seen := map[string]bool{} // files, under any name, by path
	for _, n := range nodes {
		file := c.Tree.Resolve(n.Path)
		if seen[file.Path] {
			continue
		}
		seen[file.Path] = true
		if line := c.Files.Asks(file).Script; line != "" {
			c.interpreter(n, shebang.Parse(line))
		}
	}
}

// interpreter checks what starts a script, and what env(1) then starts.
func (c *check) interpreter(n *tree.Node, i shebang.Interpreter) {
	if i.Path == "" {
		return // sh runs it itself
	}
	if !c.isFile(i.Path) {
		if !c.excused("interpreter", n, i.Path) {
			c.fault(n, "is a script for "+i.Path+", which is not in the image", i.Path)
		}
		return
	}
	dirs := i.Folders
	if dirs == nil {
		dirs = c.commandPath()
	}
	if i.Program == "" || c.program(i.Program, dirs) != nil {
		return
	}
	names := []string{i.Program}
	for _, dir := range slices.Concat(dirs, startedFrom) { // an exception may say where it would be
		names = append(names, dir+"/"+i.Program)
	}
	if !c.excused("interpreter", n, names...) {
		c.fault(n, "is a script for "+i.Program+", which is "+notIn(i.Program, dirs), i.Program)
	}
}

// command reports that the image lacks what it starts.
func (c *check) command() {
	if len(c.Cmd) == 0 {
		return
	}
	name, dirs := c.Cmd[0], c.commandPath()
	if c.program(name, dirs) == nil && !c.excepted(c.Known.Missing, "program:"+name) {
		c.gap(&Gap{"cmd", "", "starts " + name + ", which is " + notIn(name, dirs), name})
	}
}

// program finds a program as a shell does, nil if it is missing.
func (c *check) program(name string, dirs []string) *tree.Node {
	if strings.Contains(name, "/") {
		dirs = []string{""}
	}
	for _, dir := range dirs {
		if n := c.Tree.Resolve(dir + "/" + name); n != nil && n.Type == tree.File {
			return n
		}
	}
	return nil
}

// commandPath are the folders of the image's PATH.
func (c *check) commandPath() []string {
	value := define.Path
	for _, e := range c.Env {
		if strings.HasPrefix(e, "PATH=") {
			value = e
		}
	}
	return strings.Split(strings.TrimPrefix(value, "PATH="), ":")
}
