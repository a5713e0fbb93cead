// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// Delta is the content of a layer.
type Delta struct {
	Epoch     int64 // seconds
	Dirs      []*tree.Node
	Whiteouts []*tree.Node      // by path
	Packages  []*input.Package  // by name
	Generated map[string][]byte // nil in a layer of packages alone
	Own       []*own.File       // of the definition, by group and path
}

// Deltas are the contents of the step's layers, lowest first; nil for none.
func (m *Root) Deltas(ctx context.Context, squash bool) []Delta {
	switch {
	case !squash:
		return m.deltas(ctx)
	case !m.Wanted:
		return nil
	}
	return []Delta{m.squashed(ctx)}
}

// Nodes yields the entries of the layer in their order.
func (d *Delta) Nodes(m *Root) iter.Seq[*tree.Node] {
	return func(yield func(*tree.Node) bool) {
		for _, n := range slices.Concat(d.Dirs, d.Whiteouts) {
			if !yield(n) {
				return
			}
		}
		for _, f := range d.Packages {
			for n := range m.Packaged(f) {
				if !yield(n) {
					return
				}
			}
		}
		for _, path := range slices.Sorted(maps.Keys(d.Generated)) {
			if !yield(m.Tree.Lookup(path)) {
				return
			}
		}
		for _, f := range d.Own {
			if !yield(m.Tree.Lookup(f.Path)) {
				return
			}
		}
	}
}

// deltas are the step's own layers: those of packages alone, and the last one.
func (m *Root) deltas(ctx context.Context) []Delta {
	whole := m.delta(ctx)
	if len(m.parts) == 0 {
		return []Delta{whole}
	}
	var list []Delta
	has := map[string]bool{} // directories in their final form
	for i, p := range m.parts {
		need := m.neededBy(p.packages)
		need["/"] = m.under == nil && i == 0
		d := Delta{Epoch: p.epoch, Packages: p.packages}
		for _, n := range whole.Dirs {
			if !need[n.Path] {
				continue
			}
			n := *n
			n.Time = p.epoch
			if layer.Immutable(n.Flags) {
				n.Flags = "" // until the last layer: others may write there
			} else {
				has[n.Path] = true
			}
			d.Dirs = append(d.Dirs, &n)
		}
		list = append(list, d)
	}
	whole.Packages = nil
	need := map[string]bool{}
	for path := range whole.Generated {
		needDir(need, tree.Parent(path))
	}
	for _, f := range whole.Own {
		needDir(need, tree.Parent(f.Path))
	}
	for _, n := range whole.Whiteouts {
		needDir(need, tree.Parent(n.Path))
	}
	for _, n := range whole.Dirs {
		if !has[n.Path] {
			needDir(need, n.Path)
		}
	}
	whole.Dirs = slices.DeleteFunc(whole.Dirs, func(n *tree.Node) bool { return !need[n.Path] || n.Path == "/" })
	return append(list, whole)
}

// neededBy are the directories of packages, and those that their files are in.
func (m *Root) neededBy(packages []*input.Package) map[string]bool {
	need := map[string]bool{}
	for _, f := range packages {
		for _, dir := range f.Manifest.Dirs {
			needDir(need, dir.Path)
		}
		for i := range f.Manifest.Files.Len() {
			if name := m.Name(f.Name, f.Manifest.Files.Path(i)); name != "" {
				needDir(need, tree.Parent(name))
			}
		}
	}
	return need
}

// delta is the step's own part in one layer: what its packages install, generated files
// that differ from the parent's, and the directories that are new, changed or
// hold one of these.
func (m *Root) delta(ctx context.Context) Delta {
	d := Delta{Epoch: m.Epoch, Packages: m.Packages, Generated: map[string][]byte{}}
	need := m.neededBy(m.Packages)
	for path, text := range m.Generated {
		if n := m.Tree.Lookup(path); n.Origin == tree.Generated && m.changed(n) {
			d.Generated[path] = text
			needDir(need, tree.Parent(path))
		}
	}
	for path, f := range m.own {
		if m.changed(m.Tree.Lookup(path)) {
			d.Own = append(d.Own, f)
			needDir(need, tree.Parent(path))
		}
	}
	slices.SortFunc(d.Own, own.Order)
	for n := range m.Tree.Until(ctx) {
		if n.Type == tree.Dir && m.changed(n) {
			needDir(need, n.Path)
		}
	}
	for _, path := range m.gone {
		d.Whiteouts = append(d.Whiteouts, m.whiteout(path))
		needDir(need, tree.Parent(path))
	}
	need["/"] = m.under == nil // only the lowest layer has an entry for the root
	for dir := range need {
		n := m.Tree.Lookup(dir)
		if n == nil || !m.changed(n) && layer.Immutable(n.Flags) { // nil for one that is left out
			need[dir] = false
		}
	}
	d.Dirs = m.directories(ctx, need)
	return d
}

