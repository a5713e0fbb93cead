// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// scripted is what scripts of installed packages change in a root, which its pkg database
// does not have.
type scripted struct {
	modes                 map[string]uint32
	groups, users, shells map[string]bool // that lines of files are for
	members               map[string]map[string]bool
	text                  func(path string) []byte
}

// scriptedBy reads the scripts of packages. One that cannot be applied was skipped.
func scriptedBy(r *artifact.Root, pkgs []pkgdb.Installed) *scripted {
	by := &scripted{modes: map[string]uint32{}, groups: map[string]bool{}, users: map[string]bool{}, shells: map[string]bool{},
		members: map[string]map[string]bool{}, text: r.Edited}
	for _, p := range pkgs {
		for _, s := range p.InstallScripts() {
			e, _ := script.Of(p.Manifest, s)
			by.accounts(&e)
			if e.Chmods == nil {
				continue
			}
			own := func(n *tree.Node) bool {
				_, is := p.Files.Find(n.Path)
				return is
			}
			if !script.CanChmod(r.Tree, e.Chmods, own) {
				continue
			}
			for _, c := range e.Chmods {
				by.modes[r.Tree.Resolve(c.Path).Path] = c.Mode
			}
		}
	}
	return by
}

// accounts notes the lines that a script adds to files.
func (by *scripted) accounts(e *script.Effects) {
	for _, g := range e.Groups {
		by.groups[g.Name] = true
	}
	for _, u := range e.Users {
		by.users[u.Name] = true
		for _, group := range u.Groups {
			by.member(group, u.Name)
		}
	}
	for _, m := range e.Members {
		by.member(m.Group, m.User)
	}
	for _, path := range e.Shells {
		by.shells[path] = true
	}
}

func (by *scripted) member(group, user string) {
	if by.members[group] == nil {
		by.members[group] = map[string]bool{}
	}
	by.members[group][user] = true
}

// edits reports whether a file is the one of its package, but for lines that scripts of
// packages add.
func (by *scripted) edits(n *tree.Node, wanted sum.Sum) bool {
	text := by.text(n.Path)
	if text == nil {
		return false
	}
	named := func(names map[string]bool) func(line string) bool {
		return func(line string) bool {
			name, _, _ := strings.Cut(line, ":")
			return names[name]
		}
	}
	var texts [][]byte
	switch n.Path {
	case etc.GroupFile:
		texts = etc.Undo(text, named(by.groups), by.withoutMembers)
	case etc.MasterFile:
		texts = etc.Undo(text, named(by.users), nil)
	case etc.ShellsFile:
		texts = etc.Undo(text, func(line string) bool { return by.shells[line] }, nil)
	}
	return slices.ContainsFunc(texts, func(text []byte) bool { return sum.Of(wanted.Kind(), text) == wanted.Typed() })
}

// withoutMembers is a line of group(5) without the members at its end that scripts add.
func (by *scripted) withoutMembers(line string) string {
	name, _, _ := strings.Cut(line, ":")
	added, at := by.members[name], strings.LastIndexByte(line, ':')
	if added == nil || at < 0 {
		return line
	}
	members := strings.Split(line[at+1:], ",")
	for n := len(members); n > 0 && added[members[n-1]]; n = len(members) {
		members = members[:n-1]
	}
	return line[:at+1] + strings.Join(members, ",")
}

// modeOf returns the wanted mode, and whether a script or the pkg database says so.
func (by *scripted) modeOf(n *tree.Node, a pkgfile.Attr) (mode uint32, says string) {
	path := n.Path
	if n.Type == tree.Hardlink {
		path = n.Link
	}
	if mode, ok := by.modes[path]; ok {
		return mode, "as a script sets it"
	}
	return a.Perm, pkgdb.AsDatabase
}
