// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tree"
)

// startedFrom are the folders whose files people and rc(8) start, with those of
// the image's PATH. What lies in folders named libexec is started by programs
// that know whether they need it.
var startedFrom = []string{
	"/bin", "/sbin", "/rescue", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/etc/rc.d", "/usr/local/etc/rc.d",
}

// scripts finds those whose interpreter is not there.
func (c *closure) scripts() {
	nodes := c.in(slices.Concat(startedFrom, c.commandPath())...)
	if len(c.def.Cmd) > 0 {
		if n := c.program(c.def.Cmd[0], c.commandPath()); n != nil {
			nodes = append(nodes, n)
		}
	}
	seen := map[*tree.Node]bool{} // by whatever name
	for _, n := range nodes {
		file := c.tree.Resolve(n.Path)
		if seen[file] {
			continue
		}
		seen[file] = true
		if line := c.firstLine(file); line != "" {
			c.interpreter(n, shebang.Parse(line))
		}
	}
}

// interpreter looks for what starts a script, and for what env(1) starts in turn.
func (c *closure) interpreter(n *tree.Node, i shebang.Interpreter) {
	if i.Path == "" {
		return // sh takes it for one of its own
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
	for _, dir := range slices.Concat(dirs, startedFrom) { // an exception may say where it would lie
		names = append(names, dir+"/"+i.Program)
	}
	if !c.excused("interpreter", n, names...) {
		c.fault(n, "is a script for "+i.Program+", which is "+notIn(i.Program, dirs), i.Program)
	}
}

// command finds that what the image starts is not there.
func (c *closure) command() {
	if len(c.def.Cmd) == 0 {
		return
	}
	name, dirs := c.def.Cmd[0], c.commandPath()
	if c.program(name, dirs) == nil && !c.excepted(c.known.Missing, "program:"+name) {
		c.errs = append(c.errs, &IncompleteError{"cmd", "", "starts " + name + ", which is " + notIn(name, dirs), name})
	}
}

// program finds one as a shell does, nil where it is not there.
func (c *closure) program(name string, dirs []string) *tree.Node {
	if strings.Contains(name, "/") {
		dirs = []string{""}
	}
	for _, dir := range dirs {
		if n := c.tree.Resolve(dir + "/" + name); n != nil && n.Type == tree.File {
			return n
		}
	}
	return nil
}

// commandPath are the folders of the image's PATH.
func (c *closure) commandPath() []string {
	value := define.Path
	for _, e := range c.def.Env {
		if strings.HasPrefix(e, "PATH=") {
			value = e
		}
	}
	return strings.Split(strings.TrimPrefix(value, "PATH="), ":")
}

// firstLine is that of a script, after #!, "" for another file.
func (c *closure) firstLine(n *tree.Node) string {
	if f := c.owner(n); f != nil {
		return f.asks.Scripts[n.Path]
	}
	return shebang.Of(c.content(n.Path))
}

// text is what a file has in the end, whose contents are mostly at hand.
func (c *closure) text(n *tree.Node) []byte {
	n = c.tree.Resolve(n.Path)
	text, f := c.content(n.Path), c.owner(n)
	if text != nil || f == nil {
		return text
	}
	text, err := c.run.reread(c.ctx, f, n.Path)
	if err != nil {
		c.errs = append(c.errs, err)
	}
	return text
}

// reread reads a file of a package that no hook has asked for before: one to
// which a link leads.
func (r *run) reread(ctx context.Context, f *fetched, path string) ([]byte, error) {
	pkg, err := r.reopen(ctx, f)
	if err != nil {
		return nil, err
	}
	defer pkg.Close()
	for {
		e, err := pkg.Next()
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if e.File != nil && e.Path() == path && e.HardLink == "" {
			return f.read(pkg, e)
		}
	}
}
