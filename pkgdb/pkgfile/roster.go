// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"slices"
	"strings"
)

// roster tells which entries of a manifest an archive has had so far.
type roster struct {
	of     *Manifest
	files  bits
	dirs   bits
	others map[string]bool // directories that the manifest does not have
	next   int             // the file that is expected: both are in order
}

// place is where a manifest has a path, -1 for nowhere.
type place struct {
	path      string
	file, dir int
}

func newRoster(m *Manifest) roster {
	return roster{of: m, files: newBits(m.Files.Len()), dirs: newBits(len(m.Dirs))}
}

// find looks for a path. pkg finds no file in the manifest without a leading slash.
func (s *roster) find(name string) place {
	at := place{cleanPath(name), -1, -1}
	if s.next < s.of.Files.Len() && s.of.Files.Path(s.next) == at.path {
		at.file = s.next
	} else if i, found := s.of.Files.Find(at.path); found {
		at.file = i
	}
	if i, found := findDir(s.of.Dirs, at.path); found {
		at.dir = i
	}
	s.next = at.file + 1
	return at
}

func findDir(dirs []Dir, path string) (int, bool) {
	return slices.BinarySearchFunc(dirs, path, func(d Dir, path string) int { return strings.Compare(d.Path, path) })
}

// has reports whether the archive had a path before.
func (s *roster) has(at place) bool {
	return at.file >= 0 && s.files.has(at.file) || at.dir >= 0 && s.dirs.has(at.dir) || s.others[at.path]
}

// add notes a path. A file also stands where a directory would.
func (s *roster) add(at place, isDir bool) {
	if !isDir && at.file >= 0 {
		s.files.add(at.file)
	}
	switch {
	case at.dir >= 0:
		s.dirs.add(at.dir)
	case isDir:
		if s.others == nil {
			s.others = map[string]bool{}
		}
		s.others[at.path] = true
	}
}

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }

func (b bits) add(i int) { b[i/64] |= 1 << (i % 64) }
