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
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/orlop/orlop/pkgdb/until"
)

// Tree is a root file system. The zero value is empty; Put adds the root
// directory with the first node. It may be read concurrently, as long as nobody
// changes it.
type Tree struct {
	nodes map[string]*Node
	order atomic.Pointer[[]*Node] // by path; nil if it must be computed again
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
func (t *Tree) Len() int { return len(t.nodes) }

// Lookup returns the node at path, or nil. The caller must not change it.
func (t *Tree) Lookup(path string) *Node { return t.nodes[path] }

// All yields every node in the byte order of its path, so a directory comes
// before its contents.
func (t *Tree) All() iter.Seq[*Node] {
	return slices.Values(t.sorted())
}

// Until is All, but ends with the context: afterwards the caller checks the
// context to know whether it got everything.
func (t *Tree) Until(ctx context.Context) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		order, err := t.inOrder(ctx)
		if err != nil {
			return
		}
		for _, n := range order {
			if ctx.Err() != nil || !yield(n) {
				return
			}
		}
	}
}

// sorted is every node in the order of paths.
func (t *Tree) sorted() []*Node {
	if order := t.order.Load(); order != nil {
		return *order
	}
	return t.keepOrder(slices.Sorted(maps.Keys(t.nodes)))
}

func (t *Tree) inOrder(ctx context.Context) ([]*Node, error) {
	if order := t.order.Load(); order != nil {
		return *order, nil
	}
	paths, err := until.Sorted(ctx, maps.Keys(t.nodes))
	if err != nil {
		return nil, err
	}
	return t.keepOrder(paths), nil
}

// keepOrder keeps the order of the nodes until one is added.
func (t *Tree) keepOrder(paths []string) []*Node {
	order := make([]*Node, len(paths))
	for i, p := range paths {
		order[i] = t.nodes[p]
	}
	t.order.Store(&order)
	return order
}

// Settle computes the order of the nodes before its first use, which takes a
// second for millions.
func (t *Tree) Settle(ctx context.Context) error {
	_, err := t.inOrder(ctx)
	return err
}

func (t *Tree) put(n *Node) {
	t.nodes[n.Path] = n
	t.order.Store(nil)
}

// Clone returns a tree that can be changed without changing t.
func (t *Tree) Clone() *Tree {
	c := &Tree{nodes: make(map[string]*Node, len(t.nodes))}
	for p, n := range t.nodes {
		m := *n
		c.nodes[p] = &m
	}
	return c
}

// Of is the tree of some nodes, which it keeps: the root and all its contents,
// in the byte order of their paths. The directory of each is among them.
func Of(nodes []*Node) *Tree {
	t := &Tree{nodes: make(map[string]*Node, len(nodes))}
	for _, n := range nodes {
		t.nodes[n.Path] = n
	}
	t.order.Store(&nodes)
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
	old := t.nodes[n.Path]
	if old == nil {
		t.put(&n)
		return nil
	}
	if old.Type != Dir || n.Type != Dir {
		return &ConflictError{n.Path, old.Owner(), n.Owner(), clash(old, &n)}
	}
	switch {
	case n.Origin > old.Origin:
		*old = n
	case n.Origin == Packaged && old.Origin == Packaged && !n.sameAttributes(old):
		return &ConflictError{n.Path, old.Owner(), n.Owner(), fmt.Sprintf(
			"directory is %s in the first, %s in the second", attributes(old), attributes(&n))}
	case n.Origin == Listed && old.Origin == Listed:
		*old = n // a later mtree file refines an earlier one, as mtree -U does
	}
	return nil
}

// Replace replaces the file or link at n's path, which a hook or a parent image
// left there. It reports false if nothing can be replaced.
func (t *Tree) Replace(n Node) bool {
	old := t.nodes[n.Path]
	if old == nil || old.Type == Dir || n.Type == Dir {
		return false
	}
	t.put(&n)
	return true
}

// SetTime sets the time of the node at path.
func (t *Tree) SetTime(path string, seconds int64) { t.nodes[path].Time = seconds }

// SetFlags sets the file flags of the node at path.
func (t *Tree) SetFlags(path, flags string) { t.nodes[path].Flags = flags }

// SetMode sets the mode of the node at path, under all names of a file.
func (t *Tree) SetMode(path string, mode uint32) {
	t.nodes[path].Mode = mode
	if t.nodes[path].Type == Dir {
		return
	}
	for _, n := range t.nodes {
		if n.Type == Hardlink && n.Link == path {
			n.Mode = mode
		}
	}
}

// SetOwner sets the numeric owners of the node at path.
func (t *Tree) SetOwner(path string, uid, gid int) {
	n := t.nodes[path]
	n.UID, n.GID = uid, gid
}

func (t *Tree) makeParents(n *Node) error {
	if t.nodes == nil {
		t.nodes = map[string]*Node{}
	}
	if n.Path == "/" {
		if n.Type != Dir {
			return &PathError{"/", "the root is not a directory"}
		}
		return nil
	}
	for p := Parent(n.Path); ; p = Parent(p) {
		switch old := t.nodes[p]; {
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
