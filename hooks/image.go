// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"

	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci"
)

// describe is the hook image. It leaves configuration, manifest and index of
// every wanted member, none of which lacks anything.
func (r *run) describe(ctx context.Context) error {
	if err := r.complete(ctx); err != nil {
		return err
	}
	for _, m := range r.family {
		if !m.wanted {
			continue
		}
		var err error
		if m.image, err = imageOf(r.release, m.def, m.epoch, m.layers); err != nil {
			return err
		}
		m.docs = m.image.Documents()
	}
	return nil
}

// imageOf is the image of a definition. All of it decides bytes.
func imageOf(r release.Release, def release.Image, epoch int64, layers []oci.Layer) (oci.Image, error) {
	platform, err := r.Platform()
	return oci.Image{
		Name:         r.RefName(def.Name),
		Architecture: platform.Architecture,
		Variant:      platform.Variant,
		Created:      epoch,
		Env:          append([]string{release.Path}, def.Env...),
		Cmd:          def.Cmd,
		Labels:       def.Labels,
		Annotations: map[string]string{
			"org.opencontainers.image.created":  oci.Timestamp(epoch),
			"org.opencontainers.image.title":    cmp.Or(def.Title, def.Name),
			"org.opencontainers.image.version":  r.Version(),
			"org.opencontainers.image.vendor":   "The FreeBSD Project",
			"org.opencontainers.image.licenses": "BSD-2-Clause",
			annotationABI:                       r.ABI,
		},
		Layers: layers,
	}, err
}
