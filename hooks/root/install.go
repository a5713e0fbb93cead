// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/tree"
)

// install adds the packages of a step to the tree of its parent. Nodes have no
// numeric owners after it.
func (b *Builder) install(ctx context.Context, m *Root) error {
	var errs []error
	for _, p := range m.Own().Packages {
		f := b.Packages[p.Package]
		m.Packages = append(m.Packages, f)
		errs = append(errs, m.put(ctx, f)...)
		errs = append(errs, b.scripts(m, f)...)
	}
	slices.SortFunc(m.Packages, func(a, b *input.Package) int { return cmp.Compare(a.Name, b.Name) })
	errs = append(errs, m.removed(b.Family.Removes[m.Def.Name])...)
	m.Newest = m.lastTime()
	m.Epoch = b.epochOf(m)
	return errors.Join(errs...)
}

// epochOf returns the lock's epoch, else the newest file time of the packages in this
// and all lower steps, bounded by Config.Epoch. It depends only on a layer and those
// below, so the layer is the same in every image, and in the next patch level if
// none of these packages changes.
func (b *Builder) epochOf(m *Root) int64 {
	latest := int64(lock.MaxEpoch)
	if b.Epoch != nil {
		latest = *b.Epoch
	}
	switch {
	case m.Pinned != nil:
		return m.Pinned.Epoch
	case m.Newest != nil:
		return max(0, min(*m.Newest, latest))
	case b.Epoch != nil:
		return latest
	case m.Parent != nil:
		return m.Parent.Epoch
	}
	return 0
}

// lastTime returns the newest file time of this and all lower steps, nil if no
// package has one.
func (m *Root) lastTime() *int64 {
	var last *int64
	switch {
	case m.Parent != nil:
		last = m.Parent.Newest
	case m.Base != nil:
		if m.Base.Dated {
			last = new(m.Base.Newest)
		}
	}
	return newest(last, m.Packages)
}

// newest returns the newest file time of packages, or an earlier one if that is newer;
// nil for none.
func newest(last *int64, packages []*input.Package) *int64 {
	for _, f := range packages {
		if t := f.LastTime(); t != nil && (last == nil || *t > *last) {
			last = t
		}
	}
	return last
}

// put adds the entries of one package and returns every conflict.
func (m *Root) put(ctx context.Context, f *input.Package) []error {
	var errs []error
	absent := m.absentDirs(f)
	for i := range f.Manifest.Dirs {
		d := &f.Manifest.Dirs[i]
		if absent[d.Path] {
			errs = append(errs, &pkgfile.DamageError{Package: f.FullName(), Path: d.Path, Err: errors.New("is in the manifest, but not in the archive")})
		} else if err := m.Tree.Put(dirNode(f, i, d)); err != nil {
			errs = append(errs, explain(f, err))
		}
	}
	for i := range f.Manifest.Files.Len() {
		if ctx.Err() != nil {
			return nil
		}
		file := f.Manifest.Files.Bare(i)
		n := fileNode(f, i, &file)
		if (m.Def.Replacing(n.Path) || m.repeats(&n, f, i) || m.isCopy(n.Path)) && m.replace(n) {
			continue
		}
		if err := m.Tree.Put(n); err != nil {
			errs = append(errs, explain(f, err))
		}
	}
	return errs
}

// absentDirs returns the directories of a package's manifest that nothing creates:
// its archive has neither them nor a file below, and no earlier package has them.
func (m *Root) absentDirs(f *input.Package) map[string]bool {
	absent := map[string]bool{}
	for e := range f.Entries.All() {
		if e.Absent && m.Tree.Lookup(e.Path) == nil {
			absent[e.Path] = true
		}
	}
	if len(absent) > 0 {
		for e := range f.Entries.All() {
			for path := e.Path; !e.Absent && path != "/"; {
				path = tree.Parent(path)
				delete(absent, path)
			}
		}
	}
	return absent
}

// replace lets a package have a file that a parent took from elsewhere.
func (m *Root) replace(n tree.Node) bool {
	old := m.Tree.Lookup(n.Path)
	return old != nil && old.Origin == tree.Generated && m.Tree.Replace(n)
}

// repeats reports whether the node of a package's file is the same that a lower step
// took from elsewhere.
func (m *Root) repeats(n *tree.Node, f *input.Package, file int) bool {
	old := m.inherited(n.Path)
	if old == nil || old.Type != n.Type || old.Origin != tree.Generated {
		return false
	}
	if n.Type == tree.Symlink {
		return old.Link == n.Link
	}
	wanted, err := sum.Parse(f.Manifest.Files.Sum(file))
	return err == nil && wanted.Typed() == m.sumBelow(old, wanted.Kind())
}

// sumBelow returns the sum of a file below the root, "" if it is unknown.
func (m *Root) sumBelow(n *tree.Node, kind sum.Kind) sum.Sum {
	if m.Parent == nil {
		return sum.Sum(m.Base.Whole.SumOf(n, kind)).Typed()
	}
	text := m.Parent.content(n.Path)
	if text == nil && m.Parent.onBase(n) {
		return sum.Sum(m.Base.Whole.SumOf(n, kind)).Typed()
	}
	if text == nil {
		return ""
	}
	return sum.Of(kind, text).Typed()
}

// removed checks that packages replace the files of lower steps that the definition
// removes, since a layer cannot remove them.
func (m *Root) removed(paths []string) []error {
	var errs []error
	for _, path := range paths {
		if old := m.inherited(path); old != nil && *old == *m.Tree.Lookup(path) {
			errs = append(errs, &tree.ConflictError{Path: path, A: old.Owner(), B: "image " + m.Def.Name,
				Reason: "the second removes it, but has no package to replace it"})
		}
	}
	return errs
}

// explain names the package of an invalid path.
func explain(f *input.Package, err error) error {
	var bad *tree.PathError
	if errors.As(err, &bad) {
		return &pkgfile.DamageError{Package: f.FullName(), Path: bad.Path, Err: errors.New(bad.Reason)}
	}
	return err
}

func fileNode(f *input.Package, i int, file *pkgfile.File) tree.Node {
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
	if e, known := f.Entries.File(i); known {
		n.Mode, n.Uname, n.Gname, n.Time = e.Attr.Perm, e.Attr.Uname, e.Attr.Gname, e.Time
		switch {
		case e.HardLink != "":
			n.Type, n.Link = tree.Hardlink, e.HardLink
		case e.IsLink:
			n.Type, n.Link = tree.Symlink, e.Link
		}
		n.Flags = pkgfile.FormatFlags(f.Entries.InodeFlags(&e))
	}
	return n
}

func dirNode(f *input.Package, i int, d *pkgfile.Dir) tree.Node {
	n := tree.Node{Path: d.Path, Type: tree.Dir, Mode: d.Perm, Uname: d.Uname, Gname: d.Gname, Origin: tree.Packaged, Package: f.Name}
	if d.Flags != nil {
		n.Flags = pkgfile.FormatFlags(*d.Flags)
	}
	if e, known := f.Entries.Dir(i); known {
		n.Mode, n.Uname, n.Gname, n.Flags = e.Attr.Perm, e.Attr.Uname, e.Attr.Gname, pkgfile.FormatFlags(e.Flags)
	}
	return n
}
