// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/etc"
)

// checkDerived compares what is derived from other files of the image. What a
// package has is compared with that.
func checkDerived(ctx context.Context, a *artifact.Artifact, r release.Release) []error {
	files, err := etc.Derive(ctx, a.Text, r.ByteOrder())
	var errs []error
	if err != nil {
		errs = append(errs, err)
	}
	owners := a.Owners()
	for _, f := range files {
		found := ""
		if n := a.Tree.Lookup(f.Path); n != nil {
			found = n.Digest
		}
		if owners[f.Path] == "" && found != f.Digest() {
			errs = append(errs, &pkgdb.Fault{Subject: f.Path, Fact: "sha256", Found: fault.Shown(found), Wanted: f.Digest() + ", which comes of other files in the image"})
		}
	}
	return errs
}
