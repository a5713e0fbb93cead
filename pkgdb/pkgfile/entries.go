// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"iter"
	"strings"
)

// Entries are what the headers of an archive say of the files and directories of its
// manifest. A nil one knows of none. Each takes 32 bytes beside the manifest.
type Entries struct {
	of     *Manifest
	list   []noted // of files, then of directories
	ways   []way   // those that differ; the first is of what has no header yet
	places map[way]uint32
	links  []string // that the manifest does not have
	inodes map[uint32]inode
}

// noted is what a header says.
type noted struct {
	size, time int64
	way        uint32 // its place
	first      uint32 // the place of the file that a hard link links to
	link       uint32 // the place of its target
}

// way is what most entries have in common.
type way struct {
	attr                           Attr
	flags                          uint32
	known, absent, unlike          bool
	isHardLink, isLink, isSameLink bool
}

// inode is a file that has several names, by the place of the first one.
type inode struct {
	last  uint32 // last name in the archive
	flags uint32
}

// NewEntries returns entries of a manifest, of which none is known yet.
func NewEntries(m *Manifest) *Entries {
	return &Entries{of: m, list: make([]noted, m.Files.Len()+len(m.Dirs)), ways: make([]way, 1)}
}

// Add notes an entry. It is false if the manifest does not have it, or what it is a
// hard link to.
func (s *Entries) Add(e *Entry) bool {
	at, found := s.place(e.Path, e.IsDir)
	if !found {
		return false
	}
	n := noted{size: e.Size, time: e.Time}
	w := way{attr: e.Attr, flags: e.Flags, known: true, absent: e.Absent, unlike: e.Unlike, isHardLink: e.HardLink != "", isLink: e.IsLink}
	if w.isHardLink {
		first, found := s.of.Files.Find(e.HardLink)
		if !found {
			return false
		}
		n.first = uint32(first)
		s.share(uint32(first), uint32(at), e.Flags)
	}
	said := ""
	if e.IsLink && !e.IsDir {
		said = s.of.Files.Bare(at).Link
	}
	if w.isSameLink = e.Link == said; !w.isSameLink {
		n.link = uint32(len(s.links))
		s.links = append(s.links, strings.Clone(e.Link))
	}
	n.way = s.intern(w)
	s.list[at] = n
	return true
}

// share notes one more name of a file.
func (s *Entries) share(first, at, flags uint32) {
	shared, known := s.inodes[first]
	if !known {
		shared.flags = s.ways[s.list[first].way].flags
	}
	if s.inodes == nil {
		s.inodes = map[uint32]inode{}
	}
	s.inodes[first] = inode{at, shared.flags | flags}
}

func (s *Entries) place(path string, isDir bool) (int, bool) {
	if !isDir {
		return s.of.Files.Find(path)
	}
	i, found := findDir(s.of.Dirs, path)
	return s.of.Files.Len() + i, found
}

// intern returns the place of a way, as Files.intern does.
func (s *Entries) intern(w way) uint32 {
	if place, known := find(s.ways, s.places, w); known {
		return place
	}
	w.attr.Uname, w.attr.Gname = strings.Clone(w.attr.Uname), strings.Clone(w.attr.Gname)
	return add(&s.ways, &s.places, w)
}

// File returns the entry of a file at a place of the manifest, if it is known.
func (s *Entries) File(i int) (Entry, bool) {
	if s == nil || !s.ways[s.list[i].way].known {
		return Entry{}, false
	}
	f := s.of.Files.Bare(i)
	e := s.entry(i, f.Path, f.Link)
	e.IsConfig = f.IsConfig
	return e, true
}

// Dir is the same for a directory.
func (s *Entries) Dir(i int) (Entry, bool) {
	if s == nil || !s.ways[s.list[s.of.Files.Len()+i].way].known {
		return Entry{}, false
	}
	e := s.entry(s.of.Files.Len()+i, s.of.Dirs[i].Path, "")
	e.IsDir = true
	return e, true
}

// entry returns a known entry of which the manifest has path and link.
func (s *Entries) entry(at int, path, link string) Entry {
	n := &s.list[at]
	w := &s.ways[n.way]
	e := Entry{Path: path, IsLink: w.isLink, Size: n.size, Attr: w.attr, Flags: w.flags, Time: n.time, Absent: w.absent, Unlike: w.unlike}
	if w.isHardLink {
		e.HardLink = s.of.Files.Path(int(n.first))
	}
	switch {
	case !w.isSameLink:
		e.Link = s.links[n.link]
	case w.isLink:
		e.Link = link
	}
	return e
}

// Of returns the entry of a path, if it is known.
func (s *Entries) Of(path string) (Entry, bool) {
	if s == nil {
		return Entry{}, false
	}
	if i, found := s.of.Files.Find(path); found {
		return s.File(i)
	}
	if i, found := findDir(s.of.Dirs, path); found {
		return s.Dir(i)
	}
	return Entry{}, false
}

// All goes through the known entries: files, then directories.
func (s *Entries) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		if s == nil {
			return
		}
		for i := range s.of.Files.Len() {
			if e, known := s.File(i); known && !yield(e) {
				return
			}
		}
		for i := range s.of.Dirs {
			if e, known := s.Dir(i); known && !yield(e) {
				return
			}
		}
	}
}

// InodeFlags returns the flags that an entry sets: at the last name of an inode the
// flags of all its names, before it none, since an immutable inode cannot get
// another name.
func (s *Entries) InodeFlags(e *Entry) uint32 {
	if len(s.inodes) == 0 || e.IsDir {
		return e.Flags
	}
	at, _ := s.of.Files.Find(e.Path)
	first := at
	if e.HardLink != "" {
		first, _ = s.of.Files.Find(e.HardLink)
	}
	shared, is := s.inodes[uint32(first)]
	switch {
	case !is:
		return e.Flags
	case shared.last != uint32(at):
		return 0
	}
	return shared.flags
}
