// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// stand puts a root on what is below it: its parent's, or that of an image which was
// there before. It takes away what pkg leaves beside its database: that will be there
// whole.
func (m *Root) stand(ctx context.Context) error {
	switch {
	case m.Parent != nil:
		m.Below, m.under = m.Parent.Built, m.Parent.Tree
		m.Tree = m.under.Clone()
		return nil
	case m.Base == nil:
		return nil
	}
	err := m.Base.Examine(ctx)
	if err != nil {
		return err
	}
	if m.under, err = m.Base.Root(ctx); err != nil {
		return err
	}
	m.Tree, err = m.under.Without(ctx, func(n *tree.Node) bool {
		gone := pkgdb.IsJournal(n.Path)
		if gone {
			m.gone = append(m.gone, n.Path)
		}
		return gone
	})
	return err
}

// whiteout is the entry of a layer that removes a path of a lower one (image-spec,
// layer.md: Whiteouts).
func (m *Root) whiteout(path string) *tree.Node {
	return &tree.Node{Path: layer.Whiteout(path), Type: tree.File, Mode: 0o644, Uname: "root", Gname: "wheel", Time: m.Epoch, Digest: tree.DigestOf(nil)}
}

// lenders returns the packages of the image below that have what a definition takes,
// with its contents.
func (m *Root) lenders(ctx context.Context, t define.Taken) ([]*input.Package, error) {
	if m.Base == nil {
		return nil, nil
	}
	want, of := map[string]bool{}, map[string]*pkgdb.Installed{}
	for i := range m.Base.Whole.Packages {
		p := &m.Base.Whole.Packages[i]
		if !slices.Contains(t.From, p.Name) {
			continue
		}
		for j := range p.Files.Len() {
			path := p.Files.Path(j)
			if path == t.Path && !t.Folder || t.Folder && strings.HasPrefix(path, t.Path+"/") {
				want[path], of[path] = true, p
			}
		}
	}
	if len(want) == 0 {
		return nil, nil
	}
	texts, err := m.Base.Whole.ReadFiles(ctx, want)
	if err != nil {
		return nil, err
	}
	packages := map[string]*input.Package{}
	for path, text := range texts {
		p := of[path]
		if packages[p.Name] == nil {
			packages[p.Name] = &input.Package{Package: &catalog.Package{Summary: p.Summary()}, Contents: map[string][]byte{}}
		}
		packages[p.Name].Contents[path] = text
	}
	return slices.Collect(maps.Values(packages)), nil
}
