// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"sort"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// table has the packages of a catalogue in the form in which they are kept for
// later runs, sorted by name, then version text. A run reads the few that it needs.
// Whoever makes a table of bytes checks it, so that all that is read later is there.
type table struct {
	texts   column    // that packages have in common
	entries column    // see packer.add
	kinds   [2][]byte // by text, then entry: pairs of numbers
	abis    []byte    // numbers of texts, each ABI once
}

// Kinds of what packages offer to others.
const (
	shlibs = iota
	provides
)

// column is a list of byte strings: where each ends, in four bytes, and all of them.
type column struct{ ends, data []byte }

func newColumn(n int) column { return column{ends: make([]byte, 0, 4*n)} }

func (c *column) append(b []byte) {
	c.data = append(c.data, b...)
	c.ends = appendNumbers(c.ends, uint32(len(c.data)))
}

func (c *column) len() int { return len(c.ends) / 4 }

// at returns one of the byte strings.
func (c *column) at(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = numberAt(c.ends, i-1)
	}
	return c.data[from:numberAt(c.ends, i)]
}

// numberAt reads one of numbers of four bytes each.
func numberAt(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }

// check reports whether the ends are right.
func (c *column) check() bool {
	before := uint32(0)
	for i := range c.len() {
		end := numberAt(c.ends, i)
		if end < before {
			return false
		}
		before = end
	}
	return uint64(before) == uint64(len(c.data))
}

// parts are all bytes of a table, in the order in which they are kept.
func (t *table) parts() []*[]byte {
	return []*[]byte{&t.texts.ends, &t.texts.data, &t.entries.ends, &t.entries.data, &t.kinds[shlibs], &t.kinds[provides], &t.abis}
}

var errTable = errors.New("is not a table of packages")

// check checks all that reading relies on. It allocates nothing.
func (t *table) check() error {
	for _, b := range [][]byte{t.texts.ends, t.entries.ends, t.abis} {
		if len(b)%4 != 0 {
			return errTable
		}
	}
	if !t.texts.check() || !t.entries.check() || t.texts.len() > math.MaxInt32 {
		return errTable
	}
	for i := range t.entries.len() {
		if !t.checkEntry(i) {
			return errTable
		}
	}
	for i := range len(t.abis) / 4 {
		if numberAt(t.abis, i) >= uint32(t.texts.len()) {
			return errTable
		}
	}
	for _, pairs := range t.kinds {
		if !t.checkOffers(pairs) {
			return errTable
		}
	}
	return nil
}

// checkEntry checks an entry, and its place after the one before.
func (t *table) checkEntry(i int) bool {
	c := cursor{b: t.entries.at(i)}
	texts := uint64(t.texts.len())
	name, version, abi := c.number(), c.number(), c.number()
	if c.bad || name >= texts || version >= texts || abi >= texts {
		return false
	}
	c.signed()
	for range len(listsOf(new(pkgfile.Summary))) {
		for range c.count() {
			if c.number() >= texts {
				return false
			}
		}
	}
	c.text()
	c.text()
	c.text()
	c.signed()
	if c.bad || len(c.b) > 0 {
		return false
	}
	if i == 0 {
		return true
	}
	before := cursor{b: t.entries.at(i - 1)}
	byName := bytes.Compare(t.texts.at(int(before.number())), t.texts.at(int(name)))
	return byName < 0 || byName == 0 && bytes.Compare(t.texts.at(int(before.number())), t.texts.at(int(version))) <= 0
}

// checkOffers checks the pairs of a kind.
func (t *table) checkOffers(pairs []byte) bool {
	if len(pairs)%8 != 0 {
		return false
	}
	for i := range len(pairs) / 8 {
		text, entry := numberAt(pairs, 2*i), numberAt(pairs, 2*i+1)
		if int64(text) >= int64(t.texts.len()) || int64(entry) >= int64(t.entries.len()) {
			return false
		}
		if i > 0 && bytes.Compare(t.texts.at(int(numberAt(pairs, 2*i-2))), t.texts.at(int(text))) > 0 {
			return false
		}
	}
	return true
}

// name returns the name of a package.
func (t *table) name(i int) []byte {
	c := cursor{b: t.entries.at(i)}
	return t.texts.at(int(c.number()))
}

// named returns from which package on, and up to which, they have a name.
func (t *table) named(name string) (from, to int) {
	n := t.entries.len()
	from = sort.Search(n, func(i int) bool { return string(t.name(i)) >= name })
	for to = from; to < n && string(t.name(to)) == name; to++ {
	}
	return from, to
}

// offering returns the numbers of the packages that offer a text, in their order.
func (t *table) offering(kind int, text string) []int {
	pairs := t.kinds[kind]
	at := func(i int) string { return string(t.texts.at(int(numberAt(pairs, 2*i)))) }
	var list []int
	n := len(pairs) / 8
	for i := sort.Search(n, func(i int) bool { return at(i) >= text }); i < n && at(i) == text; i++ {
		list = append(list, int(numberAt(pairs, 2*i+1)))
	}
	return list
}

// summary reads a package.
func (t *table) summary(i int) pkgfile.Summary {
	c := cursor{b: t.entries.at(i)}
	shared := func() string { return string(t.texts.at(int(c.number()))) }
	s := pkgfile.Summary{Name: shared(), Version: shared(), ABI: shared(), OSVersion: int(c.signed())}
	for _, list := range listsOf(&s) {
		if n := c.count(); n > 0 {
			*list = make([]string, n)
			for i := range *list {
				(*list)[i] = shared()
			}
		}
	}
	s.Origin, s.Path, s.Sum = string(c.text()), string(c.text()), sum.Sum(c.text())
	s.Size = c.signed()
	return s
}

// cursor reads values one after the other. After a fault all are zero.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) number() uint64 { return read(c, binary.Uvarint) }
func (c *cursor) signed() int64  { return read(c, binary.Varint) }

// read reads a number of a length of its own.
func read[T int64 | uint64](c *cursor, from func([]byte) (T, int)) T {
	v, n := from(c.b)
	if n <= 0 {
		c.b, c.bad = nil, true
		return 0
	}
	c.b = c.b[n:]
	return v
}

// count reads a number of things that take a byte or more each.
func (c *cursor) count() int {
	n := c.number()
	if n > uint64(len(c.b)) {
		c.b, c.bad = nil, true
		return 0
	}
	return int(n)
}

func (c *cursor) text() []byte { return c.bytes(c.number()) }

func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.b, c.bad = nil, true
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}
