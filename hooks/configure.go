// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// configure adds directories of mtree files and files from donors or the
// source tree, does what scripts do to these, and adds what FreeBSD's programs
// would make of the files that are there; then it resolves every owner in the image's own accounts and bounds
// every time by the epoch. It leaves complete nodes.
func (r *run) configure(ctx context.Context, m *member) error {
	err := errors.Join(r.mtrees(ctx, m), r.files(m), r.folders(ctx, m), r.runScripts(m))
	if err == nil {
		err = errors.Join(r.generators(ctx, m), m.keepImmutable(ctx))
	}
	if err == nil {
		err = r.owners(ctx, m)
	}
	m.times(ctx)
	return err
}

func (r *run) mtrees(ctx context.Context, m *member) error {
	var errs []error
	for _, mt := range m.def.Mtree {
		text, err := r.take(m, mt.Taken, mt.Path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		nodes, err := tree.ReadMtree(until.Reader(ctx, bytes.NewReader(text)), mt.Path, mt.Prefix)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, n := range nodes {
			if err := m.tree.Put(n); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (r *run) files(m *member) error {
	var errs []error
	for _, f := range m.def.Files {
		text, err := r.take(m, f.Taken, f.Target)
		if f.Optional && errors.Is(err, fs.ErrNotExist) {
			m.leftOut = append(m.leftOut, f.Target)
			r.detail("image %s: %s is left out: neither a package nor --srcdir has it", m.def.Name, f.Target)
			continue
		}
		if err == nil {
			err = m.generate(tree.Node{Path: f.Target, Mode: f.Mode}, text)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// folders adds the files of folders that no package of the image installs.
func (r *run) folders(ctx context.Context, m *member) error {
	var errs []error
	for _, f := range m.def.Folders {
		files, err := r.takeFolder(ctx, m, f.Taken, f.Target)
		if f.Optional && errors.Is(err, fs.ErrNotExist) {
			m.leftOut = append(m.leftOut, f.Target)
			r.detail("image %s: %s is left out: neither a package nor --srcdir has it", m.def.Name, f.Target)
			continue
		}
		errs = append(errs, err)
		for _, s := range files {
			errs = append(errs, m.generate(tree.Node{Path: s.Path, Mode: 0o444}, s.Text)) // share/mk/bsd.own.mk: FILESMODE
		}
	}
	return errors.Join(errs...)
}

// generate adds a file with the given contents, or a link, owned by root:wheel.
func (m *member) generate(n tree.Node, text []byte) error {
	if n.Link == "" {
		n.Size, n.Digest = int64(len(text)), sum.HexSHA256(text)
	}
	return m.place(n, text)
}

// place is generate for a file whose Digest is known, if only as the name of
// what it will be made of.
func (m *member) place(n tree.Node, text []byte) error {
	n.Type, n.Origin, n.Uname, n.Gname, n.Time = tree.File, tree.Generated, "root", "wheel", m.epoch
	if n.Link != "" {
		n.Type = tree.Symlink
	}
	if old := m.inherited(n.Path); old != nil && old.Origin == tree.Generated && old.Digest == n.Digest && old.Link == n.Link && old.Mode == n.Mode {
		return nil // a lower step has made it
	}
	if old := m.tree.Lookup(n.Path); old == nil || old.Origin != tree.Generated || !m.tree.Replace(n) {
		if err := m.tree.Put(n); err != nil {
			return err
		}
	}
	m.generated[n.Path] = text
	return nil
}

// keepImmutable leaves an immutable directory of the parent as it is: a second
// entry for it could not be extracted. A package that describes it without the
// flags has its way in the pkg database only.
func (m *member) keepImmutable(ctx context.Context) error {
	if m.parent == nil {
		return nil
	}
	var errs []error
	for old := range m.parent.tree.Until(ctx) {
		if old.Type != tree.Dir || !layer.Immutable(old.Flags) {
			continue
		}
		n := m.tree.Lookup(old.Path)
		if n.Mode != old.Mode || n.Uname != old.Uname || n.Gname != old.Gname {
			errs = append(errs, &tree.ConflictError{Path: n.Path, A: old.Owner(), B: n.Owner(),
				Reason: "the directory is immutable in the first and has another mode or owner in the second"})
		}
		m.tree.SetFlags(n.Path, old.Flags)
	}
	return errors.Join(errs...)
}

// changed reports whether this step put the node into the tree or changed it. Times do
// not count: a directory's is only that of the layer it is written in.
func (m *member) changed(n *tree.Node) bool {
	old := m.inherited(n.Path)
	if old == nil {
		return true
	}
	a, b := *old, *n
	a.Time, a.Package, a.Origin, b.Time, b.Package, b.Origin = 0, "", 0, 0, "", 0
	return a != b || n.Type != tree.Dir && n.Origin == tree.Packaged && old.Origin != tree.Packaged
}

// inherited is the parent's node at a path, nil if there is none.
func (m *member) inherited(path string) *tree.Node {
	if m.parent == nil {
		return nil
	}
	return m.parent.tree.Lookup(path)
}

// content returns a file that a hook generated or that was read from a
// package, of this image or an ancestor; nil if there is none.
func (m *member) content(path string) []byte {
	n := m.tree.Lookup(path)
	for at := m; at != nil && n != nil; at = at.parent {
		if text, ok := at.generated[path]; ok && n.Origin == tree.Generated {
			return text
		}
		for _, f := range at.packages {
			if f.Name == n.Package {
				return f.contents[path]
			}
		}
	}
	return nil
}

// times bounds the times of this step by its epoch. Directories have the epoch.
func (m *member) times(ctx context.Context) {
	for n := range m.tree.Until(ctx) {
		switch {
		case n.Type == tree.Dir:
			m.tree.SetTime(n.Path, m.epoch)
		case m.changed(n):
			m.tree.SetTime(n.Path, min(n.Time, m.epoch))
		}
	}
}
