// SPDX-License-Identifier: BSD-2-Clause

package push

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/release/registry"
)

// putManifests stores the manifests of all platforms, and then the index, by their
// digests. Each is read back, also if it was there.
func putManifests(ctx context.Context, cfg Config, j *job) error {
	var all []*registry.Manifest
	for _, m := range j.Members {
		all = append(all, manifestOf(m))
	}
	if len(j.Members) > 1 {
		all = append(all, j.root())
	}
	for _, m := range all {
		sent, err := j.to.Ensure(ctx, m)
		if refused, is := errors.AsType[*registry.StatusError](err); is && refused.BlobUnknown() {
			// A registry may lose what it has accepted: once, that is mended.
			if err = uploadBlobs(ctx, cfg, []*job{j}); err == nil {
				sent, err = j.to.Ensure(ctx, m)
			}
		}
		if err != nil {
			return err
		}
		if sent {
			j.sent.Manifests++
		}
	}
	return nil
}

// attach attaches locks and catalogues to the manifests that they are of.
func attach(ctx context.Context, cfg Config, j *job) error {
	plain := false
	for _, m := range j.Members {
		files := filesOf(m)
		if len(files) == 0 {
			continue
		}
		subject := v1.Descriptor{MediaType: m.Descriptor.MediaType, Digest: m.Descriptor.Digest, Size: m.Descriptor.Size}
		sent, isPlain, err := j.to.Attach(ctx, subject, files)
		if err != nil {
			return fmt.Errorf("what belongs to %s: %w", m.Platform(), err)
		}
		plain = plain || isPlain
		j.stored += len(files)
		j.sent.Manifests += sent
	}
	if plain {
		cfg.Observe.Notice("image %s: the registry takes no artifact types, so what is attached has the type of an image, and another digest than elsewhere", j.Image)
	}
	return nil
}

// filesOf lists what is attached to the manifest of an image.
func filesOf(m *family.Member) []registry.Attachment {
	if m.Lock == nil {
		return nil
	}
	files := []registry.Attachment{{Type: lock.MediaType, Name: m.LockName(), Text: m.Lock.Text}}
	for _, c := range m.Kept {
		files = append(files, registry.Attachment{Type: lock.CatalogueMediaType, Name: c.Name, Text: c.Text})
	}
	return files
}
