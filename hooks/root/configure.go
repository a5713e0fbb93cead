// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// configure adds directories of mtree files and files from donors or the source
// tree, applies scripts to these, and adds what FreeBSD's programs would write. Then
// it resolves every owner in the image's own accounts, bounds every time by the
// epoch, and takes away what the definition leaves out. All nodes are complete after it.
func (b *Builder) configure(ctx context.Context, m *Root) error {
	err := errors.Join(b.mtrees(ctx, m), b.files(ctx, m), b.folders(ctx, m), b.bring(ctx, m), b.runScripts(ctx, m))
	if err == nil {
		err = b.change(ctx, m)
	}
	if err == nil {
		err = errors.Join(b.generators(ctx, m), b.attributes(ctx, m), m.keepImmutable(ctx))
	}
	if err == nil {
		err = b.owners(ctx, m)
	}
	m.times(ctx)
	if err == nil {
		err = b.depart(ctx, m)
	}
	return err
}

func (b *Builder) mtrees(ctx context.Context, m *Root) error {
	errs := []error{m.localFolders(ctx)}
	for _, mt := range m.Def.Mtree {
		files, err := b.take(ctx, m, mt.Taken, mt.Path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		nodes, err := tree.ReadMtree(until.Reader(ctx, bytes.NewReader(files[0].Text)), mt.Path, mt.Prefix)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, n := range nodes {
			if err := m.Tree.Put(n); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (b *Builder) files(ctx context.Context, m *Root) error {
	var errs []error
	for _, f := range m.Def.Files {
		if f.Given() { // see bring
			continue
		}
		files, err := b.take(ctx, m, f.Taken, f.Target)
		if f.Optional && errors.Is(err, fs.ErrNotExist) {
			m.LeftOut = append(m.LeftOut, f.Target)
			b.Observe.Detail("image %s: %s is left out: neither a package nor --srcdir has it", m.Def.Name, f.Target)
			continue
		}
		if err == nil {
			err = m.generate(tree.Node{Path: f.Target, Mode: f.Mode, Uname: f.Owner, Gname: f.Group}, files[0].Text)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// folders adds the files of folders that no package of the image installs.
func (b *Builder) folders(ctx context.Context, m *Root) error {
	var errs []error
	for _, f := range m.Def.Folders {
		files, err := b.take(ctx, m, f.Taken, f.Target)
		if f.Optional && errors.Is(err, fs.ErrNotExist) {
			m.LeftOut = append(m.LeftOut, f.Target)
			b.Observe.Detail("image %s: %s is left out: neither a package nor --srcdir has it", m.Def.Name, f.Target)
			continue
		}
		errs = append(errs, err)
		for _, s := range files {
			errs = append(errs, m.generate(tree.Node{Path: s.Path, Mode: 0o444}, s.Text)) // share/mk/bsd.own.mk: FILESMODE
		}
	}
	return errors.Join(errs...)
}

// generate adds a file with the given contents, or a link. Without an owner it is
// root:wheel's.
func (m *Root) generate(n tree.Node, text []byte) error {
	if n.Link == "" {
		n.Size, n.Digest = int64(len(text)), tree.DigestOf(text)
	}
	return m.place(n, text)
}

// place is generate for a file whose Digest is known, even if that is only a name for
// the inputs of the file.
func (m *Root) place(n tree.Node, text []byte) error {
	n.Type, n.Origin, n.Uname, n.Gname, n.Time = tree.File, tree.Generated, orRoot(n.Uname), orWheel(n.Gname), m.Epoch
	if n.Link != "" {
		n.Type = tree.Symlink
	}
	if old := m.inherited(n.Path); old != nil && isSame(old, &n) {
		return nil // a lower step has it
	}
	if old := m.Tree.Lookup(n.Path); old == nil || old.Origin != tree.Generated || !m.Tree.Replace(n) {
		if err := m.Tree.Put(n); err != nil {
			return err
		}
	}
	m.Generated[n.Path] = text
	return nil
}

// keepImmutable keeps an immutable directory of the parent as it is: a second entry
// for it could not be extracted. If a package has it without the flags, only the pkg
// database says so.
func (m *Root) keepImmutable(ctx context.Context) error {
	if m.under == nil {
		return nil
	}
	var errs []error
	for old := range m.under.Until(ctx) {
		if old.Type != tree.Dir || !layer.Immutable(old.Flags) {
			continue
		}
		n := m.Tree.Lookup(old.Path)
		if n.Mode != old.Mode || n.Uname != old.Uname || n.Gname != old.Gname {
			errs = append(errs, &tree.ConflictError{Path: n.Path, A: old.Owner(), B: n.Owner(),
				Reason: "the directory is immutable in the first and has another mode or owner in the second"})
		}
		m.Tree.SetFlags(n.Path, old.Flags)
	}
	return errors.Join(errs...)
}

// changed reports whether this step added the node or changed it. Times do not count:
// a directory has the time of the layer that it is written in.
func (m *Root) changed(n *tree.Node) bool {
	old := m.inherited(n.Path)
	if old == nil {
		return true
	}
	a, b := *old, *n
	a.Time, a.Package, a.Origin, b.Time, b.Package, b.Origin = 0, "", 0, 0, "", 0
	return a != b || n.Type != tree.Dir && n.Origin == tree.Packaged && old.Origin != tree.Packaged
}

// inherited returns the node at a path that is below this step, nil for none.
func (m *Root) inherited(path string) *tree.Node {
	if m.under == nil {
		return nil
	}
	return m.under.Lookup(path)
}

// content returns a file of this image or an ancestor that was generated or read
// from a package; nil for none.
func (m *Root) content(path string) []byte {
	n := m.Tree.Lookup(path)
	if n != nil && m.ownFile(n) != nil {
		return nil
	}
	for at := m; at != nil && n != nil; at = at.Parent {
		if text, ok := at.Generated[path]; ok && n.Origin == tree.Generated {
			return text
		}
		for _, f := range at.Packages {
			if f.Name == n.Package {
				return f.Contents[path]
			}
		}
	}
	if n != nil && m.onBase(n) {
		return m.Base.Whole.Text(path)
	}
	return nil
}

// onBase reports whether a node is still that of the image below all steps.
func (m *Root) onBase(n *tree.Node) bool {
	if m.Base == nil {
		return false
	}
	old := m.Base.Whole.Tree.Lookup(n.Path)
	return old != nil && old.Type == n.Type && old.Digest == n.Digest && old.Link == n.Link
}

// times bounds the times of this step by its epoch. Directories have the epoch.
func (m *Root) times(ctx context.Context) {
	for n := range m.Tree.Until(ctx) {
		switch {
		case n.Type == tree.Dir:
			m.Tree.SetTime(n.Path, m.Epoch)
		case m.changed(n):
			m.Tree.SetTime(n.Path, min(n.Time, m.Epoch))
		}
	}
}

// owners sets the numeric ids of every node. Nodes of the parent keep theirs.
func (b *Builder) owners(ctx context.Context, m *Root) error {
	accounts, err := etc.In(m.content)
	if err != nil {
		return fault.Content(err)
	}
	b.noteAccounts(m, accounts)
	errs := []error{checkUser(m.Def.User, accounts)}
	for n := range m.Tree.Until(ctx) {
		if old := m.inherited(n.Path); old != nil && old.Uname == n.Uname && old.Gname == n.Gname {
			m.Tree.SetOwner(n.Path, old.UID, old.GID)
			continue
		}
		uid, ok := accounts.UID(n.Uname)
		if !ok {
			errs = append(errs, &OwnerError{m.by(n), n.Path, "user", n.Uname})
		}
		gid, ok := accounts.GID(n.Gname)
		if !ok {
			errs = append(errs, &OwnerError{m.by(n), n.Path, "group", n.Gname})
		}
		m.Tree.SetOwner(n.Path, uid, gid)
	}
	return errors.Join(errs...)
}

// noteAccounts reports the users and groups that packages need and the image lacks.
// pkg only records them.
func (b *Builder) noteAccounts(m *Root, accounts *etc.Accounts) {
	for _, f := range m.Packages {
		for _, kind := range []struct {
			name   string
			needed []string
			lookup func(string) (int, bool)
		}{{"user", f.Manifest.Users, accounts.UID}, {"group", f.Manifest.Groups, accounts.GID}} {
			for _, name := range kind.needed {
				if _, ok := kind.lookup(name); !ok {
					m.NoAccount = append(m.NoAccount, f.FullName()+": "+kind.name+" "+name)
					b.Observe.Notice("image %s: %s: its %s %q is not in the image", m.Def.Name, f.FullName(), kind.name, name)
				}
			}
		}
	}
}

// OwnerError is an owner that the image's accounts lack.
type OwnerError struct {
	By, Path   string // the origin of the path
	Kind, Name string // "user" or "group", and which
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("%s: %s: %s %q is not in the image's accounts", e.By, e.Path, e.Kind, e.Name)
}

// Unmet reports that the request cannot be met.
func (*OwnerError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *OwnerError) Parts() (what, where, found, wanted string) {
	return "is not in the image's accounts", e.By + ": " + e.Path, "", e.Kind + " " + e.Name
}

// Lacks returns the missing account, and who needs it.
func (e *OwnerError) Lacks() (what, by string) { return e.Kind + " " + e.Name, e.By + ": " + e.Path }
