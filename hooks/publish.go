// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci/layout"
)

// publish writes an archive and a lock for each wanted member, then renames
// them into the output folder: the catalogues that vouch for them first, each
// lock before its archive, the list of all last.
func (r *run) publish(ctx context.Context) error {
	names, err := r.writeCatalogues(ctx)
	if err != nil {
		return err
	}
	catalogues := slices.Clone(names)
	var manifests, locks []string // lines of the list
	for _, m := range r.family {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !m.wanted {
			continue
		}
		base := release.ArtifactName(m.def.Name)
		archive, lock := base+r.Format.Extension(), lockName(m)
		sum := ""
		err := layout.Write(ctx, r.staging.Path(archive), r.Format, &m.image, m.docs, func(i int) (io.ReadCloser, error) { return section(m.blobs[i]) })
		if err == nil {
			sum, err = r.writeLock(ctx, m, lock)
		}
		if err != nil {
			return fault.Within("image "+m.def.Name, r.blame(ctx, m, err))
		}
		size, err := output.SizeOf(r.staging.Path(archive))
		if err != nil {
			return err
		}
		names = append(names, lock, archive)
		manifests = append(manifests, release.ManifestLine(m.image.Name, m.docs.Digest.Encoded())+"\n")
		locks = append(locks, release.ManifestLine(release.LockLine(m.image.Name), sum)+"\n")
		r.results = append(r.results, Result{
			Image: m.def.Name, Name: m.image.Name, File: filepath.Join(r.OutDir, archive), Lock: filepath.Join(r.OutDir, lock),
			Digest: m.docs.Digest.String(), Layers: m.layers, Packages: len(m.installed(r)), Size: size,
			FromArtifact: m.takenFromArtifact(), Doubts: m.allDoubts(), Definitions: m.definedBy(), Catalogues: catalogues,
		})
	}
	if r.Manifests {
		names = append(names, release.ManifestList())
		err = r.writeManifests(ctx, manifests, locks)
	}
	if err == nil {
		err = r.staging.Place(ctx, names)
	}
	if err != nil {
		r.results = nil
	}
	return err
}

// writeManifests writes the list of images and locks, each by name.
func (r *run) writeManifests(ctx context.Context, manifests, locks []string) error {
	slices.Sort(manifests)
	slices.Sort(locks)
	return r.staging.Write(ctx, release.ManifestList(), []byte(strings.Join(slices.Concat(manifests, locks), "")))
}
