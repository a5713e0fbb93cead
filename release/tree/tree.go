// SPDX-License-Identifier: BSD-2-Clause

// Package tree holds a root file system as a value: nodes with owner, mode,
// flags, time and link, but no contents.
//
// Since a root need not stand on a disk, nothing here needs privilege, no umask
// or clock reaches the result, and no symbolic link is followed. The
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

// Tree is a root file system. The zero value is an empty one; Put adds the
// root directory with the first node. Several may read it at a time, if nobody
// changes it.
type Tree struct {
	nodes map[string]*Node
	order atomic.Pointer[[]*Node] // by path; nil where that must be found out again
}

// PathError is a path that cannot stand in a root file system.
type PathError struct {
	Path   string
	Reason string
}

func (e *PathError) Error() string { return fmt.Sprintf("%q: %s", e.Path, e.Reason) }

// ConflictError is a path that two parties claim in ways that exclude each other.
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

// CheckPath reports whether p is an absolute, clean path that stays in the
// root: "/" or "/a/b", without empty, "." or ".." components and without NUL.
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

// Parent returns the directory that holds p; that of "/" is "/".
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

// All yields every node in the order of the bytes of its path, so that a
// directory comes before what it holds.
func (t *Tree) All() iter.Seq[*Node] {
	return slices.Values(t.sorted())
}

// Until is All, but ends with the context: who has gone through it asks that
// whether it was all.
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

// Settle finds out the order of the nodes ahead of its first use, which of
// millions takes a second.
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

// Of is the tree of some nodes, which it keeps: the root and all that it holds, in
// the order of the bytes of their paths. Each lies in a directory that is one of
// them.
func Of(nodes []*Node) *Tree {
	t := &Tree{nodes: make(map[string]*Node, len(nodes))}
	for _, n := range nodes {
		t.nodes[n.Path] = n
	}
	t.order.Store(&nodes)
	return t
}

// Put adds n and, where they are missing, its parents as Implicit directories
// (0755 root:wheel). A directory may be put again: the higher Origin decides
// its attributes, and two packages must agree. Anything else at a path that is
// taken is a ConflictError, as is a parent that is no directory.
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

// Replace puts n in the place of the file or link at its path, which a hook
// or a parent image left there. It reports false where nothing can be replaced.
func (t *Tree) Replace(n Node) bool {
	old := t.nodes[n.Path]
	if old == nil || old.Type == Dir || n.Type == Dir {
		return false
	}
	t.put(&n)
	return true
}

// SetTime gives the node at path its time.
func (t *Tree) SetTime(path string, seconds int64) { t.nodes[path].Time = seconds }

// SetFlags gives the node at path its file flags.
func (t *Tree) SetFlags(path, flags string) { t.nodes[path].Flags = flags }

// SetMode gives the node at path its mode, under all names of a file.
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

// SetOwner gives the node at path its numeric owners.
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
