// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"regexp"
	"strings"
)

// PackageVersion is the version of the release's packages, as PKG_VERSION of
// Makefile.inc1 makes it: 15.0, 15.0p3; "" for a branch whose packages have versions of
// snapshots, or a time in theirs.
func (r Release) PackageVersion() string {
	switch patch, is := strings.CutPrefix(r.Branch, "RELEASE-p"); {
	case !revisionForm.MatchString(r.Revision):
		return ""
	case r.Branch == "RELEASE":
		return r.Revision
	case is && patch != "" && strings.Trim(patch, "0123456789") == "":
		return r.Revision + "p" + patch
	}
	return ""
}

// Tags are the names of a version of FreeBSD's images in a registry, as the handbook has
// them.
type Tags struct {
	Fixed  string // means this version for ever
	Moving string // means the newest of its kind; "" for none
}

// snapshotForm is the version of packages of a snapshot: 16.snap20260325035941.
var snapshotForm = regexp.MustCompile(`^([0-9]+)\.snap[0-9]+$`)

// TagsOf returns the tags for a version of packages. A candidate of a release moves no
// tag: 15 is the newest release of 15.
func TagsOf(version string) Tags {
	if m := snapshotForm.FindStringSubmatch(version); m != nil {
		return Tags{version, m[1] + ".snap"}
	}
	m := versionForm.FindStringSubmatch(version)
	switch {
	case m == nil:
		return Tags{}
	case m[3] != "":
		return Tags{Fixed: version}
	}
	return Tags{version, major(m[1])}
}

// VersionOf reads a version of FreeBSD's packages: as these have it, 15.0p3, or as
// uname(1) does, 15.0-RELEASE-p3; "" for anything else.
func VersionOf(text string) string {
	if revision, branch, is := strings.Cut(text, "-"); is {
		return Release{Revision: revision, Branch: branch}.PackageVersion()
	}
	return TagsOf(text).Fixed
}

// IsFixedTag reports whether a tag of FreeBSD's images means one version for ever.
func IsFixedTag(tag string) bool { return TagsOf(tag).Fixed == tag && tag != "" }

// IsMovingTag reports whether a tag of FreeBSD's images means the newest of its kind.
func IsMovingTag(tag string) bool { return movingForm.MatchString(tag) }

var movingForm = regexp.MustCompile(`^[0-9]+(\.snap)?$`)
