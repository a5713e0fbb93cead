// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// Package is a package whose bytes match the catalogue.
type Package struct {
	*catalog.Package
	Manifest *pkgfile.Manifest
	// Entries are the archive's members by path if the manifest alone does not have
	// owner, mode, time or the names of a flagged file; else nil.
	Entries map[string]*pkgfile.Entry
	// Contents has configuration files and wanted files, by path.
	Contents map[string][]byte

	inodes map[string]inode // of files in Entries, by first name
}

// inode is a file that several names may share.
type inode struct {
	last  string // last name in the archive
	flags uint32
}

// Raw is what a Package was read from.
type Raw struct {
	Text, Compact []byte // of the manifest, and of the compact one
	Entries       []*pkgfile.Entry
}

// Wanted has the paths whose contents a hook needs.
type Wanted struct {
	Files   map[string]bool
	Folders []string // with a slash at the end
}

// Has reports whether a path is wanted.
func (w *Wanted) Has(path string) bool {
	return w.Files[path] || slices.ContainsFunc(w.Folders, func(f string) bool { return strings.HasPrefix(path, f) })
}

// Key returns a string that is the same for equal paths.
func (w *Wanted) Key() string {
	folders := slices.Compact(slices.Sorted(slices.Values(w.Folders)))
	return fmt.Sprintf("%q %q", slices.Sorted(maps.Keys(w.Files)), folders)
}

// maxWanted bounds a file that is read into memory. Configuration files are text.
const maxWanted = 64 << 20

// Inspect reads what must be known of a package before it is unpacked: the manifest
// and the members up to the last wanted one; all members if the manifest lacks what
// the archive's headers have, or with headers.
func Inspect(r *Reader, p *catalog.Package, w *Wanted, headers bool) (*Package, *Raw, error) {
	m, raw := r.Manifest, &Raw{Text: r.Text, Compact: r.Compact}
	if m.Name != p.Name || m.Version != p.Version || m.ABI != p.ABI && p.ABI != "" { // a lock does not say the ABI
		return nil, nil, &pkgfile.DamageError{Package: p.FullName(), Err: fmt.Errorf(
			"its manifest says %s for %s, the catalogue %s for %s", m.FullName(), m.ABI, p.FullName(), p.ABI)}
	}
	f := NewPackage(p, m, headers || !Complete(m))
	left := 0
	for i := range m.Files.Len() {
		if file := m.Files.Bare(i); file.IsConfig || w.Has(file.Path) {
			left++
		}
	}
	for left > 0 || f.Entries != nil {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if f.Entries != nil {
			f.Note(e)
			raw.Entries = append(raw.Entries, e)
		}
		if e.File != nil && (e.File.IsConfig || w.Has(e.Path())) {
			left--
			if f.Contents[e.Path()], err = f.Read(r, e); err != nil {
				return nil, nil, err
			}
		}
	}
	return f, raw, nil
}

// NewPackage returns a package of which only the manifest is known. With entries,
// Note adds them.
func NewPackage(p *catalog.Package, m *pkgfile.Manifest, entries bool) *Package {
	f := &Package{Package: p, Manifest: m, Contents: map[string][]byte{}}
	if entries {
		f.Entries, f.inodes = map[string]*pkgfile.Entry{}, map[string]inode{}
	}
	return f
}

// Note records what the archive says of an entry.
func (f *Package) Note(e *pkgfile.Entry) {
	f.Entries[e.Path()] = e
	if e.File != nil {
		first := cmp.Or(e.HardLink, e.Path())
		f.inodes[first] = inode{e.Path(), f.inodes[first].flags | e.Flags}
	}
}

// InodeFlags returns the flags that an entry sets: at the last name of an inode the
// flags of all its names, before it none, since an immutable inode cannot get
// another name.
func (f *Package) InodeFlags(e *pkgfile.Entry) uint32 {
	ino := f.inodes[cmp.Or(e.HardLink, e.Path())]
	if ino.last != e.Path() {
		return 0
	}
	return ino.flags
}

// LastTime returns the newest time of a package's files, nil if none has one.
func (f *Package) LastTime() *int64 {
	var last *int64
	for i := range f.Manifest.Files.Len() {
		file := f.Manifest.Files.Bare(i)
		t := file.Time
		if e := f.Entries[file.Path]; e != nil {
			t = &e.Time
		}
		if t != nil && (last == nil || *t > *last) {
			last = t
		}
	}
	return last
}

// Read reads a wanted file; a hard link has its first name's contents.
func (f *Package) Read(r io.Reader, e *pkgfile.Entry) ([]byte, error) {
	if e.HardLink != "" {
		return f.Contents[e.HardLink], nil
	}
	if e.Size > maxWanted {
		return nil, &pkgfile.DamageError{Package: f.FullName(), Path: e.Path(), Err: fmt.Errorf("has %d bytes, wanted at most %d", e.Size, maxWanted)}
	}
	return io.ReadAll(r)
}

// Complete reports whether a manifest has owner, mode and time of every entry, no
// file flags, and no script that changes a file (only the archive says which names
// share an inode).
func Complete(m *pkgfile.Manifest) bool {
	for _, f := range m.Files.All() {
		if !f.Known || f.Time == nil || f.Sum == "" || f.Flags != nil && *f.Flags != 0 {
			return false
		}
	}
	for _, d := range m.Dirs {
		if !d.Known {
			return false
		}
	}
	return !script.ChangesFiles(m)
}
