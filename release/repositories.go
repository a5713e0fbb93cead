// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"strconv"
	"strings"
)

// Repository is one of FreeBSD's own on pkg.FreeBSD.org.
type Repository struct {
	Name string // of its stanza in FreeBSD.conf
	URL  string
	Keys string // folder below /usr/share/keys with the fingerprints of its signers
}

// RepositoryNames are those that Repository knows.
func RepositoryNames() []string {
	return []string{"FreeBSD-base", "FreeBSD-ports", "FreeBSD-ports/latest", "FreeBSD-ports-kmods"}
}

// Repository returns one of FreeBSD's own by its name, as the FreeBSD.conf of the
// release has it (usr.sbin/pkg/FreeBSD.conf.quarterly-release and .quarterly of
// FreeBSD's sources). Ports are those of the quarter; NAME/latest is the same stanza
// with the newest packages. In FreeBSD 14 the stanzas of ports had other names, and
// base packages the keys of ports.
func (r Release) Repository(name string) (of Repository, known bool) {
	of = Repository{Name: name, Keys: "pkg"}
	folder := ""
	switch name {
	case "FreeBSD-base":
		folder = r.BaseRepository()
		if major, err := strconv.Atoi(r.Major()); err == nil && major > 14 && r.isRelease() {
			of.Keys = "pkgbase-" + r.Major()
		}
	case "FreeBSD-ports":
		folder = "quarterly"
	case "FreeBSD-ports/latest":
		of.Name, folder = strings.TrimSuffix(name, "/latest"), "latest"
	case "FreeBSD-ports-kmods":
		folder = "kmods_quarterly"
		if r.isRelease() {
			folder += "_" + r.Minor()
		}
	default:
		return Repository{}, false
	}
	of.URL = "pkg+https://pkg.FreeBSD.org/" + r.ABI + "/" + folder
	return of, true
}

// NeedsRevision reports whether the URL of a repository has the release's number.
func (r Release) NeedsRevision(repository string) bool {
	return r.isRelease() && (repository == "FreeBSD-base" || repository == "FreeBSD-ports-kmods")
}

// isRelease reports whether the branch has repositories of its own: a release, or a
// candidate for one.
func (r Release) isRelease() bool {
	return strings.HasPrefix(r.Branch, "RELEASE") || strings.HasPrefix(r.Branch, "RC")
}
