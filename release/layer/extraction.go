// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/orlop/orlop/release/tree"
)

// immutable are the flags after which an inode can neither change nor move.
var immutable = map[string]bool{"schg": true, "uchg": true, "sappnd": true, "uappnd": true, "sunlnk": true, "uunlnk": true, "rdonly": true}

// Immutable reports whether any of the file flags prevents a later entry from
// touching the inode.
func Immutable(flags string) bool {
	for name := range strings.SplitSeq(flags, ",") {
		if immutable[name] {
			return true
		}
	}
	return false
}

// CheckExtraction models an extraction as FreeBSD's container storage does it,
// entry by entry with flags applied at once: after an immutable entry none may
// name its inode, and none may be in an immutable directory. For each immutable
// inode it reports the first entry that comes too late.
func CheckExtraction(ctx context.Context, layers []iter.Seq[*tree.Node]) error {
	locked := map[string]bool{} // paths of immutable inodes
	first := map[string]string{}
	late := map[string]bool{} // those with a reported entry
	var errs []error
	faulty := func(path, of, what string) {
		if !late[of] {
			errs = append(errs, &FormatError{Path: path, Err: errors.New(what), Shown: true})
		}
		late[of] = true
	}
	for _, nodes := range layers {
		for n := range nodes {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if dir := tree.Parent(n.Path); locked[dir] && n.Path != "/" {
				faulty(n.Path, dir, "comes after its directory "+dir+" became immutable")
			}
			inode := n.Path
			if n.Type == tree.Hardlink {
				inode = n.Link
				for first[inode] != "" {
					inode = first[inode]
				}
				first[n.Path] = inode
			}
			if locked[n.Path] || locked[inode] {
				faulty(n.Path, inode, "names an inode that became immutable before")
			}
			if Immutable(n.Flags) {
				locked[n.Path], locked[inode] = true, true
			}
		}
	}
	return errors.Join(errs...)
}
