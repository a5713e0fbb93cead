// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Change is a difference between two trees at one path.
type Change struct {
	Path string
	A, B *Node // nil if the path is only in the other tree
	What []string
}

// String describes the change in one line.
func (c Change) String() string {
	switch {
	case c.A == nil:
		return c.Path + ": added"
	case c.B == nil:
		return c.Path + ": removed"
	}
	return c.Path + ": " + strings.Join(c.What, ", ")
}

// Diff lists what differs from a to b, in path order. The origin of a node does
// not count. If the context has ended, the result is incomplete.
func Diff(ctx context.Context, a, b *Tree) []Change {
	var changes []Change
	for n := range a.All() {
		if ctx.Err() != nil {
			return nil
		}
		m := b.Lookup(n.Path)
		if m == nil {
			changes = append(changes, Change{Path: n.Path, A: new(*n)})
		} else if what := Differences(n, m); len(what) > 0 {
			changes = append(changes, Change{n.Path, new(*n), m, what})
		}
	}
	for m := range b.All() {
		if a.Lookup(m.Path) == nil {
			changes = append(changes, Change{Path: m.Path, B: new(*m)})
		}
	}
	slices.SortStableFunc(changes, func(x, y Change) int { return strings.Compare(x.Path, y.Path) })
	return changes
}

// Differences says in which attributes the second node differs from the first.
// Owner names that only one has do not count, since many tools write only
// numbers; nor does the mode of a symbolic link, which nobody uses.
func Differences(a, b *Node) []string {
	var what []string
	mode := b.Mode
	if a.Type == Symlink && b.Type == Symlink {
		mode = a.Mode
	}
	for _, attr := range []struct {
		name string
		a, b any
	}{
		{"type", a.Type, b.Type}, {"mode", octal(a.Mode), octal(mode)},
		{"uname", a.Uname, named(b.Uname, a.Uname)}, {"gname", a.Gname, named(b.Gname, a.Gname)}, {"uid", a.UID, b.UID}, {"gid", a.GID, b.GID},
		{"flags", a.Flags, b.Flags}, {"time", stamp(a.Time), stamp(b.Time)}, {"link", a.Link, b.Link},
		{"pax", cmp.Or(a.Records, "none"), cmp.Or(b.Records, "none")},
		{"size", a.Size, b.Size}, {"digest", a.Digest, b.Digest},
	} {
		if attr.a != attr.b {
			what = append(what, fmt.Sprintf("%s is %v, was %v", attr.name, attr.b, attr.a))
		}
	}
	return what
}

// named is a name to compare with another, and equals it if either is missing.
func named(name, other string) string {
	if name == "" || other == "" {
		return other
	}
	return name
}

// octal is a mode that prints in octal.
type octal uint32

func (o octal) String() string { return fmt.Sprintf("%04o", uint32(o)) }

// stamp is a time that prints as RFC 3339.
type stamp int64

func (s stamp) String() string { return time.Unix(int64(s), 0).UTC().Format(time.RFC3339) }
