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
// fault is reported.
func Artifact(ctx context.Context, source oci.Source, platform string) (*artifact.Artifact, error) {
	a, err := artifact.Examine(ctx, source, platform)
	if a == nil {
		return nil, err
	}
	errs := []error{err, layer.CheckExtraction(ctx, a.Layers)}
	if !a.Whole() {
		return a, errors.Join(append(errs, errUnchecked)...)
	}
	if a.Content != nil {
		errs = append(errs, a.Content.Check(ctx)...)
	}
	if a.OwnName() != "" {
		errs = append(errs, checkOwn(a)...)
	}
	errs = append(errs, compareRoot(ctx, &a.Root, a.Packages)...)
	errs = append(errs, checkOwners(ctx, a)...)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return a, errors.Join(errs...)
}
