// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"context"
	"maps"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tree"
)

// Asks is what the files of packages need at run time.
type Asks map[*input.Package]cache.Asks

// files gives access to the files of a root.
type files struct {
	root *Root
	in   input.Input
	asks Asks
}

// Files gives access to the root's files. The input reads packages again.
func (m *Root) Files(in input.Input, asks Asks) closure.Files { return &files{m, in, asks} }

// Owner returns the package of a node, and its full name for messages.
func (r *files) Owner(n *tree.Node) (pkg, by string) {
	if f := r.root.owner(n); f != nil {
		return f.Name, f.FullName()
	}
	if n.Origin == tree.Packaged {
		if p := r.root.Plan.Lookup(n.Package); p != nil {
			return p.Name, p.FullName()
		}
	}
	return "", n.Owner()
}

// Asks returns what a file needs at run time, if its package was read.
func (r *files) Asks(n *tree.Node) closure.Asks {
	f := r.root.owner(n)
	if f == nil && r.root.onBase(n) {
		return r.root.Base.Whole.Asks(n)
	}
	if own := r.root.ownFile(n); own != nil {
		return own.Asks
	}
	if f == nil {
		return closure.Asks{Script: shebang.Of(r.root.content(n.Path))}
	}
	found := closure.Asks{Script: r.asks[f].Scripts[n.Path]}
	if needs, ok := r.asks[f].Needs[n.Path]; ok {
		found.Needs = &needs
	}
	return found
}

// Texts returns the contents of files, which are usually in memory. Those of targets of
// links are not, so it reads their packages again.
func (r *files) Texts(ctx context.Context, nodes []*tree.Node) (map[string][]byte, error) {
	texts, missing, below := map[string][]byte{}, map[*input.Package]map[string]bool{}, map[string]bool{}
	for _, n := range nodes {
		texts[n.Path] = r.root.content(n.Path)
		if own := r.root.ownFile(n); own != nil {
			var err error
			if texts[n.Path], err = own.Read(ctx, maxText); err != nil {
				return texts, err
			}
			continue
		}
		below[n.Path] = texts[n.Path] == nil && r.root.onBase(n)
		if f := r.root.owner(n); f != nil && texts[n.Path] == nil {
			if missing[f] == nil {
				missing[f] = map[string]bool{}
			}
			missing[f][n.Path] = true
		}
	}
	if maps.DeleteFunc(below, func(_ string, is bool) bool { return !is }); len(below) > 0 {
		found, err := r.root.Base.Whole.ReadFiles(ctx, below)
		if err != nil {
			return texts, err
		}
		maps.Copy(texts, found)
	}
	for f, paths := range missing {
		found, err := input.ReadAgain(ctx, r.in, f, paths, false)
		if err != nil {
			return texts, err
		}
		for path := range paths {
			texts[path] = found.Contents[path]
		}
	}
	return texts, nil
}
