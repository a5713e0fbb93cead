// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"context"
	"errors"

	"github.com/orlop/orlop/release/tree"
)

// localFolders gives the folders below /usr/local that the step's packages need, and none
// of them has, owner and mode as the ports tree has them. What an mtree file of a lower
// step says stays; what is left in an image that was there before does not.
func (m *Root) localFolders(ctx context.Context) error {
	seen, listed := map[string]bool{}, tree.LocalFolders()
	var errs []error
	for _, f := range m.Packages {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range f.Manifest.Files.Len() {
			for dir := tree.Parent(f.Manifest.Files.Path(i)); !seen[dir]; dir = tree.Parent(dir) {
				seen[dir] = true
				n, local := listed[dir]
				if !local {
					continue
				}
				if old := m.Tree.Lookup(dir); old.Type == tree.Dir && (old.Origin == tree.Implicit || m.leftOnBase(old)) {
					errs = append(errs, m.Tree.Put(n))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// leftOnBase reports whether a directory is as an image that was there before has it, and of
// no package.
func (m *Root) leftOnBase(n *tree.Node) bool {
	if m.Base == nil || n.Origin != tree.Listed {
		return false
	}
	old := m.Base.Whole.Tree.Lookup(n.Path)
	return old != nil && old.Mode == n.Mode && old.Uname == n.Uname && old.Gname == n.Gname
}
