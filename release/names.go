// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Names are those under which FreeBSD publishes a release, all made from the
// variables of sys/conf/newvers.sh, the target, and for snapshots the commit
// (release/Makefile, Makefile.inc1 and Makefile.mirrors).
type Names struct {
	Type       string // "FreeBSD"
	Revision   string // "15.0"
	Branch     string // "RELEASE"
	Target     string // "arm64"
	TargetArch string // "aarch64"

	// Of snapshots only.
	BuildDate string // "20251120"
	GitRev    string // "a1b2c3d4e5f6"
	GitCount  string // "281000"
}

// Newvers are the variables of sys/conf/newvers.sh that name a release.
type Newvers struct{ Type, Revision, Branch string }

var newversForm = regexp.MustCompile(`(?m)^(TYPE|REVISION|BRANCH)=(?:"([A-Za-z0-9._-]+)"|([A-Za-z0-9._-]+))[ \t]*$`)

// ReadNewvers reads sys/conf/newvers.sh. Only assignments of plain words at the
// start of a line count, as for release/Makefile; of several the last one.
func ReadNewvers(name string, text []byte) (Newvers, error) {
	var v Newvers
	fields := map[string]*string{"TYPE": &v.Type, "REVISION": &v.Revision, "BRANCH": &v.Branch}
	for _, m := range newversForm.FindAllSubmatch(text, -1) {
		*fields[string(m[1])] = string(m[2]) + string(m[3])
	}
	for _, key := range []string{"TYPE", "REVISION", "BRANCH"} {
		if *fields[key] == "" {
			return v, fault.Usagef("%s: no line %s=\"…\" is in it", name, key)
		}
	}
	return v, nil
}

// OSRelease begins the name of every published artifact.
func (n Names) OSRelease() string {
	name := strings.Join([]string{n.Type, n.Revision, n.Branch, n.Target}, "-")
	if n.Target != n.TargetArch {
		name += "-" + n.TargetArch
	}
	return name
}

// Snapshot reports whether the branch is published as snapshots.
func (n Names) Snapshot() bool {
	return n.Branch == "STABLE" || n.Branch == "CURRENT" || n.Branch == "PRERELEASE" || strings.HasPrefix(n.Branch, "ALPHA")
}

// suffix tells one snapshot from another.
func (n Names) suffix() string {
	if !n.Snapshot() {
		return ""
	}
	return strings.Join([]string{n.BuildDate, n.GitRev, n.GitCount}, "-")
}

// Artifact is the published name of a file beside an image: what is
// container-image-WHAT in the object directory ("runtime.txz").
func (n Names) Artifact(what string) string {
	if s := n.suffix(); s != "" {
		what = s + "-" + what
	}
	return n.OSRelease() + "-" + ArtifactName(what)
}

// Latest is the name of a file in the folder Latest, where that of a snapshot
// is a link without its suffix.
func (n Names) Latest(what string) string { return n.OSRelease() + "-" + ArtifactName(what) }

// Checksum is the name of a file of checksums ("SHA512"), beside the artifacts.
func (n Names) Checksum(kind string) string {
	if s := n.suffix(); s != "" {
		return "CHECKSUM." + kind + "-" + s
	}
	return "CHECKSUM." + kind
}

// Folder is where the images are, below the root of a mirror.
func (n Names) Folder() string {
	dir := path.Join("OCI-IMAGES", n.Revision+"-"+n.Branch, n.TargetArch)
	if n.Snapshot() {
		return path.Join("snapshots", dir, n.BuildDate)
	}
	return path.Join("releases", dir, "Latest")
}

// Tags are those of a registry, for images of packages of a version: one that
// stays, then one that follows the branch. Candidates have no tag that follows.
func Tags(version string) []string {
	major, rest, _ := strings.Cut(version, ".")
	switch m := versionForm.FindStringSubmatch(version); {
	case strings.HasPrefix(rest, "snap"):
		return []string{version, major + ".snap"}
	case m != nil && m[3] == "":
		return []string{version, major}
	}
	return []string{version}
}

// ManifestList is the name of the list that has the digests of images' manifests
// and of their locks, in the form of CHECKSUM files. As no image has capitals in
// its name, none takes it.
func ManifestList() string { return ArtifactName("MANIFESTS") }

// ManifestLine is a line of it, by the name that the archive gives the image; of
// a lock, by LockLine of that.
func ManifestLine(refName, hex string) string { return fmt.Sprintf("SHA256 (%s) = %s", refName, hex) }
