// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"hash/maphash"
)

// index finds entries by path: a hash table of their numbers, in which a path
// that is taken leads on to the next slot. A map would hold the paths again.
type index struct {
	slots []uint32 // number of an entry, counted from 1; 0 for a free slot
	used  int
	seed  maphash.Seed // decides only where an entry stands in slots
}

// find returns the number of the entry with a path, -1 for none.
func (x *index) find(l *List, path string) int {
	if x.used == 0 {
		return -1
	}
	for at := x.slot(path); ; at++ {
		switch i := int(x.slots[at&(len(x.slots)-1)]) - 1; {
		case i < 0:
			return -1
		case l.Path(i) == path:
			return i
		}
	}
}

// slot is where the search for a path begins.
func (x *index) slot(path string) int {
	return int(maphash.String(x.seed, path) & uint64(len(x.slots)-1))
}

// add adds the entry of a list with a number, whose path no other has.
func (x *index) add(l *List, i int) {
	if 4*(x.used+1) > 3*len(x.slots) {
		x.grow(l, max(8, 2*len(x.slots)))
	}
	x.place(l, i)
	x.used++
}

func (x *index) place(l *List, i int) {
	at := x.slot(l.Path(i))
	for x.slots[at] != 0 {
		at = (at + 1) & (len(x.slots) - 1)
	}
	x.slots[at] = uint32(i) + 1
}

// grow makes more slots: a power of two.
func (x *index) grow(l *List, size int) {
	old := x.slots
	if x.used == 0 {
		x.seed = maphash.MakeSeed()
	}
	x.slots = make([]uint32, size)
	for _, i := range old {
		if i != 0 {
			x.place(l, int(i)-1)
		}
	}
}
