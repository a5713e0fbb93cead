// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"slices"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/tree"
)

// What chmod(1) in scripts of packages changes. pkg's database has the modes that
// packages have.

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
