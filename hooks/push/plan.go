// SPDX-License-Identifier: BSD-2-Clause

package push

import (
	"context"
	"errors"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/release/registry"
)

// Step is something that a push would do.
type Step struct {
	Do         string        `json:"do"` // upload, put, attach, sign, add or tag
	Repository string        `json:"repository"`
	What       string        `json:"what"` // "blob", "manifest", a file's name, a tag; of a signature its form, and perhaps as what
	Digest     digest.Digest `json:"digest"`
	Size       int64         `json:"size,omitempty"` // bytes
}

// Plan lists what a push would do, and does nothing.
func Plan(ctx context.Context, cfg Config, families []*family.Family) ([]Step, error) {
	jobs, err := begin(ctx, cfg, families)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, c := range cargoes(cfg, jobs) {
		for _, j := range c.to {
			has, err := j.to.Has(ctx, c.Descriptor)
			if err != nil {
				return nil, err
			}
			if !has {
				steps = append(steps, Step{"upload", j.to.Name(), "blob", c.Digest, c.Size})
			}
		}
	}
	for _, j := range jobs {
		more, err := j.plan(ctx, cfg)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	for _, j := range jobs {
		for _, t := range j.tags {
			if !t.set {
				steps = append(steps, Step{Do: "tag", Repository: j.to.Name(), What: t.name, Digest: j.root().Digest})
			}
		}
	}
	return steps, nil
}

// plan lists the manifests and attachments that the registry lacks.
func (j *job) plan(ctx context.Context, cfg Config) ([]Step, error) {
	var steps []Step
	put := func(m *registry.Manifest) error {
		has, err := j.to.Has(ctx, m.Descriptor)
		if err == nil && !has {
			steps = append(steps, Step{"put", j.to.Name(), "manifest", m.Digest, m.Size})
		}
		return err
	}
	var errs []error
	for _, m := range j.Members {
		errs = append(errs, put(manifestOf(m)))
	}
	if len(j.Members) > 1 {
		errs = append(errs, put(j.root()))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	attached, err := j.planAttached(ctx, cfg)
	if err != nil {
		return nil, err
	}
	signed, err := j.planSigned(ctx, cfg)
	return slices.Concat(steps, attached, signed), err
}

// planAttached lists the attachments that the registry lacks.
func (j *job) planAttached(ctx context.Context, cfg Config) ([]Step, error) {
	if cfg.NoAttachments {
		return nil, nil
	}
	var steps []Step
	for _, m := range j.Members {
		for _, f := range filesOf(m) {
			a := registry.AttachmentManifest(m.Descriptor, f)
			j.attachments = append(j.attachments, attachedFile{a.Descriptor, digest.FromBytes(f.Text)})
			has, err := j.to.Has(ctx, a.Descriptor)
			if err != nil {
				return nil, err
			}
			if !has {
				steps = append(steps, Step{"attach", j.to.Name(), f.Name, m.Descriptor.Digest, int64(len(f.Text))})
			}
		}
	}
	return steps, nil
}
