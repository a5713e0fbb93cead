// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// checkAlone checks an image without a lock against what orlop would have written for
// it. It does not check images of other tools.
func checkAlone(ctx context.Context, a *artifact.Artifact) Findings {
	if a.OwnName() == "" {
		return Findings{}
	}
	r := release.Release{ABI: a.Manifest.Annotations[define.AnnotationABI]}
	f := checkLayout(a.Contents, oci.Index(likelyName(a, r), a.Descriptor.Digest, a.Descriptor.Size), "orlop makes it")
	if a.Complete() && a.Config.Created != nil {
		f.add(checkNormal(ctx, a, a.Config.Created.Unix())...)
	}
	if a.Complete() {
		f.add(checkDerived(ctx, a, r)...)
	}
	return f
}

// likelyName returns the name of an image in its archive if orlop may have written
// it, else the name of FreeBSD's image. Only a definition has the tag of others.
func likelyName(a *artifact.Artifact, r release.Release) string {
	found := a.Descriptor.Annotations[v1.AnnotationRefName]
	if define.OwnRefName(found, a.OwnName(), r.TargetArch()) {
		return found
	}
	revision, branch, _ := strings.Cut(a.Manifest.Annotations[v1.AnnotationVersion], "-")
	r.Revision, r.Branch = revision, branch
	freeBSDs := slices.Contains(define.StandardNames(), a.OwnName())
	return define.Image{Name: a.OwnName(), FreeBSD: freeBSDs, Tags: []string{"TAG"}}.RefName(r)
}

// checkOwn finds what orlop never writes: whiteouts, and anything in a tar file that
// a node cannot hold.
func checkOwn(a *artifact.Artifact) []error {
	var errs []error
	below := a.Below()
	for i, nodes := range a.Layers {
		if i < below {
			continue // others made it
		}
		for n := range nodes.All() {
			if path := layer.Hidden(n.Path); layer.IsWhiteout(n) && (below == 0 || !pkgdb.IsJournal(path)) {
				errs = append(errs, departedFile(path, "", fault.Contentf("layer %d: %s: is a whiteout, which orlop does not write", i+1, n.Path)))
			}
		}
		if foreign := a.Read[i].Foreign; foreign != "" {
			errs = append(errs, fault.Contentf("layer %d: %s, which orlop does not write", i+1, foreign))
		}
	}
	return errs
}

// checkNormal compares the pkg database with its normal form, in which every package
// was installed at the epoch. Faulty rows have no such form.
func checkNormal(ctx context.Context, a *artifact.Artifact, epoch int64) []error {
	if a.Content == nil || len(a.Content.Check(ctx)) > 0 {
		return nil // the faults are reported already
	}
	image, err := pkgdb.Normalise(ctx, "", a.Database, a.Content.Schema, &epoch)
	if err != nil {
		return []error{err}
	}
	defer image.Close()
	at, err := a.Database.Difference(ctx, image)
	if err != nil {
		return []error{err}
	}
	if at < 0 {
		return nil
	}
	db, err := pkgdb.Open(ctx, image)
	if err != nil {
		return []error{err}
	}
	defer db.Close()
	normal, err := db.Content(ctx)
	if err != nil {
		return []error{err}
	}
	changes, err := pkgdb.Diff(ctx, a.Content, normal)
	if err != nil {
		return []error{err}
	}
	what := fmt.Sprintf("its rows would have other bytes, from byte %d on", at)
	if len(changes) > 0 {
		what = changes[0].Package + ": " + changes[0].String()
	}
	if len(changes) > 1 {
		what += fmt.Sprintf(", and %d more", len(changes)-1)
	}
	return []error{fault.Contentf("%s: is not in its normal form: %s", pkgdb.Path, what)}
}

// ownText returns the contents of files as far as orlop's own layers have them: what
// others made of theirs is their affair.
func ownText(a *artifact.Artifact) func(path string) []byte {
	return func(path string) []byte {
		if slices.ContainsFunc(a.Layers[a.Below():], func(nodes tree.Part) bool { return artifact.Has(nodes, path) }) {
			return a.Text(path)
		}
		return nil
	}
}

// checkDerived checks files that are derived from other files of the image. Files of
// packages are compared with the packages.
func checkDerived(ctx context.Context, a *artifact.Artifact, r release.Release) []error {
	files, err := etc.Derive(ctx, ownText(a), r.ByteOrder())
	var errs []error
	if err != nil {
		errs = append(errs, err)
	}
	owners := a.Owners()
	for _, f := range files {
		found := ""
		if n := a.Tree.Lookup(f.Path); n != nil {
			found = n.Digest.String()
		}
		if owners.Of(f.Path) == "" && found != f.Digest() {
			errs = append(errs, &pkgdb.Fault{Subject: f.Path, Fact: "sha256", Found: fault.Shown(found), Wanted: f.Digest() + ", which is derived from other files in the image"})
		}
	}
	return errs
}
