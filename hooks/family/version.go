// SPDX-License-Identifier: BSD-2-Clause

package family

import (
	"slices"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/release"
)

// Version returns the version of FreeBSD's packages that an image is called by, as in
// 15.0p3: the newest of the packages in its lock and of what its annotation says; "" if
// neither tells.
func (f *Family) Version() string {
	newest := ""
	for _, m := range f.Members {
		newest = lock.Newer(newest, m.Version())
	}
	return newest
}

// Version returns the version of FreeBSD's packages of one image.
func (m *Member) Version() string {
	version := lock.VersionOf(m.Manifest.Annotations)
	if m.Lock != nil {
		version = lock.Newer(version, lock.LockedVersion(m.Lock.Packages))
	}
	return version
}

// Tags are the names by which a registry will have the image, once it has all its
// platforms: those of its version if it is FreeBSD's, those of its definition if it is the
// user's own.
func (m *Member) Tags() []string {
	if !m.IsFreeBSDs() {
		def, _ := m.Definition()
		return def.Tags
	}
	of := release.TagsOf(m.Version())
	return slices.DeleteFunc([]string{of.Fixed, of.Moving}, func(tag string) bool { return tag == "" })
}
