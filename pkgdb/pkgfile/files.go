// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"iter"
	"slices"
	"strings"
)

// Files are the files of a package. The zero value is empty. Those of a manifest
// that was read are sorted by path. What At and All return is only to be read.
type Files struct{ list []File }

// FilesOf returns files in the order given.
func FilesOf(list ...File) Files {
	var f Files
	for _, file := range list {
		f.Append(file)
	}
	return f
}

// Len returns the number of files.
func (f *Files) Len() int { return len(f.list) }

// Append adds a file at the end.
func (f *Files) Append(file File) { f.list = append(f.list, file) }

// Path returns the path of a file.
func (f *Files) Path(i int) string { return f.list[i].Path }

// Sum returns the sum of a file, "" for none.
func (f *Files) Sum(i int) string { return f.list[i].Sum }

// Bare returns a file without its sum, whose text costs more than all the rest.
func (f *Files) Bare(i int) File {
	file := f.list[i]
	file.Sum = ""
	return file
}

// At returns a file.
func (f *Files) At(i int) File { return f.list[i] }

// All goes through the files in their order.
func (f *Files) All() iter.Seq2[int, File] {
	return func(yield func(int, File) bool) {
		for i := range f.Len() {
			if !yield(i, f.At(i)) {
				return
			}
		}
	}
}

// Find returns the place of a path among files that are sorted by path.
func (f *Files) Find(path string) (int, bool) {
	return slices.BinarySearchFunc(f.list, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
}

// Equal reports whether two lists have the same files in the same order.
func (f Files) Equal(g Files) bool {
	return slices.EqualFunc(f.list, g.list, func(a, b File) bool { return a.equal(&b) })
}

func (f *File) equal(g *File) bool {
	return f.Path == g.Path && f.Sum == g.Sum && f.Attr == g.Attr && same(f.Flags, g.Flags) && same(f.Time, g.Time) &&
		f.Link == g.Link && f.IsLink == g.IsLink && f.IsConfig == g.IsConfig
}

// same compares what may be absent.
func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// markConfig marks a path as a configuration file, if the list has it.
func (f *Files) markConfig(path string) {
	if i, found := f.Find(path); found {
		f.list[i].IsConfig = true
	}
}
