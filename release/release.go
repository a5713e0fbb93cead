// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Release identifies what images are made of. A custom image, of packages that
// do not state a release, may have only an ABI: then its revision is "15".
type Release struct {
	Revision string // "15.0", REVISION of sys/conf/newvers.sh
	Branch   string // "RELEASE", "RELEASE-p3", "STABLE", "BETA1": BRANCH there; "" if only the ABI is known
	ABI      string // "FreeBSD:15:amd64"
}

// New completes a release. The version of the package FreeBSD-runtime, "" if
// there is none, supplies what revision or branch leave open; what they say must
// not contradict it.
func New(revision, branch, abi, runtimeVersion string) (Release, error) {
	r := Release{revision, branch, abi}
	rev, br := fromVersion(runtimeVersion)
	if r.Revision == "" {
		r.Revision = rev
	}
	if r.Branch == "" {
		r.Branch = br
	}
	switch {
	case r.Revision == "" || r.Branch == "":
		if runtimeVersion == "" {
			return r, fault.Usagef("no FreeBSD-runtime in the catalogue states the version; give --revision and --branch")
		}
		return r, fault.Usagef("FreeBSD-runtime %s does not state revision and branch; give --revision and --branch", runtimeVersion)
	}
	if err := Asked(r.Revision, r.Branch, ""); err != nil {
		return r, err
	}
	switch {
	case rev != "" && r.Revision != rev:
		return r, fault.Usagef("revision %s was asked for, FreeBSD-runtime %s is %s", r.Revision, runtimeVersion, rev)
	case br != "" && unpatched(r.Branch) != unpatched(br):
		return r, fault.Usagef("branch %s was asked for, FreeBSD-runtime %s is %s", r.Branch, runtimeVersion, br)
	}
	if _, err := r.Platform(); err != nil {
		return r, err
	}
	return r, Asked(r.Revision, r.Branch, abi)
}

// OfABI is the release of images for which only the ABI is known.
func OfABI(abi string) (Release, error) {
	r := Release{ABI: abi}
	if _, err := r.Platform(); err != nil {
		return r, err
	}
	r.Revision = strings.Split(abi, ":")[1]
	return r, nil
}

// Locked is the release that a lock names.
func Locked(revision, branch, abi string) (Release, error) {
	if r, err := OfABI(abi); err == nil && (Release{revision, branch, abi}) == r {
		return r, nil
	}
	if revision == "" || branch == "" {
		return Release{}, fault.Usagef("revision is %q and branch %q, wanted values such as 15.0 and RELEASE, or the ABI's number and no branch", revision, branch)
	}
	return New(revision, branch, abi, "")
}

// OnlyABI reports whether only the ABI is known.
func (r Release) OnlyABI() bool { return r.Branch == "" }

// Asked finds what cannot be right in a revision, a branch and an ABI, whatever
// packages there are. Each may be "", which leaves it open.
func Asked(revision, branch, abi string) error {
	switch {
	case revision != "" && !revisionForm.MatchString(revision):
		return fault.Usagef("revision %q is not of the form 15.0", revision)
	case branch != "" && !branchForm.MatchString(branch):
		return fault.Usagef("branch %q is not a word such as RELEASE, RELEASE-p1, STABLE or BETA1", branch)
	case abi == "":
		return nil
	}
	if _, err := (Release{ABI: abi}).Platform(); err != nil {
		return err
	}
	if revision != "" && strings.Split(abi, ":")[1] != major(revision) {
		return fault.Usagef("revision %s was asked for, the ABI is %s", revision, abi)
	}
	return nil
}

var (
	revisionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	branchForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`) // it becomes part of a tag
	versionForm  = regexp.MustCompile(`^([0-9]+\.[0-9]+)(?:p([0-9]+)|\.(a|b|rc)([0-9]+)\.[0-9]+)?$`)
)

// fromVersion inverts PKG_VERSION of Makefile.inc1. A snapshot's version
// (15.snap…) states neither its minor number nor its branch.
func fromVersion(version string) (revision, branch string) {
	m := versionForm.FindStringSubmatch(version)
	switch {
	case m == nil:
		return "", ""
	case m[2] != "":
		return m[1], "RELEASE-p" + m[2]
	case m[3] != "":
		return m[1], map[string]string{"a": "ALPHA", "b": "BETA", "rc": "RC"}[m[3]] + m[4]
	}
	return m[1], "RELEASE"
}

// Tells reports whether a version of FreeBSD-runtime states revision and branch.
func Tells(version string) bool {
	revision, _ := fromVersion(version)
	return revision != ""
}

// Of is the release that packages of a version belong to, whatever the whole is
// called: its branch is "" if the version does not state it, or is empty.
func (r Release) Of(version string) Release {
	if revision, branch := fromVersion(version); revision != "" {
		return Release{revision, branch, r.ABI}
	}
	return Release{r.Revision, "", r.ABI}
}

// unpatched drops the patch level: unchanged packages keep theirs.
func unpatched(branch string) string {
	base, _, _ := strings.Cut(branch, "-p")
	return base
}

// Major is the first number of the revision.
func (r Release) Major() string { return major(r.Revision) }

// Before reports whether the first number of the revision is less than another.
func (r Release) Before(major int) bool {
	n, err := strconv.Atoi(r.Major())
	return err == nil && n < major
}

// Minor is the second number of the revision.
func (r Release) Minor() string { return strings.TrimPrefix(r.Revision, r.Major()+".") }

// BaseRepository is the folder of the release's base packages on
// pkg.FreeBSD.org: base_release_N for releases and their candidates, else
// base_latest.
func (r Release) BaseRepository() string {
	if r.isRelease() {
		return "base_release_" + r.Minor()
	}
	return "base_latest"
}

// Expand replaces pkg's variables for the release in the URL of a repository.
func (r Release) Expand(url string) string {
	if !strings.Contains(url, "${") {
		return url
	}
	return strings.NewReplacer("${ABI}", r.ABI, "${VERSION_MAJOR}", r.Major(), "${VERSION_MINOR}", r.Minor()).Replace(url)
}

// Version is REVISION-BRANCH, as in 15.0-RELEASE; for only an ABI, its first
// number.
func (r Release) Version() string {
	if r.OnlyABI() {
		return r.Revision
	}
	return r.Revision + "-" + r.Branch
}

// ArtifactName is the name of an image's archive without its extension, as in
// release/Makefile.oci.
func ArtifactName(image string) string { return "container-image-" + image }

// major is the first number of a revision.
func major(revision string) string {
	first, _, _ := strings.Cut(revision, ".")
	return first
}
