// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// did records what a script of a package did.
func (m *Root) did(by *input.Package, format string, args ...any) {
	name, text := by.FullName(), fmt.Sprintf(format, args...)
	for i := range m.Scripts {
		if m.Scripts[i].Package == name {
			m.Scripts[i].Did = append(m.Scripts[i].Did, text)
			return
		}
	}
	m.Scripts = append(m.Scripts, lock.Done{Package: name, Did: []string{text}})
}

// real returns a path that leads through no symbolic link, but for its last part.
func (m *Root) real(path string) string {
	dir := tree.Parent(path)
	if dir == path {
		return path
	}
	if n := m.Tree.Resolve(dir); n != nil {
		dir = n.Path
	} else {
		dir = m.real(dir)
	}
	return strings.TrimSuffix(dir, "/") + path[strings.LastIndexByte(path, '/'):]
}

// homes makes the home directories of accounts. One that a package has stays as that has
// it.
func (m *Root) homes() error {
	var errs []error
	made := map[string]*input.Package{}
	for _, s := range m.scripts {
		for _, h := range s.effects.Homes {
			path := m.real(h.Path)
			n := tree.Node{Path: path, Type: tree.Dir, Mode: h.Mode, Uname: h.Uname, Gname: h.Gname, Origin: tree.Generated}
			if err := m.Tree.Put(n); err != nil {
				errs = append(errs, err)
				continue
			}
			if got := m.Tree.Lookup(path); got.Origin == tree.Generated && (got.Mode != n.Mode || got.Uname != n.Uname || got.Gname != n.Gname) {
				other := "another package"
				if made[path] != nil {
					other = made[path].FullName()
				}
				errs = append(errs, &tree.ConflictError{Path: path, A: other, B: s.by.FullName(), Reason: fmt.Sprintf(
					"their scripts make it %04o %s:%s and %04o %s:%s", got.Mode, got.Uname, got.Gname, n.Mode, n.Uname, n.Gname)})
			}
			made[path] = s.by
			m.did(s.by, "directory %s %04o %s:%s", path, h.Mode, h.Uname, h.Gname)
		}
	}
	return errors.Join(errs...)
}

// samples copies the samples of packages to where nothing is.
func (b *Builder) samples(ctx context.Context, m *Root) error {
	var errs []error
	m.copies = map[string]bool{}
	first := map[string]*input.Package{} // which made each copy
	for _, s := range m.scripts {
		for _, sample := range s.effects.Samples {
			to, from := m.real(sample.To), m.Tree.Resolve(sample.From)
			if from == nil || from.Type != tree.File {
				errs = append(errs, b.unknownScript(m, s.by, s.script))
				break
			}
			text, err := b.textOf(ctx, m, from)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			n := tree.Node{Path: to, Mode: from.Mode, Uname: from.Uname, Gname: from.Gname}
			if sample.Writable {
				n.Mode |= 0o200
			}
			if old := m.Tree.Lookup(to); old != nil {
				if m.copies[to] && (!bytes.Equal(m.Generated[to], text) || old.Mode != n.Mode || old.Uname != n.Uname || old.Gname != n.Gname) {
					errs = append(errs, &tree.ConflictError{Path: to, A: first[to].FullName(), B: s.by.FullName(), Reason: "their scripts copy different files there"})
				}
				m.did(s.by, "file %s, which was there", to)
				continue
			}
			m.copies[to], first[to] = true, s.by
			errs = append(errs, m.generate(n, text))
			m.did(s.by, "file %s from %s", to, from.Path)
		}
	}
	return errors.Join(errs...)
}

// isCopy reports whether a script of a lower step copied a sample to a path. A package
// that has a file there wins.
func (m *Root) isCopy(path string) bool {
	for at := m.Parent; at != nil; at = at.Parent {
		if at.copies[path] {
			return true
		}
	}
	return false
}

// textOf reads a file of the tree.
func (b *Builder) textOf(ctx context.Context, m *Root, n *tree.Node) ([]byte, error) {
	if text := m.content(n.Path); text != nil {
		return text, nil
	}
	if f := m.ownFile(n); f != nil {
		return f.Read(ctx, maxText)
	}
	if f := m.owner(n); f != nil {
		return b.packagedText(ctx, f, n.Path)
	}
	if m.onBase(n) {
		texts, err := m.Base.Whole.ReadFiles(ctx, map[string]bool{n.Path: true})
		if text, has := texts[n.Path]; has || err != nil {
			return text, err
		}
	}
	return nil, fmt.Errorf("%s: %s: could not be read", n.Owner(), n.Path)
}

// packagedText reads a file of a package again, under its first name.
func (b *Builder) packagedText(ctx context.Context, f *input.Package, path string) ([]byte, error) {
	for {
		again, err := input.ReadAgain(ctx, b.Input, f, map[string]bool{path: true}, true)
		if err != nil {
			return nil, err
		}
		i, _ := f.Manifest.Files.Find(path)
		e, known := again.Entries.File(i)
		if !known || e.HardLink == "" {
			return again.Contents[path], nil
		}
		path = e.HardLink
	}
}

// shells adds lines to /etc/shells. An image without that has the shells that libc names.
func (b *Builder) shells(m *Root) error {
	old := m.content(etc.ShellsFile)
	text := old
	for _, s := range m.scripts {
		for _, path := range s.effects.Shells {
			if old == nil {
				m.did(s.by, "shell %s: the image has no %s", path, etc.ShellsFile)
				b.Observe.Detail("image %s: %s: %s is not a login shell: the image has no %s", m.Def.Name, s.by.FullName(), path, etc.ShellsFile)
				continue
			}
			var added bool
			if text, added = etc.AddShell(text, path); added {
				m.did(s.by, "shell %s", path)
			} else {
				m.did(s.by, "shell %s, which was there", path)
			}
		}
	}
	if bytes.Equal(old, text) {
		return nil
	}
	return m.edit(etc.ShellsFile, text)
}

// merges compares the folders that scripts add to the hints of the run-time linker with
// those that are written: a package that brings libraries to a folder of its own has a list
// that names it.
func (b *Builder) merges(ctx context.Context, m *Root) error {
	var errs []error
	var written []string
	for _, s := range m.scripts {
		if s.effects.Merged == nil || m.Tree.Lookup(closure.RunTimeLinker) == nil {
			continue
		}
		if written == nil {
			written = closure.LibraryPath(m.Tree, m.texts(ctx, closure.LibraryLists))
		}
		if slices.ContainsFunc(s.effects.Merged, func(dir string) bool { return !slices.Contains(written, dir) }) {
			errs = append(errs, b.unknownScript(m, s.by, s.script))
		}
	}
	return errors.Join(errs...)
}

// noteIndexes records the indexes of manuals that are not written, and puts all records in
// order. What indexinfo(1) writes depends on the order in which the file system lists the
// folder (indexinfo.c: parse_info_dir), so no bytes are the right ones; info(1) finds each
// manual without it.
func (b *Builder) noteIndexes(m *Root) {
	for _, s := range m.scripts {
		if s.effects.Hints {
			m.did(s.by, "hints of the run-time linker")
		}
		for _, dir := range s.effects.Infos {
			m.did(s.by, "index %s/dir, which is not written", dir)
			if m.Tree.Lookup("/usr/local/bin/indexinfo") != nil {
				b.Observe.Detail("image %s: %s: %s/dir is not written: its bytes would depend on the file system; indexinfo(1) makes it", m.Def.Name, s.by.FullName(), dir)
			}
		}
	}
	slices.SortFunc(m.Scripts, func(a, b lock.Done) int { return strings.Compare(a.Package, b.Package) })
}
