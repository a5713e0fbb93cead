// SPDX-License-Identifier: BSD-2-Clause

package push

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/release/registry"
)

// putManifests stores the manifests of all platforms, and then the index, by their
// digests. Each is read back, also if it was there.
func putManifests(ctx context.Context, cfg Config, l lanes, j *job) error {
	for _, m := range j.Members {
		isNew, _ := j.wasBrought(m.Manifest.Config.Digest)
		if err := j.put(ctx, cfg, l, manifestOf(m), isNew); err != nil {
			return err
		}
	}
	if len(j.Members) == 1 {
		return nil
	}
	return j.put(ctx, cfg, l, j.root(), false)
}

// put stores a manifest, unless it is there.
func (j *job) put(ctx context.Context, cfg Config, l lanes, m *registry.Manifest, isNew bool) error {
	store := func() (sent bool, err error) {
		if isNew {
			return true, j.to.Put(ctx, m)
		}
		return j.to.Ensure(ctx, m)
	}
	sent, err := store()
	if refused, is := errors.AsType[*registry.StatusError](err); is && refused.BlobUnknown() {
		// A registry may lose what it has accepted: once, that is mended.
		if err = j.bringAgain(ctx, cfg, l); err == nil {
			sent, err = store()
		}
	}
	if sent && err == nil {
		j.count(Sent{Manifests: 1})
	}
	if !sent {
		j.old, j.known = append(j.old, m.Digest), append(j.known, m.Digest)
	}
	return err
}

// checkWithdrawn finds out whether what was there already has been withdrawn.
func checkWithdrawn(ctx context.Context, cfg Config, j *job) error {
	var errs []error
	for _, d := range j.old {
		f := verify.Withdrawn(ctx, j.to, d, cfg.Keys)
		errs = append(errs, f.Errs...)
		for _, note := range f.Notes {
			cfg.Observe.Warn("image %s: %s: %s", j.Image, d, note)
		}
	}
	return errors.Join(errs...)
}

// bringAgain brings the blobs of an image that the registry has lost.
func (j *job) bringAgain(ctx context.Context, cfg Config, l lanes) error {
	alone := newJob(j.Family, j.to)
	err := uploadBlobs(ctx, l, cargoes(cfg, []*job{alone}))
	j.count(alone.sent)
	return err
}

// attach attaches locks and catalogues to the manifests that they are of.
func attach(ctx context.Context, cfg Config, j *job) error {
	plain := false
	for _, m := range j.Members {
		files := filesOf(m)
		if len(files) == 0 || cfg.NoAttachments {
			continue
		}
		for i, f := range files {
			files[i].New, _ = j.wasBrought(registry.BlobsOf(f)[0].Digest)
		}
		a, err := j.to.Attach(ctx, m.Descriptor, files)
		if err != nil {
			return fmt.Errorf("what belongs to %s: %w", m.Platform(), err)
		}
		plain = plain || a.Plain
		j.stored += len(files)
		for i, d := range a.Manifests {
			j.attachments = append(j.attachments, attachedFile{d, digest.FromBytes(files[i].Text)})
			if !slices.ContainsFunc(a.Sent, func(sent v1.Descriptor) bool { return sent.Digest == d.Digest }) {
				j.known = append(j.known, d.Digest)
			}
		}
		j.count(Sent{Manifests: len(a.Sent)})
	}
	if plain {
		cfg.Observe.Notice("image %s: the registry takes no artifact types, so what is attached has the type of an image, and another digest than elsewhere", j.Image)
	}
	return nil
}

// attached lists what is attached to the manifests of an image.
func (j *job) attached(cfg Config) []registry.Attachment {
	if cfg.NoAttachments {
		return nil
	}
	var files []registry.Attachment
	for _, m := range j.Members {
		files = append(files, filesOf(m)...)
	}
	return files
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
