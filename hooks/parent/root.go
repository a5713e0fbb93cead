// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"context"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/tree"
)

// Root returns the tree of the image as one that packages can be put into: its nodes
// know their packages. What no package has counts as generated, and a directory of none
// as listed in an mtree file, so that one of a package decides its attributes. Of owners
// the numbers count, as for whoever extracts the layers: their names may be absent, or
// those of the host that packed them.
func (i *Image) Root(ctx context.Context) (*tree.Tree, error) {
	t := new(tree.Tree)
	owners, accounts := i.Whole.Owners(), i.Whole.Accounts
	for n := range i.Whole.Tree.Until(ctx) {
		own := *n
		own.Uname, own.Gname = accounts.UserOf(n.UID, n.Uname), accounts.GroupOf(n.GID, n.Gname)
		switch owner := owners.Of(n.Path); {
		case owner != "":
			own.Origin, own.Package = tree.Packaged, owner
		case n.Type == tree.Dir:
			own.Origin = tree.Listed
		default:
			own.Origin = tree.Generated
		}
		if err := t.Put(own); err != nil {
			return nil, err
		}
	}
	return t, ctx.Err()
}

// Add makes the pkg database of an image that stands on this one: see Content.Add.
func (i *Image) Add(ctx context.Context, dir string, pkgs []pkgdb.Installed, requested map[string]bool, epoch int64, schema pkgdb.Schema) (*pkgdb.Image, error) {
	i.mu.Lock() // a Content is not for concurrent use
	defer i.mu.Unlock()
	return i.Whole.Content.Add(ctx, dir, pkgs, requested, epoch, schema)
}
