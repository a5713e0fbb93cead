// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"cmp"
	"slices"
	"strings"
)

// settle sorts the files by path and of equal ones keeps the first. It tells of each
// that goes. The list then takes no more memory than it must, and that in order.
func (f *Files) settle(again func(path string)) {
	if f.text == nil {
		return
	}
	old := f.text.String()
	path := func(p *packed) string { return old[p.at:][:p.path] }
	compare := func(a, b packed) int { return cmp.Compare(path(&a), path(&b)) }
	sorted := slices.IsSortedFunc(f.list, compare)
	if !sorted {
		slices.SortStableFunc(f.list, compare)
	}
	f.list = slices.CompactFunc(f.list, func(a, b packed) bool {
		same := path(&a) == path(&b)
		if same {
			again(path(&a))
		}
		return same
	})
	if sorted && cap(f.list) == len(f.list) && f.text.Cap()-f.text.Len() <= len(old)/16 {
		return
	}
	size := 0
	for i := range f.list {
		size += f.size(i)
	}
	list, text := make([]packed, len(f.list)), new(strings.Builder)
	text.Grow(size)
	for i, p := range f.list {
		list[i] = p
		list[i].at = text.Len()
		text.WriteString(old[p.at:][:f.size(i)])
	}
	f.list, f.text = list, text
}

// size returns the bytes of a file in the text.
func (f *Files) size(i int) int {
	p := &f.list[i]
	t := &f.traits[p.traits]
	n := int(p.path)
	if t.hasLink {
		n += 4 + len(f.textAt(p.at+n))
	}
	if t.sum.inText() {
		n += 4 + len(f.textAt(p.at+n))
	}
	return n
}

// markConfig marks a path as a configuration file, if the list has it.
func (f *Files) markConfig(path string) {
	if i, found := f.Find(path); found {
		t := f.traits[f.list[i].traits]
		t.isConfig = true
		f.list[i].traits = f.intern(&t)
	}
}

// Equal reports whether two lists have the same files in the same order.
func (f Files) Equal(g Files) bool {
	if f.Len() != g.Len() {
		return false
	}
	for i, file := range f.All() {
		if other := g.At(i); !file.equal(&other) {
			return false
		}
	}
	return true
}

func (f *File) equal(g *File) bool {
	return f.Path == g.Path && f.Sum == g.Sum && f.Attr == g.Attr && same(f.Flags, g.Flags) && same(f.Time, g.Time) &&
		f.Link == g.Link && f.IsLink == g.IsLink && f.IsConfig == g.IsConfig
}

// same compares what may be absent.
func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }
