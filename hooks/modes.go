// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"fmt"
	"slices"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/tree"
)

// What chmod(1) in scripts of packages changes. pkg's database has the modes that
// packages have.

// given is a mode that a script has given to a path.
type given struct {
	mode uint32
	by   *fetched
}

// canChmod reports whether the script of a package can be done: other files than
// the package's own may be written already.
func canChmod(t *tree.Tree, chmods []chmod, own func(*tree.Node) bool) bool {
	return !slices.ContainsFunc(chmods, func(c chmod) bool {
		n := t.Resolve(c.path)
		return n == nil || n.Type != tree.Dir && !own(n)
	})
}

// chmod makes the tree what chmod(1) in a script of a package would. What two
// packages want otherwise has no order that everybody sees.
func (m *member) chmod(by *fetched, c chmod) error {
	path := m.tree.Resolve(c.path).Path
	for at := m; at != nil; at = at.parent {
		if old, has := at.given[path]; has && old.by != by && old.mode != c.mode {
			return &tree.ConflictError{Path: path, A: old.by.FullName(), B: by.FullName(),
				Reason: fmt.Sprintf("their scripts give it the modes %04o and %04o", old.mode, c.mode)}
		}
	}
	if m.given == nil {
		m.given = map[string]given{}
	}
	m.given[path] = given{c.mode, by}
	m.tree.SetMode(path, c.mode)
	return nil
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
// which its pkg database does not know. A script that cannot be done was skipped.
func chmods(r *Root, pkgs []pkgdb.Installed) map[string]uint32 {
	modes := map[string]uint32{}
	for _, p := range pkgs {
		for _, s := range p.InstallScripts() {
			e, _ := recognise(s.Text)
			if e.chmods == nil {
				continue
			}
			own := func(n *tree.Node) bool {
				return slices.ContainsFunc(p.Files, func(f pkgfile.File) bool { return f.Path == n.Path })
			}
			if !canChmod(r.Tree, e.chmods, own) {
				continue
			}
			for _, c := range e.chmods {
				modes[r.Tree.Resolve(c.path).Path] = c.mode
			}
		}
	}
	return modes
}

// modeOf is the one that a row of the pkg database says, or a script, and which of
// them it is.
func modeOf(modes map[string]uint32, n *tree.Node, a pkgfile.Attr) (mode uint32, says string) {
	path := n.Path
	if n.Type == tree.Hardlink {
		path = n.Link
	}
	if mode, ok := modes[path]; ok {
		return mode, "as a script gives it"
	}
	return a.Perm, asDatabase
}
