// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// compareFlags compares file flags with those of the pkg database, as far as a
// layer can carry them. Several names share those of their inode. Directories
// are left out: one that a lower layer made immutable stays so, whatever a
// package of an upper one says of it.
func compareFlags(r *artifact.Root, pkgs []pkgdb.Installed) []error {
	type inode struct {
		subject       string // of its first name
		found, wanted map[string]bool
	}
	inodes := map[string]*inode{}
	var order []*inode
	for _, p := range pkgs {
		for _, f := range p.Files {
			n := r.Tree.Lookup(f.Path)
			if n == nil || n.Type == tree.Dir || !f.Known {
				continue // which is told, or the database does not know them
			}
			name := n.Path
			if n.Type == tree.Hardlink {
				name = n.Link
			}
			at := inodes[name]
			if at == nil {
				at = &inode{p.FullName() + ": " + f.Path, map[string]bool{}, map[string]bool{}}
				inodes[name] = at
				order = append(order, at)
			}
			addFlags(at.found, n.Flags)
			if f.Flags != nil {
				carried, _ := tarfile.KnownFlags(pkgfile.FormatFlags(*f.Flags))
				addFlags(at.wanted, carried)
			}
		}
	}
	var errs []error
	for _, at := range order {
		c := pkgdb.Comparison{Subject: at.subject}
		c.Fact("flags", flagText(at.found), flagText(at.wanted))
		errs = append(errs, c.Errs...)
	}
	return errs
}

func addFlags(set map[string]bool, flags string) {
	for name := range strings.SplitSeq(flags, ",") {
		if name != "" {
			set[name] = true
		}
	}
}

func flagText(set map[string]bool) string {
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(set)), ","), "none")
}
