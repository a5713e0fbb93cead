// SPDX-License-Identifier: BSD-2-Clause

package family

import (
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/release"
)

// Version returns the version of FreeBSD's packages that an image is called by, as in
// 15.0p3: the newest of the packages in its lock and of what its annotation says; "" if
// neither tells.
func (f *Family) Version() string {
	newest := ""
	for _, m := range f.Members {
		newest = Newer(newest, VersionOf(m.Manifest.Annotations))
		if m.Lock != nil {
			newest = Newer(newest, LockedVersion(m.Lock.Packages))
		}
	}
	return newest
}

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
func LockedVersion(packages []lock.Package) string {
	newest := ""
	for _, p := range packages {
		if strings.HasPrefix(p.Name, "FreeBSD-") {
			newest = Newer(newest, p.Version)
		}
	}
	return newest
}
