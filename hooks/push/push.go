// SPDX-License-Identifier: BSD-2-Clause

// Package push brings images to a registry, in an order in which no tag ever leads to
// anything incomplete: blobs, manifests, indexes, what is attached to them, a check of
// all that, and then tags. Run is the sequence; each step is a file of this folder.
package push

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
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
	ReadAll       bool         // read every blob back
	Keys          []attest.Key // whose word counts that an image is withdrawn
	Signers       signature.Signers
	Lookaside     signature.Lookaside // where signatures in podman's form go; without a place, nowhere
	Jobs          int                 // transfers at once
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
	Signed     int      // signatures that were not there before
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
	stored int             // attached files
	signed int             // signatures that were made or added
	old    []digest.Digest // manifests that were there already
	known  []digest.Digest // these, and those of attachments

	attachments []attachedFile
	wrote       []wrote

	counting sync.Mutex             // sent and brought
	brought  map[digest.Digest]bool // blobs that were not there; true for those that have been seen since
	lacks    atomic.Int64           // blobs that are not there yet
	ready    chan struct{}          // closed once there are none
}

// attachedFile is the manifest of what was attached, and the digest of that.
type attachedFile struct {
	v1.Descriptor
	file digest.Digest
}

func newJob(f *family.Family, to *registry.Repository) *job {
	return &job{Family: f, to: to, brought: map[digest.Digest]bool{}, ready: make(chan struct{})}
}

// wait returns when all blobs of the image are there.
func (j *job) wait(ctx context.Context) error {
	select {
	case <-j.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run pushes images. If it fails before all of them are complete, no tag has been set;
// what it brought stays, and the next run does not send it again.
func Run(ctx context.Context, cfg Config, families []*family.Family) ([]Result, error) {
	jobs, err := begin(ctx, cfg, families)
	if err != nil {
		return nil, err
	}
	if err := bringAll(ctx, cfg, jobs); err != nil {
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

// bringAll brings everything but the tags. What an image needs besides blobs follows as
// soon as its blobs are there, while those of others are on their way.
func bringAll(ctx context.Context, cfg Config, jobs []*job) error {
	cfg.Observe.Send(event.Event{Hook: "upload"})
	group, ctx := errgroup.WithContext(ctx)
	l := newLanes(cfg)
	list := cargoes(cfg, jobs)
	for _, j := range jobs {
		group.Go(func() error {
			if err := j.wait(ctx); err != nil {
				return err
			}
			return fault.Within("image "+j.Image, j.complete(ctx, cfg, l))
		})
	}
	group.Go(func() error { return uploadBlobs(ctx, l, list) })
	return group.Wait()
}

// complete stores manifests and attachments of an image whose blobs are there, and checks
// all of it.
func (j *job) complete(ctx context.Context, cfg Config, l lanes) error {
	if err := putManifests(ctx, cfg, l, j); err != nil {
		return err
	}
	if err := attach(ctx, cfg, j); err != nil {
		return err
	}
	if err := checkWithdrawn(ctx, cfg, j); err != nil {
		return err
	}
	if err := signAll(ctx, cfg, j); err != nil {
		return err
	}
	if err := checkBlobs(ctx, cfg, l, j); err != nil {
		return err
	}
	return j.lookAgain(ctx)
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

// each does something for all images, some at once, and reports all faults.
func each(ctx context.Context, cfg Config, jobs []*job, do func(context.Context, *job) error) error {
	errs := make([]error, len(jobs))
	var group errgroup.Group
	group.SetLimit(2 * cfg.Jobs)
	for i, j := range jobs {
		group.Go(func() error {
			errs[i] = fault.Within("image "+j.Image, do(ctx, j))
			return nil
		})
	}
	_ = group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

// root describes what the tags name: the index, or the only manifest.
func (j *job) root() *registry.Manifest {
	if len(j.Members) == 1 {
		return manifestOf(j.Members[0])
	}
	return &registry.Manifest{Descriptor: j.Index, Text: j.IndexText}
}

func manifestOf(m *family.Member) *registry.Manifest {
	return &registry.Manifest{Descriptor: m.Descriptor, Text: m.Texts.Manifest}
}

func (j *job) result() Result {
	r := Result{Image: j.Image, Repository: j.to.Name(), Digest: j.root().Digest, Kept: j.kept, Attached: j.stored, Signed: j.signed, Sent: j.sent}
	for _, m := range j.Members {
		r.Platforms = append(r.Platforms, m.Platform())
	}
	for _, t := range j.tags {
		r.Tags = append(r.Tags, t.name)
	}
	return r
}
