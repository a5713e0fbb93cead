// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"context"
	"fmt"
)

// Put adds n and, if missing, its parents as Implicit directories (0755
// root:wheel). A directory may be put again: the higher Origin decides its
// attributes, and two packages must agree. Anything else at an occupied path is
// a ConflictError, as is a parent that is not a directory.
func (t *Tree) Put(n Node) error {
	if err := CheckPath(n.Path); err != nil {
		return err
	}
	if err := t.makeParents(&n); err != nil {
		return err
	}
	old := t.Lookup(n.Path)
	if old == nil {
		t.put(&n)
		return nil
	}
	if old.Type != Dir || n.Type != Dir {
		return &ConflictError{n.Path, old.Owner(), n.Owner(), clash(old, &n)}
	}
	switch {
	case n.Origin > old.Origin:
		t.put(&n)
	case n.Origin == Packaged && old.Origin == Packaged && !n.sameAttributes(old):
		return &ConflictError{n.Path, old.Owner(), n.Owner(), fmt.Sprintf(
			"directory is %s in the first, %s in the second", attributes(old), attributes(&n))}
	case n.Origin == Listed && old.Origin == Listed:
		t.put(&n) // a later mtree file refines an earlier one, as mtree -U does
	}
	return nil
}

// Replace replaces the file or link at n's path, which a hook or a parent image
// left there. It reports false if nothing can be replaced.
func (t *Tree) Replace(n Node) bool {
	old := t.Lookup(n.Path)
	if old == nil || old.Type == Dir || n.Type == Dir {
		return false
	}
	t.put(&n)
	return true
}

// Without returns a tree that lacks some nodes. A folder goes with all in it.
func (t *Tree) Without(ctx context.Context, gone func(*Node) bool) (*Tree, error) {
	left := new(Tree)
	for n := range t.Until(ctx) {
		if !gone(n) {
			left.put(n)
		}
	}
	return left, ctx.Err()
}

// SetTime sets the time of the node at path.
func (t *Tree) SetTime(path string, seconds int64) {
	t.change(path, func(n *Node) { n.Time = seconds })
}

// SetFlags sets the file flags of the node at path.
func (t *Tree) SetFlags(path, flags string) { t.change(path, func(n *Node) { n.Flags = flags }) }

// SetOwner sets the numeric owners of the node at path.
func (t *Tree) SetOwner(path string, uid, gid int) {
	t.change(path, func(n *Node) { n.UID, n.GID = uid, gid })
}

// SetAttributes sets mode and owner's names of the node at path alone.
func (t *Tree) SetAttributes(path string, mode uint32, uname, gname string) {
	t.change(path, func(n *Node) { n.Mode, n.Uname, n.Gname = mode, uname, gname })
}

// SetMode sets the mode of the node at path, under all names of a file.
func (t *Tree) SetMode(path string, mode uint32) {
	t.change(path, func(n *Node) { n.Mode = mode })
	if t.Lookup(path).Type == Dir {
		return
	}
	for n := range t.All() {
		if n.Type == Hardlink && n.Link == path {
			t.change(n.Path, func(n *Node) { n.Mode = mode })
		}
	}
}

// change changes the node at path, but for its path.
func (t *Tree) change(path string, edit func(n *Node)) {
	var n Node
	i := t.index.find(t.list, path)
	t.list.Read(i, &n)
	edit(&n)
	t.list.Set(i, &n)
}

func (t *Tree) makeParents(n *Node) error {
	if n.Path == "/" {
		if n.Type != Dir {
			return &PathError{"/", "the root is not a directory"}
		}
		return nil
	}
	for p := Parent(n.Path); ; p = Parent(p) {
		switch old := t.Lookup(p); {
		case old == nil:
			t.put(&Node{Path: p, Type: Dir, Mode: 0o755, Uname: "root", Gname: "wheel"})
		case old.Type != Dir:
			return &ConflictError{p, old.Owner(), n.Owner(), fmt.Sprintf(
				"a %s in the first, a directory that holds %s in the second", old.Type, n.Path)}
		default:
			return nil
		}
		if p == "/" {
			return nil
		}
	}
}

func clash(a, b *Node) string {
	if a.Type == b.Type {
		return "only one can own a " + a.Type.String()
	}
	return fmt.Sprintf("a %s in the first, a %s in the second", a.Type, b.Type)
}

func attributes(n *Node) string {
	s := fmt.Sprintf("%04o %s:%s", n.Mode, n.Uname, n.Gname)
	if n.Flags != "" {
		s += " " + n.Flags
	}
	return s
}

// put adds a node, or replaces the one at its path.
func (t *Tree) put(n *Node) {
	if t.list == nil {
		t.list = new(List)
	}
	i := t.index.find(t.list, n.Path)
	if i >= 0 {
		t.list.Set(i, n)
		return
	}
	i = t.list.Len()
	t.list.Append(n)
	t.index.add(t.list, i)
	t.fresh = append(t.fresh, uint32(i))
}
