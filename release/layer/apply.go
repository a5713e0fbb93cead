// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"fmt"
	"strings"

	"github.com/orlop/orlop/release/tree"
)

// The marks of things that a layer takes away (image-spec, layer.md, Whiteouts).
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// Apply puts the entries of a layer over a tree: first it takes away what the
// whiteouts name, which are about lower layers only, then it adds the rest.
func Apply(t *tree.Tree, nodes []*tree.Node) error {
	for _, n := range nodes {
		base := n.Path[strings.LastIndexByte(n.Path, '/')+1:]
		dir := tree.Parent(n.Path)
		switch {
		case base == opaque:
			t.Empty(dir)
		case strings.HasPrefix(base, whiteout):
			t.Remove(strings.TrimSuffix(dir, "/") + "/" + base[len(whiteout):])
		}
	}
	for _, n := range nodes {
		if strings.HasPrefix(n.Path[strings.LastIndexByte(n.Path, '/')+1:], whiteout) {
			continue
		}
		if err := t.Overlay(*n); err != nil {
			return &FormatError{"", err}
		}
	}
	return nil
}

// immutable are the flags after which an inode can neither change nor move.
var immutable = map[string]bool{"schg": true, "uchg": true, "sappnd": true, "uappnd": true, "sunlnk": true, "uunlnk": true, "rdonly": true}

// Immutable reports whether any of the file flags keeps a later entry from
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
// name its inode, and none may stand in an immutable directory.
func CheckExtraction(layers [][]*tree.Node) error {
	locked := map[string]bool{} // paths of immutable inodes
	first := map[string]string{}
	for _, nodes := range layers {
		for _, n := range nodes {
			if dir := tree.Parent(n.Path); locked[dir] && n.Path != "/" {
				return &FormatError{n.Path, fmt.Errorf("comes after its directory %s became immutable", dir)}
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
				return &FormatError{n.Path, fmt.Errorf("names an inode that became immutable before")}
			}
			if Immutable(n.Flags) {
				locked[n.Path], locked[inode] = true, true
			}
		}
	}
	return nil
}
