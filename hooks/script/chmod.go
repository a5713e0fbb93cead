// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"slices"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/tree"
)

// CanChmod reports whether the script of a package can be done: other files than
// the package's own may be written already.
func CanChmod(t *tree.Tree, chmods []Chmod, own func(*tree.Node) bool) bool {
	return !slices.ContainsFunc(chmods, func(c Chmod) bool {
		n := t.Resolve(c.Path)
		return n == nil || n.Type != tree.Dir && !own(n)
	})
}

// ChangesFiles reports whether scripts give a mode to anything but a directory
// that the package names: which names a file has, only its archive tells.
func ChangesFiles(m *pkgfile.Manifest) bool {
	for _, s := range m.InstallScripts() {
		e, _ := Recognise(s.Text)
		for _, c := range e.Chmods {
			if !slices.ContainsFunc(m.Dirs, func(d pkgfile.Dir) bool { return d.Path == c.Path }) {
				return true
			}
		}
	}
	return false
}
