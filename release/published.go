// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"fmt"
	"strings"
)

// Published is a kind of file that a release of images publishes next to the
// archives. This is the only list of them: Makefile.inc gets it from the
// program.
type Published struct {
	Name     string // in the object directory; IMAGE stands for an image
	Optional bool   // NAME stands for the repository's name, if it is signed
	What     string
	Readers  string
}

// PublishedFiles lists all kinds except the checksum files, which make(1) makes
// from these.
func PublishedFiles() []Published {
	return []Published{
		{ArtifactName("IMAGE") + ".txz", false, "the image", "podman load, skopeo, orlop verify"},
		{ArtifactName("IMAGE") + ".lock.json", false, "what it is made from", "orlop verify --rebuild, orlop build --lock"},
		{ManifestList(), false, "digests of manifests and locks", "orlop verify --digests, whoever pulls by digest"},
		{ArtifactName("catalogue-NAME") + ".pkg", true, "a signed catalogue that vouches for locks", "orlop verify --rebuild"},
	}
}

// Files are the names of the files of these images, in the order of the list.
// For optional ones it is a pattern of sh(1).
func Files(images []string) []string {
	var names []string
	for _, p := range PublishedFiles() {
		switch {
		case strings.Contains(p.Name, "IMAGE"):
			for _, image := range images {
				names = append(names, strings.ReplaceAll(p.Name, "IMAGE", image))
			}
		default:
			names = append(names, strings.ReplaceAll(p.Name, "NAME", "*"))
		}
	}
	return names
}

// ManifestList is the name of the list of digests of images' manifests and
// locks, in the form of CHECKSUM files. As image names have no capitals, none
// conflicts with it.
func ManifestList() string { return ArtifactName("MANIFESTS") }

// ManifestLine is a line of it, by the name that the archive gives the image;
// for a lock, by LockLine of that.
func ManifestLine(refName, hex string) string { return fmt.Sprintf("SHA256 (%s) = %s", refName, hex) }
