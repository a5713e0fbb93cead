// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// StepsOf names the step of each package, which is that of its first file.
func (a *Artifact) StepsOf(packages []pkgdb.Installed) map[string]string {
	first, steps := map[string]string{}, map[string]string{}
	for _, p := range packages {
		if p.Files.Len() > 0 {
			first[p.Files.Path(0)] = p.Name
		}
	}
	for i, nodes := range a.Layers {
		for j := range nodes.Len() {
			if name, is := first[nodes.Path(j)]; is && steps[name] == "" {
				steps[name] = a.LayerName(i)
			}
		}
	}
	return steps
}

// Above are the packages that orlop's own layers brought, and those that the image below
// has: the layers of others have their first file.
func (a *Artifact) Above() (own, others []pkgdb.Installed) {
	first := map[string]bool{}
	for _, p := range a.Packages {
		if p.Files.Len() > 0 {
			first[p.Files.Path(0)] = false
		}
	}
	for _, nodes := range a.Layers[:a.Below()] {
		for i := range nodes.Len() {
			if _, is := first[nodes.Path(i)]; is {
				first[nodes.Path(i)] = true
			}
		}
	}
	for _, p := range a.Packages {
		if p.Files.Len() == 0 || first[p.Files.Path(0)] {
			others = append(others, p)
		} else {
			own = append(own, p)
		}
	}
	return own, others
}

// LayerName returns the name of a layer in the history, else its number.
func (a *Artifact) LayerName(i int) string {
	if a.Contents != nil {
		n := 0
		for _, h := range a.Config.History {
			if h.EmptyLayer {
				continue
			}
			if n == i {
				if name, ours := strings.CutPrefix(h.CreatedBy, "orlop "); ours {
					return name
				}
			}
			n++
		}
	}
	return fmt.Sprint(i + 1)
}

// Name returns the short name of an image, as in runtime: what orlop calls it, else what
// its archive does.
func Name(c *oci.Contents) string {
	name, _, _ := strings.Cut(c.Descriptor.Annotations[v1.AnnotationRefName], ":")
	return cmp.Or(c.OwnName(), define.OfFreeBSDs(name), name, c.Manifest.Annotations[v1.AnnotationTitle], "image")
}

// TargetArch returns FreeBSD's name for the machine of an image, else that of OCI.
func TargetArch(c *oci.Contents) string {
	if abi := c.Manifest.Annotations[define.AnnotationABI]; abi != "" {
		return release.Release{ABI: abi}.TargetArch()
	}
	return c.Config.Architecture + c.Config.Variant
}

// ArchiveEnds are the suffixes of archives; a layout in a folder has none.
var ArchiveEnds = []string{".txz", ".tar.zst", ".tar.xz", ".tar.gz", ".tar"}

// Base returns the path of an archive or image layout without its suffix: what the names
// of the files that belong to it begin with.
func Base(path string) string {
	for _, end := range ArchiveEnds {
		if base, ok := strings.CutSuffix(path, end); ok {
			return base
		}
	}
	if last := filepath.Base(path); last == "." || last == ".." { // the folder has a name
		if abs, err := filepath.Abs(path); err == nil {
			return abs
		}
	}
	return strings.TrimRight(path, "/")
}
