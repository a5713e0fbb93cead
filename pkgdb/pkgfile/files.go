// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"cmp"
	"encoding/binary"
	"iter"
	"sort"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// Files are the files of a package. The zero value is empty. Those of a manifest
// that was read are sorted by path. What At and others return points into the list,
// so that it is only to be read.
//
// A package may have hundreds of thousands of files. Each takes 56 bytes, those of its
// path and of a digest with more than 32, in two pieces of memory for all of them.
type Files struct {
	list   []packed
	text   *strings.Builder  // paths, each with what else of its file has no fixed size
	traits []traits          // those that differ
	places map[traits]uint32 // of those after the first few
}

// packed is a file.
type packed struct {
	sum    [32]byte // as Files.traits says
	at     int      // of its path in the text
	time   int64
	path   uint32 // bytes of its path
	traits uint32 // their place
}

// traits are what most files of a package have in common.
type traits struct {
	Attr
	flags                               uint32
	hasFlags, hasTime, isLink, isConfig bool
	hasLink                             bool // its text follows the path
	sum                                 spelling
}

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
func (f *Files) Append(file File) {
	d := draft{path: []byte(file.Path), link: []byte(file.Link), sum: []byte(file.Sum)}
	d.Attr, d.isLink, d.isConfig = file.Attr, file.IsLink, file.IsConfig
	if file.Flags != nil {
		d.hasFlags, d.flags = true, *file.Flags
	}
	if file.Time != nil {
		d.hasTime, d.time = true, *file.Time
	}
	f.add(&d)
}

// draft is a file whose texts nobody keeps yet.
type draft struct {
	traits
	path, link, sum []byte
	time            int64
}

func (f *Files) add(d *draft) {
	if f.text == nil {
		f.text = new(strings.Builder)
	}
	p := packed{at: f.text.Len(), path: uint32(len(d.path)), time: d.time}
	f.text.Write(d.path)
	if d.hasLink = len(d.link) > 0; d.hasLink {
		f.addText(d.link)
	}
	switch d.traits.sum = spellingOf(d.sum, &p.sum); d.traits.sum {
	case blake:
		digest, _ := sum.BLAKE2bDigest(d.sum)
		f.addText(digest[:])
	case otherwise:
		f.addText(d.sum)
	}
	p.traits = f.intern(&d.traits)
	f.list = append(f.list, p)
}

// grow makes room for files whose paths have so many bytes.
func (f *Files) grow(n, bytes int) {
	if f.text == nil {
		f.list, f.text = make([]packed, 0, n), new(strings.Builder)
	}
	f.text.Grow(bytes)
}

// Clip gives back the room that Append has made for more files.
func (f *Files) Clip() {
	if f.text == nil {
		return
	}
	text := new(strings.Builder)
	text.Grow(f.text.Len())
	text.WriteString(f.text.String())
	f.list, f.text = append(make([]packed, 0, len(f.list)), f.list...), text
}

// addText adds a text after its length.
func (f *Files) addText(text []byte) {
	f.text.Write(binary.LittleEndian.AppendUint32(make([]byte, 0, 4), uint32(len(text))))
	f.text.Write(text)
}

// intern returns the place of traits. The last files are likely to have the same.
func (f *Files) intern(t *traits) uint32 {
	if n := len(f.list); n > 0 && f.traits[f.list[n-1].traits] == *t {
		return f.list[n-1].traits
	}
	if place, known := find(f.traits, f.places, *t); known {
		return place
	}
	own := *t
	own.Uname, own.Gname = strings.Clone(t.Uname), strings.Clone(t.Gname)
	return add(&f.traits, &f.places, own)
}

// Path returns the path of a file.
func (f *Files) Path(i int) string {
	p := &f.list[i]
	return f.text.String()[p.at:][:p.path]
}

// HasSum reports whether a file has a sum.
func (f *Files) HasSum(i int) bool { return f.traits[f.list[i].traits].sum != none }

// SumKind returns the kind of a file's sum, 0 for none and for one of no known kind.
func (f *Files) SumKind(i int) sum.Kind {
	switch f.traits[f.list[i].traits].sum {
	case none:
		return 0
	case blake:
		return sum.BLAKE2b
	case otherwise:
		return sum.Sum(f.Sum(i)).Kind()
	}
	return sum.SHA256
}

// Sum returns the sum of a file, "" for none.
func (f *Files) Sum(i int) string {
	p := &f.list[i]
	switch how := f.traits[p.traits].sum; how {
	case blake:
		return string(sum.BLAKE2b.Format([]byte(f.sumText(i))))
	case otherwise:
		return f.sumText(i)
	default:
		return how.text(&p.sum)
	}
}

// sumText returns what the text has of a file's sum.
func (f *Files) sumText(i int) string {
	p := &f.list[i]
	at := p.at + int(p.path)
	if f.traits[p.traits].hasLink {
		at += 4 + len(f.textAt(at))
	}
	return f.textAt(at)
}

// textAt returns a text after its length.
func (f *Files) textAt(at int) string {
	return f.text.String()[at+4:][:f.lengthAt(at)]
}

func (f *Files) lengthAt(at int) int {
	b := f.text.String()[at:][:4]
	return int(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
}

// Bare returns a file without its sum, whose text costs more than all the rest.
func (f *Files) Bare(i int) File {
	p := &f.list[i]
	t := &f.traits[p.traits]
	file := File{Path: f.Path(i), Attr: t.Attr, IsLink: t.isLink, IsConfig: t.isConfig}
	if t.hasFlags {
		file.Flags = &t.flags
	}
	if t.hasTime {
		file.Time = &p.time
	}
	if t.hasLink {
		file.Link = f.textAt(p.at + int(p.path))
	}
	return file
}

// At returns a file.
func (f *Files) At(i int) File {
	file := f.Bare(i)
	file.Sum = f.Sum(i)
	return file
}

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
	return sort.Find(f.Len(), func(i int) int { return cmp.Compare(path, f.Path(i)) })
}
