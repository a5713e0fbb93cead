// SPDX-License-Identifier: BSD-2-Clause

package push

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/release/registry"
)

// cargo is a blob and the repositories that need it.
type cargo struct {
	family.Blob
	to []*job
}

// cargoes lists the blobs of all images, each once, the largest first: they take
// longest.
func cargoes(jobs []*job) []*cargo {
	known := map[digest.Digest]*cargo{}
	var list []*cargo
	for _, j := range jobs {
		for _, b := range family.Blobs(j.Members) {
			c := known[b.Digest]
			if c == nil {
				c = &cargo{Blob: b}
				known[b.Digest] = c
				list = append(list, c)
			}
			c.to = append(c.to, j)
		}
	}
	slices.SortStableFunc(list, func(a, b *cargo) int { return cmp.Compare(b.Size, a.Size) })
	return list
}

// uploadBlobs brings the blobs that the registry lacks, several at once.
func uploadBlobs(ctx context.Context, cfg Config, jobs []*job) error {
	list := cargoes(jobs)
	cfg.Observe.Send(event.Event{Hook: "upload"})
	var lock sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cfg.Jobs)
	for _, c := range list {
		group.Go(func() error {
			sent, err := c.bring(ctx)
			if err != nil {
				return err
			}
			lock.Lock()
			defer lock.Unlock()
			for i, s := range sent {
				c.to[i].sent.add(s)
			}
			done++
			cfg.Observe.Send(event.Event{Hook: "upload", Name: c.Digest.String(), Done: done, Total: len(list)})
			return nil
		})
	}
	return group.Wait()
}

func (s *Sent) add(t Sent) {
	s.Blobs, s.Mounted, s.Manifests, s.Bytes = s.Blobs+t.Blobs, s.Mounted+t.Mounted, s.Manifests+t.Manifests, s.Bytes+t.Bytes
}

// bring sees to it that each repository has the blob: it is sent once, to the first
// that lacks it, and the others take it from there. An image that comes from the same
// registry is taken from where it is.
func (c *cargo) bring(ctx context.Context) ([]Sent, error) {
	sent := make([]Sent, len(c.to))
	from := ""
	if r := c.From.Ref.Remote; r != nil && r.From.Registry == c.to[0].to.Registry {
		from = r.From.Reference.Repository
	}
	for i, j := range c.to {
		has, err := j.to.Has(ctx, c.Descriptor)
		if err == nil && !has {
			sent[i], err = c.send(ctx, j.to, from)
		}
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", j.Image, err)
		}
		if from == "" {
			from = j.to.Reference.Repository
		}
	}
	return sent, nil
}

// send brings the blob to a repository that lacks it.
func (c *cargo) send(ctx context.Context, to *registry.Repository, from string) (Sent, error) {
	if from != "" && from != to.Reference.Repository {
		mounted, err := to.Mount(ctx, c.Descriptor, from, c.open(ctx))
		if err != nil || mounted {
			return Sent{Mounted: 1}, err
		}
	}
	return Sent{Blobs: 1, Bytes: c.Size}, to.Upload(ctx, c.Descriptor, c.open(ctx))
}

// open opens the blob from some byte on.
func (c *cargo) open(ctx context.Context) registry.Opener {
	return func(from int64) (io.ReadCloser, error) {
		r, err := c.Open(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, r, from); err != nil {
			r.Close()
			return nil, err
		}
		return r, nil
	}
}

// checkBlobs compares what the registry has with what was meant, once more: a blob that
// it has just accepted may be gone.
func checkBlobs(ctx context.Context, cfg Config, j *job) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cfg.Jobs)
	for _, b := range family.Blobs(j.Members) {
		group.Go(func() error {
			if cfg.ReadAll {
				return readBack(ctx, j.to, b)
			}
			return j.to.Await(ctx, b.Descriptor)
		})
	}
	return group.Wait()
}

// readBack reads a blob to its end, which fails unless the bytes are right.
func readBack(ctx context.Context, to *registry.Repository, b family.Blob) error {
	r, err := to.Blob(ctx, b.Descriptor)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}
