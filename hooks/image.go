// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"

	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci"
)

// describe is the hook image. It leaves configuration, manifest and index of
// every wanted member, none of which lacks anything.
func (r *run) describe(context.Context) error {
	if err := r.complete(); err != nil {
		return err
	}
	platform, err := r.release.Platform()
	if err != nil {
		return err
	}
	for _, m := range r.family {
		if !m.wanted {
			continue
		}
		m.image = oci.Image{
			Name:         r.release.RefName(m.def.Name),
			Architecture: platform.Architecture,
			Variant:      platform.Variant,
			Created:      m.epoch,
			Env:          append([]string{release.Path}, m.def.Env...),
			Cmd:          m.def.Cmd,
			Labels:       m.def.Labels,
			Annotations:  r.annotations(m),
			Layers:       m.layers,
		}
		m.docs = m.image.Documents()
	}
	return nil
}

// annotations are those of the manifest. They decide bytes.
func (r *run) annotations(m *member) map[string]string {
	title := m.def.Title
	if title == "" {
		title = m.def.Name
	}
	return map[string]string{
		"org.opencontainers.image.created":  oci.Timestamp(m.epoch),
		"org.opencontainers.image.title":    title,
		"org.opencontainers.image.version":  r.release.Version(),
		"org.opencontainers.image.vendor":   "The FreeBSD Project",
		"org.opencontainers.image.licenses": "BSD-2-Clause",
		"org.freebsd.abi":                   r.release.ABI,
	}
}
