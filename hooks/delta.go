// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// delta is the content of a layer.
type delta struct {
	epoch     int64
	dirs      []*tree.Node
	whiteouts []*tree.Node      // by path
	packages  []*input.Package  // by name
	generated map[string][]byte // nil in a layer of packages alone
}

// deltasOf are the contents of a step's layers, lowest first; nil for none.
func deltasOf(ctx context.Context, m *Root, squash bool) []delta {
	switch {
	case !squash:
		return m.deltas(ctx)
	case !m.Wanted:
		return nil
	}
	return []delta{m.squashed(ctx)}
}

// nodes yields the entries of the layer in their order.
func (d *delta) nodes(m *Root) iter.Seq[*tree.Node] {
	return func(yield func(*tree.Node) bool) {
		for _, n := range slices.Concat(d.dirs, d.whiteouts) {
			if !yield(n) {
				return
			}
		}
		for _, f := range d.packages {
			for n := range m.packaged(f) {
				if !yield(n) {
					return
				}
			}
		}
		for _, path := range slices.Sorted(maps.Keys(d.generated)) {
			if !yield(m.Tree.Lookup(path)) {
				return
			}
		}
	}
}

// checkExtraction makes sure that FreeBSD can extract the image.
func checkExtraction(ctx context.Context, m *Layered) error {
	var layers []iter.Seq[*tree.Node]
	for at := m; at != nil; at = at.below {
		for _, nodes := range slices.Backward(at.nodes) {
			layers = append(layers, nodes)
		}
	}
	if m.Base != nil {
		for _, nodes := range slices.Backward(m.Base.Whole.Layers) {
			layers = append(layers, nodes.All())
		}
	}
	slices.Reverse(layers)
	return layer.CheckExtraction(ctx, layers)
}

// deltas are the step's own layers: those of packages alone, and the last one.
func (m *Root) deltas(ctx context.Context) []delta {
	whole := m.delta(ctx)
	if len(m.parts) == 0 {
		return []delta{whole}
	}
	var list []delta
	has := map[string]bool{} // directories in their final form
	for i, p := range m.parts {
		need := m.neededBy(p.packages)
		need["/"] = m.under == nil && i == 0
		d := delta{epoch: p.epoch, packages: p.packages}
		for _, n := range whole.dirs {
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
			d.dirs = append(d.dirs, &n)
		}
		list = append(list, d)
	}
	whole.packages = nil
	need := map[string]bool{}
	for path := range whole.generated {
		needDir(need, tree.Parent(path))
	}
	for _, n := range whole.whiteouts {
		needDir(need, tree.Parent(n.Path))
	}
	for _, n := range whole.dirs {
		if !has[n.Path] {
			needDir(need, n.Path)
		}
	}
	whole.dirs = slices.DeleteFunc(whole.dirs, func(n *tree.Node) bool { return !need[n.Path] || n.Path == "/" })
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
			if name := m.departed.name(f.Name, f.Manifest.Files.Path(i)); name != "" {
				needDir(need, tree.Parent(name))
			}
		}
	}
	return need
}

// delta is the step's own part in one layer: what its packages install, generated files
// that differ from the parent's, and the directories that are new, changed or
// hold one of these.
func (m *Root) delta(ctx context.Context) delta {
	d := delta{epoch: m.Epoch, packages: m.Packages, generated: map[string][]byte{}}
	need := m.neededBy(m.Packages)
	for path, text := range m.Generated {
		if n := m.Tree.Lookup(path); n.Origin == tree.Generated && m.changed(n) {
			d.generated[path] = text
			needDir(need, tree.Parent(path))
		}
	}
	for n := range m.Tree.Until(ctx) {
		if n.Type == tree.Dir && m.changed(n) {
			needDir(need, n.Path)
		}
	}
	for _, path := range m.gone {
		d.whiteouts = append(d.whiteouts, m.whiteout(path))
		needDir(need, tree.Parent(path))
	}
	need["/"] = m.under == nil // only the lowest layer has an entry for the root
	for dir := range need {
		n := m.Tree.Lookup(dir)
		if n == nil || !m.changed(n) && layer.Immutable(n.Flags) { // nil for one that is left out
			need[dir] = false
		}
	}
	d.dirs = m.directories(ctx, need)
	return d
}

// squashed is the delta of the whole image.
func (m *Root) squashed(ctx context.Context) delta {
	m.departed = m.allDeparted()
	if m.Base != nil {
		return m.squashedOn(ctx)
	}
	d := delta{epoch: m.Epoch, generated: map[string][]byte{}}
	for _, at := range m.chain() {
		d.packages = append(d.packages, at.Packages...)
		for path, text := range at.Generated {
			if m.Tree.Lookup(path).Origin == tree.Generated {
				d.generated[path] = text
			}
		}
	}
	slices.SortFunc(d.packages, func(a, b *input.Package) int { return cmp.Compare(a.Name, b.Name) })
	need := map[string]bool{}
	for n := range m.Tree.Until(ctx) {
		if n.Type == tree.Dir {
			need[n.Path] = true
		}
	}
	d.dirs = m.directories(ctx, need)
	return d
}

// squashedOn is the delta of all steps that stand on an image.
func (m *Root) squashedOn(ctx context.Context) delta {
	whole := *m
	lowest := m.chain()[0]
	whole.Parent, whole.under, whole.gone = nil, lowest.under, lowest.gone
	whole.Packages, whole.Generated = nil, map[string][]byte{}
	for _, at := range m.chain() {
		whole.Packages = append(whole.Packages, at.Packages...)
		maps.Copy(whole.Generated, at.Generated)
	}
	slices.SortFunc(whole.Packages, func(a, b *input.Package) int { return cmp.Compare(a.Name, b.Name) })
	return whole.delta(ctx)
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
