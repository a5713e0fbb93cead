// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"slices"
	"strconv"
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
	modes   map[string]uint32
	groups  map[string]etc.Group // by name
	users   map[string]etc.User
	members map[string]map[string]bool // of groups
	shells  map[string]bool
	text    func(path string) []byte
}

// scriptedBy reads the scripts of packages. One that cannot be applied was skipped.
func scriptedBy(r *artifact.Root, pkgs []pkgdb.Installed) *scripted {
	by := &scripted{modes: map[string]uint32{}, groups: map[string]etc.Group{}, users: map[string]etc.User{}, shells: map[string]bool{},
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
		by.groups[g.Name] = g
	}
	for _, u := range e.Users {
		by.users[u.Name] = u
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
	if by.text == nil {
		return false
	}
	text := by.text(n.Path)
	var texts [][]byte
	switch n.Path {
	case etc.GroupFile:
		texts = etc.Undo(text, by.isGroup, by.withoutMembers)
	case etc.MasterFile:
		texts = etc.Undo(text, by.isUser, nil)
	case etc.ShellsFile:
		texts = etc.Undo(text, func(line string) bool { return by.shells[line] }, nil)
	}
	return slices.ContainsFunc(texts, func(text []byte) bool { return sum.Of(wanted.Kind(), text) == wanted.Typed() })
}

// isGroup reports whether a line of group(5) is the one that a script adds.
func (by *scripted) isGroup(line string) bool {
	f := strings.Split(line, ":")
	g, has := by.groups[f[0]]
	if !has || len(f) != 4 || f[1] != "*" || !isNumber(f[2], g.GID) {
		return false
	}
	for member := range strings.FieldsFuncSeq(f[3], func(c rune) bool { return c == ',' }) {
		if !by.members[g.Name][member] {
			return false
		}
	}
	return true
}

// isUser reports whether a line of master.passwd(5) is the one that a script adds.
func (by *scripted) isUser(line string) bool {
	f := strings.Split(line, ":")
	u, has := by.users[f[0]]
	return has && len(f) == 10 && f[1] == "*" && isNumber(f[2], u.UID) && isNumber(f[3], u.Group) &&
		slices.Equal(f[4:], []string{u.Class, "0", "0", u.Gecos, u.Home, u.Shell})
}

// isNumber reports whether a number is the wanted one, or any but root's if none is.
func isNumber(found, wanted string) bool {
	if _, err := strconv.ParseUint(wanted, 10, 32); err != nil { // none, or the name of a group
		n, err := strconv.ParseUint(found, 10, 32)
		return err == nil && n > 0
	}
	return found == wanted
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
