// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"slices"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/tree"
)

// CanChmod reports whether the chmod calls of a package's script can be applied:
// only to directories and the package's own files, since other files may be
// written already.
func CanChmod(t *tree.Tree, chmods []Chmod, own func(*tree.Node) bool) bool {
	return !slices.ContainsFunc(chmods, func(c Chmod) bool {
		n := t.Resolve(c.Path)
		return n == nil || n.Type != tree.Dir && !own(n)
	})
}

// ChangesFiles reports whether scripts change the mode of anything but a directory
// of the package: only the archive says which names a file has.
func ChangesFiles(m *pkgfile.Manifest) bool {
	for _, s := range m.InstallScripts() {
		e, _ := Of(m, s)
		for _, c := range e.Chmods {
			if !slices.ContainsFunc(m.Dirs, func(d pkgfile.Dir) bool { return d.Path == c.Path }) {
				return true
			}
		}
	}
	return false
}
