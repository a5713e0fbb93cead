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
