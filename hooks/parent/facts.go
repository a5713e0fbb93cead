// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/tree"
)

// Facts are what a plan has to know of an image. They follow from its digest.
type Facts struct {
	Packages  []pkgfile.Summary // that are installed, by name
	OSVersion int               // of FreeBSD; 0 if it does not say
	Major     int               // the release; 0 if it does not say
	Schema    pkgdb.Schema      // of the pkg database; 0 for none
	Newest    int64             // seconds: the time that stands for those of all packages
	Dated     bool              // there is such a time
	Odd       []string          // what is odd about it
}

// Notes keep what was found out about images, by keys that cover everything that decides
// it.
type Notes interface {
	Build(ctx context.Context, key string, into any) bool
	KeepBuild(ctx context.Context, key string, what any)
}

// recall reads a note about the image.
func (i *Image) recall(ctx context.Context, what string, into any) bool {
	return i.notes != nil && i.notes.Build(ctx, i.key(what), into)
}

// keep writes one.
func (i *Image) keep(ctx context.Context, what string, note any) {
	if i.notes != nil && ctx.Err() == nil {
		i.notes.KeepBuild(ctx, i.key(what), note)
	}
}

func (i *Image) key(what string) string { return "parent " + i.Base.Digest.String() + " " + what }

// facts finds the facts of an image that was read.
func (i *Image) facts(ctx context.Context) Facts {
	f := Facts{OSVersion: i.Whole.OSVersion(), Odd: slices.Concat(i.Whole.Notes, i.emptyAttributes(ctx))}
	for _, p := range i.Whole.Packages {
		f.Packages = append(f.Packages, p.Summary())
	}
	f.Major = majorOf(f.OSVersion, f.Packages)
	if i.Whole.Content != nil {
		f.Schema = i.Whole.Content.Schema
	}
	switch created := i.Base.Image.Created; {
	case created != nil:
		f.Newest, f.Dated = max(0, created.Unix()), true
	case i.Whole.Content != nil:
		f.Newest = i.Whole.Content.Newest()
		f.Dated = f.Newest > 0
	}
	return f
}

// Present lists what is installed, by name, for a solver.
func (f *Facts) Present() []*catalog.Package {
	var list []*catalog.Package
	for _, p := range f.Packages {
		list = append(list, &catalog.Package{Summary: p})
	}
	return list
}

// emptyAttributes names the layers with extended attributes that are empty: podman on
// FreeBSD fails when it extracts one.
func (i *Image) emptyAttributes(ctx context.Context) []string {
	var list []string
	for at, nodes := range i.Whole.Layers {
		var paths []string
		for n := range nodes.All() {
			if ctx.Err() != nil {
				return nil
			}
			if hasEmptyAttribute(n) {
				paths = append(paths, n.Path)
			}
		}
		if len(paths) > 0 {
			list = append(list, fmt.Sprintf("layer %d: an extended attribute of %s is empty: podman on FreeBSD cannot extract the layer", at+1, fault.Some(paths)))
		}
	}
	return list
}

// emptyAttribute matches an extended attribute without a value in a node's records, where
// another is quoted.
var emptyAttribute = regexp.MustCompile(`(?:^| )(?:SCHILY|LIBARCHIVE)\.xattr\.[^ =]+=(?:""|$| )`)

func hasEmptyAttribute(n *tree.Node) bool {
	return n.Records != "" && emptyAttribute.MatchString(n.Records)
}
