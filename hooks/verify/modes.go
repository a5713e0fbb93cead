// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"slices"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/tree"
)

// chmods are the modes that scripts of packages have given to paths of a root,
// which its pkg database does not know. A script that cannot be done was skipped.
func chmods(r *artifact.Root, pkgs []pkgdb.Installed) map[string]uint32 {
	modes := map[string]uint32{}
	for _, p := range pkgs {
		for _, s := range p.InstallScripts() {
			e, _ := script.Recognise(s.Text)
			if e.Chmods == nil {
				continue
			}
			own := func(n *tree.Node) bool {
				return slices.ContainsFunc(p.Files, func(f pkgfile.File) bool { return f.Path == n.Path })
			}
			if !script.CanChmod(r.Tree, e.Chmods, own) {
				continue
			}
			for _, c := range e.Chmods {
				modes[r.Tree.Resolve(c.Path).Path] = c.Mode
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
	return a.Perm, pkgdb.AsDatabase
}
