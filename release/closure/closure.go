// SPDX-License-Identifier: BSD-2-Clause

// Package closure finds what the files and packages of an image need but the
// image lacks: words of "requires", targets of symbolic links, shared libraries,
// PAM modules, sources of nsswitch.conf, interpreters, and the program that a
// container starts. It works on a tree, so an image is checked before it is
// packed and again when it is read.
package closure

import (
	"context"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/tree"
)

// Image is the image to check.
type Image struct {
	Tree     *tree.Tree
	Cmd, Env []string
	Requires []Requirement
	Known    define.Exceptions // what may be missing
	Files    Files
}

// Requirement is a word of "requires" that no package provides.
type Requirement struct {
	What string
	By   []string // names of packages
}

// Files says about files what a tree does not.
type Files interface {
	// Owner is the package of a node, "" for none, and who made the node, for
	// messages: the package with its version, or somebody else.
	Owner(n *tree.Node) (pkg, by string)
	// Asks is what a file asks for when it runs.
	Asks(n *tree.Node) Asks
	// Texts returns the contents of files that name others, by path. It is asked for
	// many at once, since getting one may cost as much as getting all.
	Texts(ctx context.Context, nodes []*tree.Node) (map[string][]byte, error)
}

// Texts are the files that a check reads: their paths, and those of folders with a
// slash at the end.
func Texts() []string { return append([]string{NameSources, LibraryLists}, PolicyPath...) }

// Asks is what a file wants to be there when it runs.
type Asks struct {
	Needs  *elf.Needs // of a dynamically linked file; else nil
	Script string     // the first line after #! of a script, "" for other files
}

// Gap is something that an image lacks and that something in it needs.
type Gap struct {
	By    string // package, or whatever else made the file; "" if unknown
	Path  string // of the file; "" if the package itself needs it
	Wants string
	Lack  string // the missing library or word, if any
}

func (g *Gap) Error() string { return g.subject() + ": " + g.Wants }

// subject is what needs it.
func (g *Gap) subject() string {
	return strings.Join(slices.DeleteFunc([]string{g.By, g.Path}, func(s string) bool { return s == "" }), ": ")
}

// Wrong reports that the bytes exist and are wrong.
func (*Gap) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (g *Gap) Parts() (what, where, found, wanted string) {
	return g.Wants, g.subject(), "", g.Lack
}

// Lacks returns which library or word is missing, and what needs it.
func (g *Gap) Lacks() (what, by string) {
	return g.Lack, g.subject()
}

// Report is what a check found.
type Report struct {
	Gaps []error                   // Gaps, and errors from reading files
	Used map[define.Exception]bool // exceptions that cover something missing
}

// LinksAndWords checks what is known before a package is unpacked: words of
// packages, symbolic links, what small files name, and the program that starts.
func LinksAndWords(ctx context.Context, img *Image) Report {
	c := newCheck(ctx, img)
	c.early()
	return c.report
}

// Check checks everything.
func Check(ctx context.Context, img *Image) Report {
	c := newCheck(ctx, img)
	c.requirements()
	c.links()
	c.libraries()
	c.policies()
	c.nameSources()
	c.command()
	c.scripts()
	return c.report
}

// check is the check of one image.
type check struct {
	*Image
	ctx    context.Context // ends each loop
	report Report
}

func newCheck(ctx context.Context, img *Image) *check {
	return &check{img, ctx, Report{Used: map[define.Exception]bool{}}}
}

func (c *check) early() {
	c.requirements()
	c.links()
	c.policies()
	c.nameSources()
	c.command()
}

// requirements finds words of "requires" that no package provides. Libraries
// that packages require are left to the files that need them.
func (c *check) requirements() {
	for _, r := range c.Requires {
		for _, by := range r.By {
			if !c.exceptedFor(by, c.Known.Missing, r.What) {
				c.gap(&Gap{by, "", "requires " + r.What + ", which no package provides", r.What})
			}
		}
	}
}

// links finds dangling symbolic links.
func (c *check) links() {
	for n := range c.Tree.Until(c.ctx) {
		if n.Type == tree.Symlink && c.Tree.Resolve(n.Path) == nil && !c.excepted(c.Known.Dangling, n.Path) {
			c.fault(n, "links to "+n.Link+", which is not in the image", "")
		}
	}
}

func (c *check) gap(g *Gap) { c.report.Gaps = append(c.report.Gaps, g) }

// fault reports what a file needs and the image lacks, and the missing name if
// others may need the same.
func (c *check) fault(n *tree.Node, wants, lack string) {
	_, by := c.Files.Owner(n)
	c.gap(&Gap{by, n.Path, wants, lack})
}

// excepted reports whether an exception covers any of the names. Paths in the
// image are relative to the file that needs them.
func (c *check) excepted(list []define.Exception, names ...string) bool {
	by := ""
	for _, name := range names {
		if n := c.Tree.Lookup(name); n != nil {
			if pkg, _ := c.Files.Owner(n); pkg != "" {
				by = pkg
			}
		}
	}
	return c.exceptedFor(by, list, names...)
}

// exceptedFor is excepted for what a package needs.
func (c *check) exceptedFor(by string, list []define.Exception, names ...string) bool {
	found := false
	for _, e := range list {
		if e.Of(by) && slices.ContainsFunc(names, e.Match) {
			c.report.Used[e], found = true, true
		}
	}
	return found
}

// excused reports whether an exception of a kind covers something that a file
// needs, or the file.
func (c *check) excused(kind string, n *tree.Node, names ...string) bool {
	all := []string{n.Path, kind + ":" + n.Path}
	for _, name := range names {
		all = append(all, kind+":"+name)
	}
	return c.excepted(c.Known.Missing, all...)
}

// texts returns the contents of the files that nodes lead to, in the same order.
func (c *check) texts(nodes ...*tree.Node) [][]byte {
	if len(nodes) == 0 {
		return nil
	}
	files := make([]*tree.Node, len(nodes))
	for i, n := range nodes {
		files[i] = c.Tree.Resolve(n.Path)
	}
	found, err := c.Files.Texts(c.ctx, files)
	if err != nil {
		c.report.Gaps = append(c.report.Gaps, err)
	}
	texts := make([][]byte, len(nodes))
	for i, f := range files {
		texts[i] = found[f.Path]
	}
	return texts
}

// isFile reports whether a path leads to a file.
func (c *check) isFile(path string) bool {
	n := c.Tree.Resolve(path)
	return n != nil && n.Type == tree.File
}

// in lists what is in folders and is a file or leads to one, by path.
func (c *check) in(folders ...string) []*tree.Node {
	wanted := map[string]bool{}
	for _, dir := range folders {
		if n := c.Tree.Resolve(dir); n != nil && n.Type == tree.Dir {
			wanted[n.Path] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var nodes []*tree.Node
	for n := range c.Tree.Until(c.ctx) {
		if wanted[tree.Parent(n.Path)] && n.Type != tree.Dir && c.isFile(n.Path) {
			nodes = append(nodes, new(*n))
		}
	}
	return nodes
}
