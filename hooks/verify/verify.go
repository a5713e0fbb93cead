// SPDX-License-Identifier: BSD-2-Clause

// Package verify finds the faults of an image: whether it matches its own documents,
// its pkg database and its lock, and whether a rebuild reproduces it.
package verify

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// errUnchecked replaces the hundreds of faults that a missing layer would cause.
var errUnchecked = errors.New("files, pkg database and packages were not checked: that needs every layer complete and in its place")

// Artifact reads an archive and compares its pkg database with its files. It reports
// every fault. The artifact is nil if there is no manifest, or the context has
// ended.
func Artifact(ctx context.Context, source oci.Source, platform string) (*artifact.Artifact, Findings) {
	var f Findings
	a, err := artifact.Examine(ctx, source, platform)
	f.add(err)
	if a == nil {
		return nil, f
	}
	f.Notes, f.Details = a.Notes, a.Details
	var layers []iter.Seq[*tree.Node]
	for _, nodes := range a.Layers {
		layers = append(layers, nodes.All())
	}
	f.add(layer.CheckExtraction(ctx, layers))
	if !a.Complete() {
		f.add(errUnchecked)
		return a, f
	}
	rows := checkRows(ctx, a)
	own, others := a.Packages, []pkgdb.Installed(nil)
	if a.OwnName() != "" && a.Below() > 0 {
		own, others = a.Above()
	}
	files := compareRoot(ctx, &a.Root, own)
	f.passOver(compareRoot(ctx, &a.Root, others))
	owners := checkOwners(ctx, a)
	f.depart(<-rows)
	if a.OwnName() != "" {
		f.depart(checkOwn(a))
	}
	f.depart(files)
	f.join(owners)
	if ctx.Err() != nil {
		return nil, Findings{Errs: []error{ctx.Err()}}
	}
	return a, f
}

// passOver notes how files of a parent differ from its pkg database: it came so.
func (f *Findings) passOver(errs []error) {
	if len(errs) == 0 {
		return
	}
	f.Notes = append(f.Notes, fmt.Sprintf("the parent differs from its own pkg database: %s", fault.Counted(len(errs), "fact")))
	for _, err := range errs {
		f.Details = append(f.Details, "parent: "+err.Error())
	}
}

// checkRows checks the pkg database, while files are compared with it.
func checkRows(ctx context.Context, a *artifact.Artifact) <-chan []error {
	found := make(chan []error, 1)
	if a.Content == nil {
		found <- nil
		return found
	}
	go func() { found <- a.Content.Check(ctx) }()
	return found
}
