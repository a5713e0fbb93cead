// SPDX-License-Identifier: BSD-2-Clause

// Package push brings images to a registry, in an order in which no tag ever leads to
// anything incomplete: blobs, manifests, indexes, what is attached to them, a check of
// all that, and then tags. Run is the sequence; each step is a file of this folder.
package push

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/release/registry"
)

// Config says where images go, and under which names.
type Config struct {
	Client        *registry.Client
	Target        string // REGISTRY/PATH, in which {image} stands for the name of an image
	Tags          []string
	NoTags        bool     // but one that keeps a registry from collecting the images
	MoveTags      []string // that move to whatever version
	NoAttachments bool
	ReadAll       bool // read every blob back
	Jobs          int  // transfers at once
	Observe       event.Observer
}

// Result is an image that a registry has now.
type Result struct {
	Image      string
	Repository string
	Digest     digest.Digest // of the index, or of the only manifest
	Platforms  []string
	Tags       []string // that name it now
	Kept       []string // tags that were not moved, with the reason
	Attached   int      // files
	Sent       Sent
}

// Sent counts what was sent because the registry did not have it.
type Sent struct {
	Blobs, Mounted, Manifests int
	Bytes                     int64 // of blobs
}

// job is an image and its repository.
type job struct {
	*family.Family
	to     *registry.Repository
	tags   []tag
	kept   []string
	sent   Sent
	stored int // attached files
}

// Run pushes images. If it fails, no tag has been set; what it brought stays, and the
// next run does not send it again.
func Run(ctx context.Context, cfg Config, families []*family.Family) ([]Result, error) {
	jobs, err := begin(ctx, cfg, families)
	if err != nil {
		return nil, err
	}
	if err := uploadBlobs(ctx, cfg, jobs); err != nil {
		return nil, err
	}
	if err := each(ctx, cfg, "manifests", jobs, putManifests); err != nil {
		return nil, err
	}
	if !cfg.NoAttachments {
		if err := each(ctx, cfg, "attach", jobs, attach); err != nil {
			return nil, err
		}
	}
	if err := each(ctx, cfg, "check", jobs, checkBlobs); err != nil {
		return nil, err
	}
	if err := setTags(ctx, cfg, jobs); err != nil {
		return nil, err
	}
	var results []Result
	for _, j := range jobs {
		results = append(results, j.result())
	}
	return results, nil
}

// begin finds all that can be found wrong before anything is sent.
func begin(ctx context.Context, cfg Config, families []*family.Family) ([]*job, error) {
	jobs, err := targets(cfg, families)
	if err != nil {
		return nil, err
	}
	cfg.Observe.Send(event.Event{Hook: "tags"})
	return jobs, chooseTags(ctx, cfg, jobs)
}

// each does a step for one image after the other.
func each(ctx context.Context, cfg Config, hook string, jobs []*job, do func(context.Context, Config, *job) error) error {
	cfg.Observe.Send(event.Event{Hook: hook})
	for i, j := range jobs {
		if err := do(ctx, cfg, j); err != nil {
			return fmt.Errorf("image %s: %w", j.Image, err)
		}
		cfg.Observe.Send(event.Event{Hook: hook, Name: j.Image, Done: i + 1, Total: len(jobs)})
	}
	return ctx.Err()
}

// root describes what the tags name: the index, or the only manifest.
func (j *job) root() *registry.Manifest {
	if len(j.Members) == 1 {
		return manifestOf(j.Members[0])
	}
	return &registry.Manifest{Descriptor: j.Index, Text: j.IndexText}
}

func manifestOf(m *family.Member) *registry.Manifest {
	return &registry.Manifest{Descriptor: v1.Descriptor{MediaType: m.Descriptor.MediaType, Digest: m.Descriptor.Digest, Size: m.Descriptor.Size}, Text: m.Texts.Manifest}
}

func (j *job) result() Result {
	r := Result{Image: j.Image, Repository: j.to.Name(), Digest: j.root().Digest, Kept: j.kept, Attached: j.stored, Sent: j.sent}
	for _, m := range j.Members {
		r.Platforms = append(r.Platforms, m.Platform())
	}
	for _, t := range j.tags {
		r.Tags = append(r.Tags, t.name)
	}
	return r
}
