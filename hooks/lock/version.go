// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/release"
)

// Newer returns the newer of two versions of packages, "" being the oldest.
func Newer(a, b string) string {
	if a == "" || b != "" && pkgver.Compare(a, b) < 0 {
		return b
	}
	return a
}

// VersionOf returns the version of packages that annotations tell, "" for none.
func VersionOf(annotations map[string]string) string {
	revision, branch, _ := strings.Cut(annotations[v1.AnnotationVersion], "-")
	return release.Release{Revision: revision, Branch: branch}.PackageVersion()
}

// LockedVersion returns the newest version of FreeBSD's base packages of a lock, those
// that only gave files among them: an image of few packages is part of the same release.
func LockedVersion(packages []Package) string {
	newest := ""
	for _, p := range packages {
		if strings.HasPrefix(p.Name, "FreeBSD-") {
			newest = Newer(newest, p.Version)
		}
	}
	return newest
}
