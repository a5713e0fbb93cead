// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// departed is what a step takes away again, of its own packages and of what is below.
type departed struct {
	paths map[string]string // the package that had it, by path
	// heirs are the names that files go on under whose first name is gone, by that: the
	// archive of a package has their contents under it.
	heirs map[string]string
	are   map[string]bool // heirs
}

// allDeparted is what a root and those below take away.
func (m *Root) allDeparted() departed {
	all := departed{map[string]string{}, map[string]string{}, map[string]bool{}}
	for _, at := range m.chain() {
		maps.Copy(all.paths, at.departed.paths)
		maps.Copy(all.heirs, at.departed.heirs)
		maps.Copy(all.are, at.departed.are)
	}
	return all
}

// depart takes away what the definition leaves out. What a package's row says of it
// stays, and goes into the list of departures.
func (b *Builder) depart(ctx context.Context, m *Root) error {
	for _, x := range m.Def.Without {
		m.Departures = append(m.Departures, lock.Departure{Kind: lock.PackageGone, Path: x.Pattern, Reason: x.Reason})
	}
	gone := map[string]bool{}
	if m.Def.PkgDatabase == define.DatabaseNone && m.inherited(pkgdb.Path) != nil {
		gone[pkgdb.Path] = true
	}
	m.recordChanges()
	if m.Def.Only != nil {
		if err := b.leaveOnly(ctx, m, gone); err != nil {
			return err
		}
	}
	if err := m.remove(ctx, gone); err != nil || len(gone) == 0 {
		return err
	}
	m.record(gone)
	return m.drop(ctx, gone)
}

// remove finds what the definition removes: files, links, and folders with all in them.
func (m *Root) remove(ctx context.Context, gone map[string]bool) error {
	used := map[string]bool{}
	var errs []error
	for n := range m.Tree.Until(ctx) {
		pattern := define.Among(m.Def.Remove, n.Path)
		if pattern == "" || gone[n.Path] {
			used[pattern] = true
			continue
		}
		used[pattern], gone[n.Path] = true, true
		if old := m.inherited(n.Path); old != nil && (layer.Immutable(old.Flags) || layer.Immutable(m.under.Lookup(tree.Parent(n.Path)).Flags)) {
			errs = append(errs, &tree.ConflictError{Path: n.Path, A: old.Owner(), B: "image " + m.Def.Name, Reason: "the second removes it, but it is immutable in the first"})
		}
	}
	for _, pattern := range m.Def.Remove {
		if !used[pattern] && ctx.Err() == nil {
			errs = append(errs, &UnremovedError{m.Def.Name, pattern})
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// UnremovedError is a pattern of what an image removes that matches nothing in it.
type UnremovedError struct{ Image, Pattern string }

func (e *UnremovedError) Error() string {
	return fmt.Sprintf("remove: %s: is not in the image", e.Pattern)
}

// Unmet reports that the request cannot be met.
func (*UnremovedError) Unmet() bool { return true }

// record lists what is gone although a package or a lower layer has it. A directory that
// no package has is none of these, unless it goes with a whiteout of its own.
func (m *Root) record(gone map[string]bool) {
	for _, path := range slices.Sorted(maps.Keys(gone)) {
		n := m.Tree.Lookup(path)
		if n.Type == tree.Dir && n.Origin != tree.Packaged && (m.inherited(path) == nil || gone[tree.Parent(path)]) {
			continue
		}
		n = m.asPackaged(n)
		m.Departures = append(m.Departures, lock.Departure{Kind: lock.FileGone, Path: path, Package: n.Package, Row: m.rowOf(n)})
	}
}

// drop takes paths out of the tree. A file whose first name is gone goes on under
// another one.
func (m *Root) drop(ctx context.Context, gone map[string]bool) error {
	m.departed = departed{map[string]string{}, map[string]string{}, map[string]bool{}}
	for path := range gone {
		m.departed.paths[path] = m.asPackaged(m.Tree.Lookup(path)).Package
	}
	for n := range m.Tree.Until(ctx) {
		if n.Type == tree.Hardlink && gone[n.Link] && !gone[n.Path] && m.departed.heirs[n.Link] == "" {
			m.departed.heirs[n.Link], m.departed.are[n.Path] = n.Path, true
		}
	}
	var relinked []tree.Node
	for n := range m.Tree.Until(ctx) {
		heir := m.departed.heirs[n.Link]
		if n.Type != tree.Hardlink || heir == "" || gone[n.Path] {
			continue
		}
		own := *n
		if own.Link = heir; n.Path == heir {
			first := *m.Tree.Lookup(n.Link)
			own.Type, own.Link, own.Size, own.Digest = tree.File, "", first.Size, first.Digest
		}
		relinked = append(relinked, own)
	}
	for _, n := range relinked {
		m.Tree.Replace(n)
	}
	for path := range gone {
		delete(m.Generated, path)
		delete(m.own, path)
		if m.inherited(path) != nil && !gone[tree.Parent(path)] {
			m.gone = append(m.gone, path)
		}
	}
	slices.Sort(m.gone)
	left, err := m.Tree.Without(ctx, func(n *tree.Node) bool { return gone[n.Path] })
	m.Tree = left
	return err
}

// leaveOnly finds the files of the step's packages that are not kept: it reads the
// packages to know what programs need.
func (b *Builder) leaveOnly(ctx context.Context, m *Root, gone map[string]bool) error {
	found, err := b.Asks(ctx, m)
	if err != nil {
		return err
	}
	command, env := lock.Runs(m.Def, m.Under())
	keep, err := closure.Reach(ctx, &closure.Image{Tree: m.Tree, Cmd: command, Env: env, Files: m.Files(b.Input, found)}, m.Def.Only.Programs)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for n := range m.Tree.Until(ctx) {
		pattern := define.Among(m.Def.Only.Paths, n.Path)
		used[pattern] = true
		if pattern != "" || keep[n.Path] || n.Type == tree.Dir || m.inherited(n.Path) != nil || n.Origin != tree.Packaged {
			continue
		}
		gone[n.Path] = true
	}
	var errs []error
	for _, pattern := range m.Def.Only.Paths {
		if !used[pattern] {
			errs = append(errs, &UnkeptError{pattern})
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// UnkeptError is a path that an image keeps, and that none of its packages has.
type UnkeptError struct{ Path string }

func (e *UnkeptError) Error() string { return fmt.Sprintf("only: %s: is not in the image", e.Path) }

// Unmet reports that the request cannot be met.
func (*UnkeptError) Unmet() bool { return true }

// noDatabase reports whether an image or an ancestor is to have no pkg database.
func noDatabase(m *resolve.Step) bool {
	return slices.ContainsFunc(m.Chain(), func(at *resolve.Step) bool { return at.Def.PkgDatabase == define.DatabaseNone })
}

// Name returns where an entry of a package's archive stands in the layer; "" if it does
// not stand there.
func (d *departed) Name(pkg, e string) string {
	by, gone := d.paths[e]
	switch {
	case gone && by == pkg:
		return d.heirs[e]
	case d.are[e]:
		return ""
	}
	return e
}
