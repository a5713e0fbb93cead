// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// ownFragments returns a fragment for each group of the definition's files. Their bytes
// are compared with the sums as they stream by.
func ownFragments(ctx context.Context, m *root.Root, files []*own.File) []layer.Fragment {
	var list []layer.Fragment
	for len(files) > 0 {
		end := slices.IndexFunc(files, func(f *own.File) bool { return f.Group != files[0].Group })
		if end < 0 {
			end = len(files)
		}
		group := files[:end]
		files = files[end:]
		var sums strings.Builder
		for _, f := range group {
			sums.WriteString(f.SHA256)
		}
		nodes := func(yield func(*tree.Node) bool) {
			for _, f := range group {
				if !yield(m.Tree.Lookup(f.Path)) {
					return
				}
			}
		}
		list = append(list, layer.Fragment{Key: layer.HeaderKey(ctx, sums.String(), nodes), Write: func(ctx context.Context, w *tarfile.Writer) error {
			for _, f := range group {
				if err := writeOwn(ctx, w, m.Tree.Lookup(f.Path), f); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return list
}

func writeOwn(ctx context.Context, w *tarfile.Writer, n *tree.Node, f *own.File) error {
	contents, err := f.Open(ctx)
	if err != nil {
		return err
	}
	defer contents.Close()
	return w.Entry(n, contents)
}
