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
	dirs      []*tree.Node
	whiteouts []*tree.Node     // by path
	packages  []*input.Package // by name
	generated map[string][]byte
}

// deltaOf is the content of the layer that ends with a step; false for no such layer.
func deltaOf(ctx context.Context, m *Root, squash bool) (delta, bool) {
	if !squash {
		return m.delta(ctx), true
	}
	if !m.Wanted {
		return delta{}, false
	}
	return m.squashed(ctx), true
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
		layers = append(layers, at.nodes)
	}
	if m.Base != nil {
		for _, nodes := range slices.Backward(m.Base.Whole.Layers) {
			layers = append(layers, nodes.All())
		}
	}
	slices.Reverse(layers)
	return layer.CheckExtraction(ctx, layers)
}

// delta is the step's own part: what its packages install, generated files
// that differ from the parent's, and the directories that are new, changed or
// hold one of these.
func (m *Root) delta(ctx context.Context) delta {
	d := delta{packages: m.Packages, generated: map[string][]byte{}}
	need := map[string]bool{}
	for _, f := range m.Packages {
		for _, dir := range f.Manifest.Dirs {
			needDir(need, dir.Path)
		}
		for i := range f.Manifest.Files.Len() {
			if name := m.departed.name(f.Manifest.Files.Path(i)); name != "" {
				needDir(need, tree.Parent(name))
			}
		}
	}
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
	if m.Base != nil {
		return m.squashedOn(ctx)
	}
	d := delta{generated: map[string][]byte{}}
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
