// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/tree"
)

// contents is what an image holds: its tree, and the files that are not in a
// package of its own.
type contents struct {
	tree      *tree.Tree
	packages  []*fetched        // of this step, by name
	generated map[string][]byte // of this step, by path; nil for the database
	database  func() ([]byte, error)
	taken     []takenFile // of this step
	leftOut   []string    // optional files that nobody has
	skipped   []lock.Script
	scripts   []pending        // of this step
	given     map[string]given // modes by scripts of this step, by path
	noAccount []string         // "PACKAGE: user NAME" that packages need and the image lacks
	newest    *int64           // seconds: the last file time of this and all lower steps; nil where no package tells one
	epoch     int64            // seconds; every time of this step is at most this
}

// install puts the packages of a member into a tree on top of its parent's. It
// leaves nodes without numeric owners.
func (r *run) install(ctx context.Context, m *member) error {
	m.tree = new(tree.Tree)
	if m.parent != nil {
		m.tree = m.parent.tree.Clone()
	}
	m.generated = map[string][]byte{}
	var errs []error
	for _, p := range m.step().Packages {
		f := r.fetched[p.Package]
		m.packages = append(m.packages, f)
		errs = append(errs, m.put(ctx, f)...)
		errs = append(errs, r.scripts(m, f)...)
	}
	slices.SortFunc(m.packages, func(a, b *fetched) int { return cmp.Compare(a.Name, b.Name) })
	errs = append(errs, m.removed(r.removes[m.def.Name])...)
	m.newest = m.lastTime()
	m.epoch = r.epochOf(m)
	return errors.Join(errs...)
}

// epochOf is the lock's, else the newest file time of the packages of this and
// all lower steps, which Config.Epoch bounds: a function of what a layer stands
// on, so that the layer is the same in every image, and in the next patch level if
// none of these packages is another.
func (r *run) epochOf(m *member) int64 {
	latest := int64(lock.MaxEpoch)
	if r.Epoch != nil {
		latest = *r.Epoch
	}
	switch {
	case m.pinned != nil:
		return m.pinned.Epoch
	case m.newest != nil:
		return max(0, min(*m.newest, latest))
	case r.Epoch != nil:
		return latest
	case m.parent != nil:
		return m.parent.epoch
	}
	return 0
}

// lastTime is the newest file time of this and all lower steps, nil where no
// package tells one.
func (m *member) lastTime() *int64 {
	var last *int64
	if m.parent != nil {
		last = m.parent.newest
	}
	for _, f := range m.packages {
		if t := f.lastTime(); t != nil && (last == nil || *t > *last) {
			last = t
		}
	}
	return last
}

// lastTime is the newest time of a package's files, nil where none has one.
func (f *fetched) lastTime() *int64 {
	var last *int64
	for i := range f.manifest.Files {
		file := &f.manifest.Files[i]
		t := file.Time
		if e := f.entries[file.Path]; e != nil {
			t = &e.Time
		}
		if t != nil && (last == nil || *t > *last) {
			last = t
		}
	}
	return last
}

// put adds the entries of one package and returns every conflict.
func (m *member) put(ctx context.Context, f *fetched) []error {
	var errs []error
	absent := m.absentDirs(f)
	for i := range f.manifest.Dirs {
		d := &f.manifest.Dirs[i]
		if absent[d.Path] {
			errs = append(errs, &pkgfile.DamageError{Package: f.FullName(), Path: d.Path, Err: errors.New("is in the manifest, but not in the archive")})
		} else if err := m.tree.Put(f.dirNode(d)); err != nil {
			errs = append(errs, f.explain(err))
		}
	}
	for i := range f.manifest.Files {
		if ctx.Err() != nil {
			return nil
		}
		n := f.fileNode(&f.manifest.Files[i])
		if (m.def.Replacing(n.Path) || m.repeats(&n, f.manifest.Files[i].Sum)) && m.replace(n) {
			continue
		}
		if err := m.tree.Put(n); err != nil {
			errs = append(errs, f.explain(err))
		}
	}
	return errs
}