// squashed is the delta of the whole image.
func (m *Root) squashed(ctx context.Context) Delta {
	m.departed = m.allDeparted()
	if m.Base != nil {
		return m.squashedOn(ctx)
	}
	d := Delta{Epoch: m.Epoch, Generated: map[string][]byte{}}
	texts, files := m.made()
	for path, text := range texts {
		if m.Tree.Lookup(path).Origin == tree.Generated {
			d.Generated[path] = text
		}
	}
	for path, f := range files {
		if m.Tree.Lookup(path).Origin == tree.Generated {
			d.Own = append(d.Own, f)
		}
	}
	slices.SortFunc(d.Own, own.Order)
	for _, at := range m.chain() {
		d.Packages = append(d.Packages, at.Packages...)
	}
	slices.SortFunc(d.Packages, func(a, b *input.Package) int { return cmp.Compare(a.Name, b.Name) })
	need := map[string]bool{}
	for n := range m.Tree.Until(ctx) {
		if n.Type == tree.Dir {
			need[n.Path] = true
		}
	}
	d.Dirs = m.directories(ctx, need)
	return d
}

// squashedOn is the delta of all steps that stand on an image.
func (m *Root) squashedOn(ctx context.Context) Delta {
	whole := *m
	lowest := m.chain()[0]
	whole.Parent, whole.under, whole.gone = nil, lowest.under, lowest.gone
	whole.Packages = nil
	whole.Generated, whole.own = m.made()
	for _, at := range m.chain() {
		whole.Packages = append(whole.Packages, at.Packages...)
	}
	slices.SortFunc(whole.Packages, func(a, b *input.Package) int { return cmp.Compare(a.Name, b.Name) })
	return whole.delta(ctx)
}

// made are the generated files and the definitions' files of all steps, by path, but for
// those that a higher step takes away. What a higher step made counts.
func (m *Root) made() (map[string][]byte, map[string]*own.File) {
	texts, files := map[string][]byte{}, map[string]*own.File{}
	for _, at := range m.chain() {
		for path, text := range at.Generated {
			texts[path] = text
			delete(files, path)
		}
		for path, f := range at.own {
			files[path] = f
			delete(texts, path)
		}
	}
	maps.DeleteFunc(texts, func(path string, _ []byte) bool { return m.Tree.Lookup(path) == nil })
	maps.DeleteFunc(files, func(path string, _ *own.File) bool { return m.Tree.Lookup(path) == nil })
	return texts, files
}

// needDir marks a directory and its parents as needed.
func needDir(need map[string]bool, path string) {
	for !need[path] {
		need[path] = true
		path = tree.Parent(path)
	}
}

// directories lists the needed directories in path order.
func (m *Root) directories(ctx context.Context, need map[string]bool) []*tree.Node {
	var dirs []*tree.Node
	for n := range m.Tree.Until(ctx) {
		if need[n.Path] {
			dirs = append(dirs, new(*n))
		}
	}
	return dirs
}

// Packaged yields the nodes of a package's files, in the order of the manifest, but for
// those that scripts edit.
func (m *Root) Packaged(f *input.Package) iter.Seq[*tree.Node] {
	return func(yield func(*tree.Node) bool) {
		for i := range f.Manifest.Files.Len() {
			name := m.Name(f.Name, f.Manifest.Files.Path(i))
			if name == "" {
				continue
			}
			if n := m.Tree.Lookup(name); n.Origin != tree.Generated && !yield(n) {
				return
			}
		}
	}
}
