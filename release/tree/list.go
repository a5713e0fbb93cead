// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"iter"
)

// List holds nodes in some order, in less room than nodes take: an entry is 48
// bytes besides its path, and a digest 32 more where it is known. What many
// nodes share, such as owners and mode, is held once. The zero value is empty.
type List struct {
	entries blocks[entry]
	digests blocks[Digest]
	shared  []shared
	numbers map[shared]uint32 // of shared
	rare    []rare
}

// entry is a node in short.
type entry struct {
	path   string
	time   int64
	size   int64
	shared uint32 // number in List.shared
	rare   uint32 // number in List.rare, counted from 1; 0 for none
	digest uint32 // number in List.digests, counted from 1; 0 for none
}

// shared is what usually many nodes have in common.
type shared struct {
	kind                       Type
	origin                     Origin
	mode                       uint32
	uid, gid                   int
	uname, gname, flags, owner string
}

// rare is what few nodes have.
type rare struct{ link, records string }

// Len returns the number of nodes.
func (l *List) Len() int { return l.entries.len }

// Append adds a copy of a node. It keeps the node's strings.
func (l *List) Append(n *Node) {
	e := l.entries.add()
	l.store(e, n)
}

// store writes a node into an entry.
func (l *List) store(e *entry, n *Node) {
	e.path, e.time, e.size = n.Path, n.Time, n.Size
	e.shared = l.number(e.shared, shared{n.Type, n.Origin, n.Mode, n.UID, n.GID, n.Uname, n.Gname, n.Flags, n.Package})
	switch r := (rare{n.Link, n.Records}); {
	case r == rare{}:
		e.rare = 0
	case e.rare == 0:
		l.rare = append(l.rare, r)
		e.rare = uint32(len(l.rare))
	default:
		l.rare[e.rare-1] = r
	}
	switch {
	case n.Digest == Digest{}:
		e.digest = 0
	case e.digest == 0:
		*l.digests.add() = n.Digest
		e.digest = uint32(l.digests.len)
	default:
		*l.digests.at(int(e.digest) - 1) = n.Digest
	}
}

// number returns the number of shared attributes. The guess and the newest are
// tried first, since neighbours are alike.
func (l *List) number(guess uint32, s shared) uint32 {
	if last := len(l.shared) - 1; last >= 0 {
		switch {
		case l.shared[last] == s:
			return uint32(last)
		case l.shared[guess] == s:
			return guess
		}
	}
	i, ok := l.numbers[s]
	if !ok {
		if l.numbers == nil {
			l.numbers = map[shared]uint32{}
		}
		i = uint32(len(l.shared))
		l.shared, l.numbers[s] = append(l.shared, s), i
	}
	return i
}

// Read sets a node to the one with an index.
func (l *List) Read(i int, n *Node) {
	e := l.entries.at(i)
	s := &l.shared[e.shared]
	*n = Node{Path: e.path, Type: s.kind, Mode: s.mode, Uname: s.uname, Gname: s.gname, UID: s.uid, GID: s.gid,
		Flags: s.flags, Time: e.time, Size: e.size, Origin: s.origin, Package: s.owner}
	if e.rare != 0 {
		n.Link, n.Records = l.rare[e.rare-1].link, l.rare[e.rare-1].records
	}
	if e.digest != 0 {
		n.Digest = *l.digests.at(int(e.digest) - 1)
	}
}

// At returns the node with an index.
func (l *List) At(i int) Node {
	var n Node
	l.Read(i, &n)
	return n
}

// Path returns the path of the node with an index.
func (l *List) Path(i int) string { return l.entries.at(i).path }

// Set replaces the node with an index.
func (l *List) Set(i int, n *Node) { l.store(l.entries.at(i), n) }

// Type returns the type of the node with an index.
func (l *List) Type(i int) Type { return l.shared[l.entries.at(i).shared].kind }

// Link returns the link of the node with an index.
func (l *List) Link(i int) string {
	if r := l.entries.at(i).rare; r != 0 {
		return l.rare[r-1].link
	}
	return ""
}

// Part is some of a list's nodes, which follow one another.
type Part struct {
	list     *List
	from, to int
}

// Since returns the nodes from an index on, as far as there are now.
func (l *List) Since(from int) Part { return Part{l, from, l.Len()} }

// Part returns the nodes from an index on, up to another.
func (l *List) Part(from, to int) Part { return Part{l, from, to} }

// Bounds are the indexes of the first node in the list, and of the one behind the last.
func (p Part) Bounds() (from, to int) { return p.from, p.to }

// Len returns the number of nodes.
func (p Part) Len() int { return p.to - p.from }

// Path returns the path of a node by its index in the part.
func (p Part) Path(i int) string { return p.list.Path(p.from + i) }

// List returns the list.
func (p Part) List() *List { return p.list }

// At returns a node by its index in the part.
func (p Part) At(i int) Node { return p.list.At(p.from + i) }

// All yields the nodes in their order. A node is valid until the next one; who
// needs it longer takes a copy.
func (p Part) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		for _, n := range p.Numbered() {
			if !yield(n) {
				return
			}
		}
	}
}

// Numbered is All with the index of each node in the list.
func (p Part) Numbered() iter.Seq2[int, *Node] {
	return func(yield func(int, *Node) bool) {
		var n Node
		for i := p.from; i < p.to; i++ {
			p.list.Read(i, &n)
			if !yield(i, &n) {
				return
			}
		}
	}
}

// clone returns a copy that can be changed by itself.
func (l *List) clone() *List {
	c := &List{entries: l.entries.clone(), digests: l.digests.clone(), numbers: map[shared]uint32{}}
	c.shared, c.rare = append(c.shared, l.shared...), append(c.rare, l.rare...)
	for s, i := range l.numbers {
		c.numbers[s] = i
	}
	return c
}