// absentDirs are the directories of a package's manifest that nothing makes: they
// are not in its archive, no file of it is below them, and no package before it
// has one there.
func (m *member) absentDirs(f *fetched) map[string]bool {
	absent := map[string]bool{}
	for path, e := range f.entries {
		if e.Absent && m.tree.Lookup(path) == nil {
			absent[path] = true
		}
	}
	if len(absent) > 0 {
		for path, e := range f.entries {
			for !e.Absent && path != "/" {
				path = tree.Parent(path)
				delete(absent, path)
			}
		}
	}
	return absent
}

// replace lets a package have a file that a parent took from elsewhere.
func (m *member) replace(n tree.Node) bool {
	old := m.tree.Lookup(n.Path)
	return old != nil && old.Origin == tree.Generated && m.tree.Replace(n)
}

// repeats reports whether a file of a package is the same that a lower step took
// from elsewhere.
func (m *member) repeats(n *tree.Node, typed string) bool {
	old := m.inherited(n.Path)
	if old == nil || old.Type != n.Type || old.Origin != tree.Generated {
		return false
	}
	if n.Type == tree.Symlink {
		return old.Link == n.Link
	}
	wanted, err := sum.Parse(typed)
	text := m.parent.content(n.Path)
	return err == nil && text != nil && wanted.Typed() == sum.Of(wanted.Kind(), text).Typed()
}

// removed wants packages to have other files in the place of those of lower steps
// that the definition removes: a layer takes none back.
func (m *member) removed(paths []string) []error {
	var errs []error
	for _, path := range paths {
		if old := m.inherited(path); old != nil && *old == *m.tree.Lookup(path) {
			errs = append(errs, &tree.ConflictError{Path: path, A: old.Owner(), B: "image " + m.def.Name,
				Reason: "the second removes it, and has no package with another"})
		}
	}
	return errs
}

// explain names the package where a path itself is at fault.
func (f *fetched) explain(err error) error {
	var bad *tree.PathError
	if errors.As(err, &bad) {
		return &pkgfile.DamageError{Package: f.FullName(), Path: bad.Path, Err: errors.New(bad.Reason)}
	}
	return err
}

func (f *fetched) fileNode(file *pkgfile.File) tree.Node {
	n := tree.Node{Path: file.Path, Type: tree.File, Origin: tree.Packaged, Package: f.Name}
	if file.IsLink {
		n.Type, n.Link = tree.Symlink, file.Link
	}
	n.Mode, n.Uname, n.Gname = file.Perm, file.Uname, file.Gname
	if file.Time != nil {
		n.Time = *file.Time
	}
	if file.Flags != nil {
		n.Flags = pkgfile.FormatFlags(*file.Flags)
	}
	if e := f.entries[file.Path]; e != nil {
		n.Mode, n.Uname, n.Gname, n.Time = e.Attr.Perm, e.Attr.Uname, e.Attr.Gname, e.Time
		switch {
		case e.HardLink != "":
			n.Type, n.Link = tree.Hardlink, e.HardLink
		case e.IsLink:
			n.Type, n.Link = tree.Symlink, e.Link
		}
		n.Flags = pkgfile.FormatFlags(f.inodeFlags(e))
	}
	return n
}

// inodeFlags are the flags that an entry applies: those of all names of its
// inode at the last of them, none before, since an immutable inode takes no
// further name.
func (f *fetched) inodeFlags(e *pkgfile.Entry) uint32 {
	ino := f.inodes[cmp.Or(e.HardLink, e.Path())]
	if ino.last != e.Path() {
		return 0
	}
	return ino.flags
}

func (f *fetched) dirNode(d *pkgfile.Dir) tree.Node {
	n := tree.Node{Path: d.Path, Type: tree.Dir, Mode: d.Perm, Uname: d.Uname, Gname: d.Gname, Origin: tree.Packaged, Package: f.Name}
	if d.Flags != nil {
		n.Flags = pkgfile.FormatFlags(*d.Flags)
	}
	if e := f.entries[d.Path]; e != nil {
		n.Mode, n.Uname, n.Gname, n.Flags = e.Attr.Perm, e.Attr.Uname, e.Attr.Gname, pkgfile.FormatFlags(e.Flags)
	}
	return n
}
