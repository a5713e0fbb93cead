// SPDX-License-Identifier: BSD-2-Clause

// Package tree holds a root file system as a value: nodes with owner, mode,
// flags, time and link, but no contents.
//
// Since a root need not be on a disk, nothing here needs privilege, neither
// umask nor clock affects the result, and no symbolic link is followed. The
// rules that a kernel would enforce are enforced here instead: a path stays
// inside the root, a parent is a directory, and two packages cannot own one
// path.
package tree

import (
	"context"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/orlop/orlop/pkgdb/until"
)

// Tree is a root file system. The zero value is empty; Put adds the root
// directory with the first node. It may be read concurrently, as long as nobody
// changes it.
type Tree struct {
	list  *List // has the nodes, and maybe others
	index index

	mu    sync.Mutex
	order []uint32 // numbers of nodes, by path
	fresh []uint32 // those that are not yet in order
}

// PathError is a path that cannot be in a root file system.
type PathError struct {
	Path   string
	Reason string
}

func (e *PathError) Error() string { return fmt.Sprintf("%q: %s", e.Path, e.Reason) }

// ConflictError is a path that two owners claim in incompatible ways.
type ConflictError struct {
	Path   string
	A, B   string // who, in the order of their claims
	Reason string // what differs
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s: in both %s and %s: %s", e.Path, e.A, e.B, e.Reason)
}

// Unmet reports that the request cannot be met.
func (*ConflictError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *ConflictError) Parts() (what, where, found, wanted string) {
	return "in both " + e.A + " and " + e.B + ": " + e.Reason, e.Path, "", ""
}

// CheckPath reports whether p is an absolute, clean path inside the root: "/" or
// "/a/b", without empty, "." or ".." components and without NUL.
func CheckPath(p string) error {
	if p == "/" {
		return nil
	}
	if !strings.HasPrefix(p, "/") {
		return &PathError{p, "path is not absolute"}
	}
	for c := range strings.SplitSeq(p[1:], "/") {
		switch c {
		case "":
			return &PathError{p, "path has an empty component"}
		case ".", "..":
			return &PathError{p, "path has the component " + c}
		}
	}
	if strings.IndexByte(p, 0) >= 0 {
		return &PathError{p, "path has a NUL byte"}
	}
	return nil
}

// Parent returns the parent directory of p; that of "/" is "/".
func Parent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return "/"
}

// Len returns the number of nodes.
func (t *Tree) Len() int { return t.index.used }

// Lookup returns a copy of the node at path, or nil.
func (t *Tree) Lookup(path string) *Node {
	var n Node // on the stack of a caller that does not keep it
	if !t.read(path, &n) {
		return nil
	}
	return &n
}

// read sets a node to the one at path, and reports whether there is one.
func (t *Tree) read(path string, n *Node) bool {
	i := t.index.find(t.list, path)
	if i < 0 {
		return false
	}
	t.list.Read(i, n)
	return true
}

// All yields every node in the byte order of its path, so a directory comes
// before its contents. A node is valid until the next one, and changing it does
// not change the tree.
func (t *Tree) All() iter.Seq[*Node] { return t.Until(context.Background()) }

// Until is All, but ends with the context: afterwards the caller checks the
// context to know whether it got everything.
func (t *Tree) Until(ctx context.Context) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		order, err := t.inOrder(ctx)
		if err != nil {
			return
		}
		var n Node
		for _, i := range order {
			if t.list.Read(int(i), &n); ctx.Err() != nil || !yield(&n) {
				return
			}
		}
	}
}

// Settle computes the order of the nodes before its first use, which takes a
// second for millions.
func (t *Tree) Settle(ctx context.Context) error {
	_, err := t.inOrder(ctx)
	return err
}

// inOrder returns the numbers of all nodes in the order of their paths. It sorts
// only those that are new, and merges.
func (t *Tree) inOrder(ctx context.Context) ([]uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.fresh) == 0 {
		return t.order, nil
	}
	if err := until.Sort(ctx, t.fresh, t.compare); err != nil {
		return nil, err
	}
	if len(t.order) == 0 {
		t.order, t.fresh = t.fresh, nil
		return t.order, nil
	}
	merged := make([]uint32, 0, len(t.order)+len(t.fresh))
	old, fresh := t.order, t.fresh
	for len(old) > 0 && len(fresh) > 0 {
		if t.compare(old[0], fresh[0]) < 0 {
			merged, old = append(merged, old[0]), old[1:]
		} else {
			merged, fresh = append(merged, fresh[0]), fresh[1:]
		}
	}
	t.order, t.fresh = append(append(merged, old...), fresh...), nil
	return t.order, nil
}

// compare orders two nodes by their paths.
func (t *Tree) compare(a, b uint32) int {
	return strings.Compare(t.list.Path(int(a)), t.list.Path(int(b)))
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

// Clone returns a tree that can be changed without changing t.
func (t *Tree) Clone() *Tree {
	if t.list == nil {
		return new(Tree)
	}
	c := &Tree{list: t.list.clone(), index: t.index, order: slices.Clone(t.order), fresh: slices.Clone(t.fresh)}
	c.index.slots = slices.Clone(t.index.slots)
	return c
}

// Of is the tree of some nodes of a list, which it keeps: the numbers of the root
// and of all its contents, in the byte order of their paths. The directory of
// each is among them.
func Of(list *List, order []uint32) *Tree {
	t := &Tree{list: list, order: order}
	t.index.grow(list, 1<<bits.Len(uint(len(order)*4/3+7)))
	for _, i := range order {
		t.index.add(list, int(i))
	}
	return t
}

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
