// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/edit"
	"github.com/orlop/orlop/release/tree"
)

// change does what the definition wants of files that are there: accounts, lines of
// rc.conf, and edits.
func (b *Builder) change(ctx context.Context, m *Root) error {
	errs := []error{m.setAccounts(), b.setRC(ctx, m)}
	for _, e := range m.Def.Edits {
		errs = append(errs, b.editFile(ctx, m, e))
	}
	return errors.Join(errs...)
}

// editFile changes the text of a file. Of a package's config file, pkg's database keeps the
// package's text, so that pkg(8) can merge the next version's.
func (b *Builder) editFile(ctx context.Context, m *Root, d define.Edit) error {
	n := m.Tree.Resolve(d.Path)
	if n == nil || n.Type == tree.Dir {
		return &NoFileError{"edit", d.Path}
	}
	if err := m.alone(n); err != nil {
		return err
	}
	old, err := b.textOf(ctx, m, n)
	if err != nil {
		return err
	}
	e := edit.Edit{Comment: d.Comment, Append: d.Append, Times: d.Times, Sign: d.Sign}
	for _, p := range d.Replace {
		e.Replace = append(e.Replace, edit.Pair{Old: p.Key, New: p.Value})
	}
	for _, p := range d.Set {
		e.Set = append(e.Set, edit.Pair{Old: p.Key, New: p.Value})
	}
	text, err := e.Apply(n.Path, old)
	if err != nil {
		return err
	}
	m.touch(n)
	return m.edit(n.Path, text)
}

// NoFileError is a file that the definition changes, and that is not in the image.
type NoFileError struct{ Key, Path string }

func (e *NoFileError) Error() string {
	return fmt.Sprintf("%s: the image has no file %s", e.Key, e.Path)
}

// Unmet reports that the request cannot be met.
func (*NoFileError) Unmet() bool { return true }

// attributes gives owners and modes to all that the definition's patterns match, whoever
// has brought it. All names of an inode share them.
func (b *Builder) attributes(ctx context.Context, m *Root) error {
	if len(m.Def.Attributes) == 0 {
		return nil
	}
	names := map[string][]string{} // further ones of each file that has some
	for n := range m.Tree.Until(ctx) {
		if n.Type == tree.Hardlink {
			names[n.Link] = append(names[n.Link], n.Path)
		}
	}
	var errs []error
	for _, a := range m.Def.Attributes {
		var paths []string
		matched := false
		for n := range m.Tree.Until(ctx) {
			if !a.Matches(n.Path) {
				continue
			}
			matched = true
			if n.Type == tree.Hardlink {
				paths = append(paths, n.Link)
			} else {
				paths = append(paths, n.Path)
			}
		}
		if !matched && ctx.Err() == nil {
			errs = append(errs, &own.UnmatchedError{Key: "attributes", Pattern: a.Pattern})
		}
		slices.Sort(paths)
		for _, path := range slices.Compact(paths) {
			for _, name := range append([]string{path}, names[path]...) {
				errs = append(errs, b.attribute(ctx, m, name, a))
			}
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// attribute gives a path owner, group and mode, as far as they are said. A mode for all in
// a folder is not one for the folders in it, and none is for a link.
func (b *Builder) attribute(ctx context.Context, m *Root, path string, a define.Attributes) error {
	n := m.Tree.Lookup(path)
	old := *n
	if a.Owner != "" {
		n.Uname = a.Owner
	}
	if a.Group != "" {
		n.Gname = a.Group
	}
	if a.Mode != 0 && n.Type != tree.Symlink && (n.Type != tree.Dir || a.Pattern == path) {
		n.Mode = a.Mode
	}
	if *n == old {
		return nil
	}
	m.touch(&old)
	m.claim(path)
	if n.Type == tree.Dir || m.inherited(path) == nil {
		m.Tree.SetAttributes(path, n.Mode, n.Uname, n.Gname)
		return nil
	}
	return b.copyUp(ctx, m, n)
}

// copyUp puts a file of a lower step into this one, with other attributes: a layer has no
// way to change these alone.
func (b *Builder) copyUp(ctx context.Context, m *Root, n *tree.Node) error {
	if n.Type == tree.Hardlink {
		first := m.Tree.Lookup(n.Link) // which comes before it
		n.Type, n.Link, n.Size, n.Digest = tree.File, "", first.Size, first.Digest
	}
	var text []byte
	if n.Type == tree.File {
		var err error
		if text, err = b.textOf(ctx, m, n); err != nil {
			return err
		}
		n.Size, n.Digest = int64(len(text)), tree.DigestOf(text)
	}
	n.Origin, n.Package, n.Time = tree.Generated, "", m.Epoch
	m.Tree.Replace(*n)
	m.Generated[n.Path] = text
	delete(m.own, n.Path)
	return nil
}
