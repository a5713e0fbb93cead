// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

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
		if m.image, err = imageOf(r.release, m.def, r.annotations(m), m.epoch, m.layers); err != nil {
			return err
		}
		m.docs = m.image.Documents()
	}
	return nil
}

// annotations are those that the run gives an image, or its lock.
func (r *run) annotations(m *member) map[string]string {
	if m.locked != nil {
		return m.locked.Annotations
	}
	return r.Annotations
}

// imageOf is the image of a definition. All of it decides bytes.
func imageOf(r release.Release, def release.Image, given map[string]string, epoch int64, layers []oci.Layer) (oci.Image, error) {
	platform, err := r.Platform()
	annotations := r.Annotations(def, given)
	annotations[v1.AnnotationCreated] = oci.Timestamp(epoch)
	return oci.Image{
		Name:         r.RefName(def),
		Architecture: platform.Architecture,
		Variant:      platform.Variant,
		Created:      epoch,
		Env:          append([]string{release.Path}, def.Env...),
		Cmd:          def.Cmd,
		Labels:       def.Labels,
		Annotations:  annotations,
		Layers:       layers,
	}, err
}
