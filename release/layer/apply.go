// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/release/tree"
)

// The marks of things that a layer takes away (image-spec, layer.md, Whiteouts).
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// IsWhiteout reports whether an entry stands for something that it takes away.
func IsWhiteout(n *tree.Node) bool { return strings.HasPrefix(base(n), whiteout) }

func base(n *tree.Node) string { return n.Path[strings.LastIndexByte(n.Path, '/')+1:] }

// checkWhiteout refuses one that names nothing, or what lies outside its
// directory.
func checkWhiteout(n *tree.Node) error {
	if !IsWhiteout(n) {
		return nil
	}
	if name := base(n)[len(whiteout):]; name == "" || name == "." || name == ".." {
		return fmt.Errorf("is a whiteout of %q, which is no name", name)
	}
	if n.Type != tree.File {
		return fmt.Errorf("is a whiteout and a %s, wanted a file", n.Type)
	}
	return nil
}

// Apply puts the entries of a layer over a tree: first it takes away what the
// whiteouts name, which are about lower layers only, then it adds the rest. It
// passes over what has no place, and tells each.
func Apply(t *tree.Tree, nodes []*tree.Node) error {
	for _, n := range nodes {
		switch dir := tree.Parent(n.Path); {
		case base(n) == opaque:
			t.Empty(dir)
		case IsWhiteout(n):
			t.Remove(strings.TrimSuffix(dir, "/") + "/" + base(n)[len(whiteout):])
		}
	}
	var errs []error
	for _, n := range nodes {
		if IsWhiteout(n) {
			continue
		}
		err := t.Overlay(*n)
		if conflict, ok := errors.AsType[*tree.ConflictError](err); ok {
			err = fmt.Errorf("lies below %s, which is a %s in a lower layer", conflict.Path, t.Lookup(conflict.Path).Type)
		}
		if err != nil {
			errs = append(errs, &FormatError{n.Path, err})
		}
	}
	return errors.Join(errs...)
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
// name its inode, and none may stand in an immutable directory. Of each that is
// immutable it tells the first entry that comes too late.
func CheckExtraction(layers [][]*tree.Node) error {
	locked := map[string]bool{} // paths of immutable inodes
	first := map[string]string{}
	late := map[string]bool{} // those of which an entry is told
	var errs []error
	fault := func(path, of, what string) {
		if !late[of] {
			errs = append(errs, &FormatError{path, errors.New(what)})
		}
		late[of] = true
	}
	for _, nodes := range layers {
		for _, n := range nodes {
			if dir := tree.Parent(n.Path); locked[dir] && n.Path != "/" {
				fault(n.Path, dir, "comes after its directory "+dir+" became immutable")
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
				fault(n.Path, inode, "names an inode that became immutable before")
			}
			if Immutable(n.Flags) {
				locked[n.Path], locked[inode] = true, true
			}
		}
	}
	return errors.Join(errs...)
}
