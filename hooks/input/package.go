// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"errors"
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
	// Entries are the archive's members if the manifest alone does not have owner,
	// mode, time or the names of a flagged file; else nil.
	Entries *pkgfile.Entries
	// Contents has configuration files and wanted files, by path.
	Contents map[string][]byte
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
// and the members up to the last wanted one, those that its scripts copy among them; all members if the manifest lacks what
// the archive's headers have, or with headers.
func Inspect(r *Reader, p *catalog.Package, w *Wanted, headers bool) (*Package, error) {
	m := r.Manifest
	if m.Name != p.Name || m.Version != p.Version || m.ABI != p.ABI && p.ABI != "" { // a lock does not say the ABI
		return nil, &pkgfile.DamageError{Package: p.FullName(), Err: fmt.Errorf(
			"its manifest says %s for %s, the catalogue %s for %s", m.FullName(), m.ABI, p.FullName(), p.ABI)}
	}
	f := NewPackage(p, m, headers || !Complete(m))
	samples := script.Samples(m)
	wants := func(path string) bool { return w.Has(path) || samples[path] }
	left := 0
	for i := range m.Files.Len() {
		if file := m.Files.Bare(i); file.IsConfig || wants(file.Path) {
			left++
		}
	}
	for left > 0 || f.Entries != nil {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if f.Entries != nil && !f.Entries.Add(e) {
			return nil, &pkgfile.DamageError{Package: p.FullName(), Path: e.Path, Err: errors.New("is not in the manifest")}
		}
		if !e.IsDir && (e.IsConfig || wants(e.Path)) {
			left--
			if f.Contents[e.Path], err = f.Read(r, e); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// NewPackage returns a package of which only the manifest is known. With entries,
// there is room for them.
func NewPackage(p *catalog.Package, m *pkgfile.Manifest, entries bool) *Package {
	f := &Package{Package: p, Manifest: m, Contents: map[string][]byte{}}
	if entries {
		f.Entries = pkgfile.NewEntries(m)
	}
	return f
}

// LastTime returns the newest time of a package's files, nil if none has one.
func (f *Package) LastTime() *int64 {
	var last *int64
	for i := range f.Manifest.Files.Len() {
		file := f.Manifest.Files.Bare(i)
		t := file.Time
		if e, known := f.Entries.File(i); known {
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
		return nil, &pkgfile.DamageError{Package: f.FullName(), Path: e.Path, Err: fmt.Errorf("has %d bytes, wanted at most %d", e.Size, maxWanted)}
	}
	return io.ReadAll(r)
}

// Complete reports whether a manifest has owner, mode and time of every entry, no
// file flags, and no script that changes a file (only the archive says which names
// share an inode).
func Complete(m *pkgfile.Manifest) bool {
	for i := range m.Files.Len() {
		if f := m.Files.Bare(i); !f.Known || f.Time == nil || !m.Files.HasSum(i) || f.Flags != nil && *f.Flags != 0 {
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
