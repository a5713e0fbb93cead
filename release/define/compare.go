// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/spelling"
)

// ConfName is the name of the file in release/tools that defines an image for
// FreeBSD's own script.
func ConfName(image string) string { return "oci-image-" + image + ".conf" }

// OtherImageError is an image that a source tree defines and orlop does not, or
// defines differently.
type OtherImageError struct {
	Image, Fact   string // "package FreeBSD-clibs"
	Found, Wanted string // in the tree, and in orlop
}

func (e *OtherImageError) Error() string {
	return fmt.Sprintf("image %s: the tree and orlop differ: %s: found %s, wanted %s", e.Image, e.Fact, e.Found, e.Wanted)
}

// Unmet reports that the request cannot be met.
func (*OtherImageError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *OtherImageError) Parts() (what, where, found, wanted string) {
	return e.Fact + " of the tree and of orlop differ", "image " + e.Image, e.Found, e.Wanted
}

// Compare finds what a source tree says about its images and these definitions
// do not: a name in its list, and the parent, packages and command of those that
// it defines. The order of packages does not matter, an alternative "a | b" is
// either, and a package of a parent may be named again.
func (all Images) Compare(list []string, tree Images) error {
	var errs []error
	for _, name := range list {
		if _, known := all[name]; !known {
			errs = append(errs, &OtherImageError{name, "the name", "in the tree only", "one of " + strings.Join(all.names(), ", ") + spelling.Hint(name, all.names()...)})
			continue
		}
		if _, defined := tree[name]; !defined {
			continue
		}
		own, err := all.whole(name)
		if err != nil {
			return err
		}
		both := maps.Clone(all)
		maps.Copy(both, tree)
		theirs, err := both.whole(name)
		if err != nil {
			return err
		}
		errs = append(errs, own.compare(theirs, all[name].Packages, tree[name].Packages)...)
	}
	return errors.Join(errs...)
}

// whole is an image with the packages and the command inherited from its
// parents.
func (all Images) whole(name string) (Image, error) {
	chain, err := all.Chain(name)
	if err != nil {
		return Image{}, err
	}
	whole := chain[len(chain)-1]
	whole.Packages, whole.Cmd = nil, nil
	for _, img := range chain {
		whole.Packages = append(whole.Packages, img.Packages...)
		if img.Cmd != nil {
			whole.Cmd = img.Cmd
		}
	}
	return whole, nil
}

// compare is Compare for whole images. For each image, only the packages that it
// names itself count: otherwise its children would repeat the faults.
func (img Image) compare(theirs Image, named, theirsNamed []string) []error {
	var errs []error
	differ := func(fact, found, wanted string) {
		errs = append(errs, &OtherImageError{img.Name, fact, found, wanted})
	}
	if theirs.Parent != img.Parent {
		differ("the parent", cmp.Or(theirs.Parent, "none"), cmp.Or(img.Parent, "none"))
	}
	if !slices.Equal(theirs.Cmd, img.Cmd) {
		differ("the command", cmp.Or(strings.Join(theirs.Cmd, " "), "none"), cmp.Or(strings.Join(img.Cmd, " "), "none"))
	}
	among := func(wish string, names []string) bool {
		return slices.ContainsFunc(alternatives(wish), func(name string) bool { return slices.Contains(names, name) })
	}
	var own []string
	for _, wish := range img.Packages {
		own = append(own, alternatives(wish)...)
	}
	for _, wish := range named {
		if !among(wish, theirs.Packages) {
			differ("package "+wish, "in orlop only", "in both")
		}
	}
	for _, wish := range theirsNamed {
		if !among(wish, own) {
			differ("package "+wish, "in the tree only", "in both")
		}
	}
	return errs
}

// alternatives are the names of a wish "a | b".
func alternatives(wish string) []string {
	var names []string
	for name := range strings.SplitSeq(wish, "|") {
		names = append(names, strings.TrimSpace(name))
	}
	return names
}
