// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"

	"github.com/orlop/orlop/hooks/lock"
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
		if m.image, err = lock.Describe(r.release, m.def, r.annotations(m), m.epoch, m.layers); err != nil {
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
