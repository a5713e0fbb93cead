// SPDX-License-Identifier: BSD-2-Clause

// Package verify finds what is wrong with an image: whether it is what it says
// itself, what its pkg database and its lock say, and what anybody gets who makes
// it again.
package verify

import (
	"context"
	"errors"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
)

// errUnchecked stands for hundreds of faults that a layer which is not there
// would make.
var errUnchecked = errors.New("files, pkg database and packages were not checked: that needs every layer whole and in its place")

// Artifact reads an archive and compares its pkg database with its files. Every
// fault is reported. What it returns beside findings is nil where there is no
// manifest, or where the context has ended.
func Artifact(ctx context.Context, source oci.Source, platform string) (*artifact.Artifact, Findings) {
	var f Findings
	a, err := artifact.Examine(ctx, source, platform)
	f.add(err)
	if a == nil {
		return nil, f
	}
	f.Notes, f.Details = a.Notes, a.Details
	f.add(layer.CheckExtraction(ctx, a.Layers))
	if !a.Whole() {
		f.add(errUnchecked)
		return a, f
	}
	if a.Content != nil {
		f.add(a.Content.Check(ctx)...)
	}
	if a.OwnName() != "" {
		f.add(checkOwn(a)...)
	}
	f.add(compareRoot(ctx, &a.Root, a.Packages)...)
	f.join(checkOwners(ctx, a))
	if ctx.Err() != nil {
		return nil, Findings{Errs: []error{ctx.Err()}}
	}
	return a, f
}
