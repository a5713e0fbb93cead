// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/tree"
)

// scripts checks what pkg would run when it installs a package: it is known, skipped
// by request, or an error. runScripts applies it to the tree later.
func (b *Builder) scripts(m *Root, f *input.Package) []error {
	var errs []error
	for _, s := range f.Manifest.InstallScripts() {
		e, ok := script.Of(f.Manifest, s)
		if !ok || m.skipsKnown(f, s.Script) {
			errs = append(errs, b.unknownScript(m, f, s.Script))
			continue
		}
		if e.Without != "" {
			b.Observe.Notice("image %s: %s: %s is not written: no kernel in a container reads it", m.Def.Name, f.FullName(), e.Without)
		}
		m.scripts = append(m.scripts, pending{f, s.Script, e})
	}
	for i := range f.Manifest.Files.Len() {
		path := f.Manifest.Files.Path(i)
		if isTrigger(path) && !script.KnownTriggers[path] {
			errs = append(errs, b.unknownScript(m, f, pkgfile.Script{Phase: path, Text: f.Manifest.Files.Sum(i)}))
		}
	}
	return errs
}

// unknownScript returns an error, unless the user skips the script.
func (b *Builder) unknownScript(m *Root, f *input.Package, s pkgfile.Script) error {
	found := lock.Script{Package: f.FullName(), Phase: s.Phase, SHA256: sum.HexSHA256([]byte(s.Text))}
	skipped, ok := b.skips(m, f.Name, found)
	if !ok {
		return &script.UnknownError{Package: f.FullName(), Phase: s.Phase, Text: s.Text, Instead: m.otherText(found)}
	}
	if _, named := m.namedSkip(f.Name, s.Phase); m.Pinned != nil && !b.SkipScripts && !((m.Def.SkipScripts || named) && m.DefinedWell()) {
		m.doubt("image %s goes without the %s script of %s; --unknown-scripts skip accepts that", m.Def.Name, s.Phase, f.FullName())
	}
	m.Skipped = append(m.Skipped, skipped)
	b.Observe.Notice("image %s: %s: its %s script is skipped", m.Def.Name, f.FullName(), s.Phase)
	return nil
}

// pending is a known script that is applied once every path of its image is there.
type pending struct {
	by      *input.Package
	script  pkgfile.Script
	effects script.Effects
}

// runScripts applies the pending scripts; what ports' scripts do in the order of the names
// of their packages, accounts first, since files have owners among them. A script that
// changes or copies a path that is not there counts as unknown, and so does one that adds to
// the hints of the run-time linker what no list of folders has.
func (b *Builder) runScripts(ctx context.Context, m *Root) error {
	var errs []error
	for _, s := range m.scripts {
		if !script.CanChmod(m.Tree, s.effects.Chmods, func(n *tree.Node) bool { return m.owner(n) == s.by }) {
			errs = append(errs, b.unknownScript(m, s.by, s.script))
			continue
		}
		for _, c := range s.effects.Chmods {
			errs = append(errs, m.chmod(s.by, c))
		}
	}
	slices.SortStableFunc(m.scripts, func(a, b pending) int { return cmp.Compare(a.by.Name, b.by.Name) })
	errs = append(errs, m.accounts(), m.homes(), b.samples(ctx, m), b.shells(m), b.merges(ctx, m))
	b.noteIndexes(m)
	return errors.Join(append(errs, m.unusedSkips())...)
}

// given is a mode that a script sets. pkg's database keeps the mode of the package.
type given struct {
	mode uint32
	by   *input.Package
}

// chmod applies chmod(1) of a package's script to the tree. Two packages that set
// different modes are an error, since no order of theirs is defined.
func (m *Root) chmod(by *input.Package, c script.Chmod) error {
	path := m.Tree.Resolve(c.Path).Path
	for at := m; at != nil; at = at.Parent {
		if old, has := at.given[path]; has && old.by != by && old.mode != c.Mode {
			return &tree.ConflictError{Path: path, A: old.by.FullName(), B: by.FullName(),
				Reason: fmt.Sprintf("their scripts give it the modes %04o and %04o", old.mode, c.Mode)}
		}
	}
	if m.given == nil {
		m.given = map[string]given{}
	}
	m.given[path] = given{c.Mode, by}
	m.Tree.SetMode(path, c.Mode)
	return nil
}
