// SPDX-License-Identifier: BSD-2-Clause

package push

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
)

// cargo is a blob and the repositories that need it.
type cargo struct {
	v1.Descriptor
	read func(ctx context.Context) (io.ReadCloser, error)
	from string // a repository of the same registry that has it; "" for none
	to   []*job
}

// cargoes lists the blobs of all images and attachments, each once.
func cargoes(cfg Config, jobs []*job) []*cargo {
	known := map[digest.Digest]*cargo{}
	var list []*cargo
	add := func(j *job, c cargo) {
		if known[c.Digest] == nil {
			known[c.Digest] = &c
			list = append(list, &c)
		}
		if to := known[c.Digest].to; !slices.Contains(to, j) {
			known[c.Digest].to = append(to, j)
			j.lacks.Add(1)
		}
	}
	for _, j := range jobs {
		lent := j.lent()
		for _, b := range family.Blobs(j.Members) {
			c := cargo{Descriptor: b.Descriptor, read: b.Open, from: lent[b.Digest]}
			if r := b.From.Ref.Remote; r != nil && r.From.Registry == j.to.Registry {
				c.from = r.From.Reference.Repository
			}
			add(j, c)
		}
		for _, a := range j.attached(cfg) {
			for _, text := range registry.BlobsOf(a) {
				add(j, cargo{Descriptor: text.Descriptor, read: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text.Text)), nil }})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *cargo) int { return cmp.Compare(b.Size, a.Size) })
	return list
}

// lent returns the repository of the same registry from which the images took layers of
// their parents, by the layers' digests, as the locks have it.
func (j *job) lent() map[digest.Digest]string {
	from := map[digest.Digest]string{}
	for _, m := range j.Members {
		if m.Lock == nil || m.Lock.Parent == nil || m.Lock.Parent.Trust == lock.OnDisk {
			continue
		}
		ref, err := registry.ParseReference(m.Lock.Parent.Reference)
		if err != nil || ref.Registry != j.to.Registry {
			continue
		}
		base, err := m.Lock.Parent.Base()
		if err != nil {
			continue // layers that nobody lends are sent
		}
		for _, l := range base.Layers {
			from[l.Digest] = ref.Repository
		}
	}
	return from
}

// bulk is the size from which a blob counts as a transfer, in bytes. Smaller ones go
// beside these: they cost a registry time, and the line nothing.
const bulk = 1 << 20

// lanes bound what goes on at once: transfers, and requests.
type lanes struct {
	transfers, requests chan struct{}
	observe             event.Observer
}

func newLanes(cfg Config) lanes {
	return lanes{make(chan struct{}, cfg.Jobs), make(chan struct{}, 2*cfg.Jobs), cfg.Observe}
}

// in does something in a lane, once that has room.
func in(ctx context.Context, lane chan struct{}, do func() error) error {
	select {
	case lane <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-lane }()
	return do()
}

// uploadBlobs brings the blobs that the registry lacks, several at once, the largest
// first: they take longest.
func uploadBlobs(ctx context.Context, l lanes, list []*cargo) error {
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range list {
		group.Go(func() error {
			if err := c.bring(ctx, l); err != nil {
				return err
			}
			l.observe.Send(event.Event{Hook: "upload", Name: c.Digest.String(), Done: int(done.Add(1)), Total: len(list)})
			return nil
		})
	}
	return group.Wait()
}

// count adds to what was sent.
func (j *job) count(t Sent) {
	j.counting.Lock()
	defer j.counting.Unlock()
	s := &j.sent
	s.Blobs, s.Mounted, s.Manifests, s.Bytes = s.Blobs+t.Blobs, s.Mounted+t.Mounted, s.Manifests+t.Manifests, s.Bytes+t.Bytes
}

// note notes that a blob was brought, and whether the registry has shown it since.
func (j *job) note(d digest.Digest, seen bool) {
	j.counting.Lock()
	defer j.counting.Unlock()
	j.brought[d] = seen
}

// wasBrought reports whether a blob was not there before, so that nothing that names it
// can be there.
func (j *job) wasBrought(d digest.Digest) (is, seen bool) {
	j.counting.Lock()
	defer j.counting.Unlock()
	seen, is = j.brought[d]
	return is, seen
}

// bring sees to it that each repository has the blob: it is sent once, to the first
// that lacks it, and the others take it from there.
func (c *cargo) bring(ctx context.Context, l lanes) error {
	first := c.to[0]
	if err := c.bringTo(ctx, l, first, c.from, false); err != nil {
		return err
	}
	lacked, _ := first.wasBrought(c.Digest)
	from := cmp.Or(c.from, first.to.Reference.Repository)
	group, ctx := errgroup.WithContext(ctx)
	for _, j := range c.to[1:] {
		group.Go(func() error { return c.bringTo(ctx, l, j, from, lacked) })
	}
	return group.Wait()
}

// bringTo brings the blob to one repository, if that lacks it, as it likely does when
// another one did.
func (c *cargo) bringTo(ctx context.Context, l lanes, j *job, from string, lacks bool) error {
	has := false
	err := in(ctx, l.requests, func() (err error) {
		if !lacks || from == j.to.Reference.Repository {
			if has, err = j.to.Has(ctx, c.Descriptor); err != nil || has {
				return err
			}
		}
		if from == "" || from == j.to.Reference.Repository {
			return nil
		}
		if has, err = j.to.Mount(ctx, c.Descriptor, from, c.open(ctx)); has {
			j.note(c.Digest, true)
			j.count(Sent{Mounted: 1})
		}
		return err
	})
	if err == nil && !has {
		err = c.upload(ctx, l, j, lacks)
	}
	if err == nil && j.lacks.Add(-1) == 0 {
		close(j.ready)
	}
	return fault.Within("image "+j.Image, err)
}

// upload sends the blob, unless it turns out to be there.
func (c *cargo) upload(ctx context.Context, l lanes, j *job, unasked bool) error {
	lane := l.requests
	if c.Size >= bulk {
		lane = l.transfers
	}
	return in(ctx, lane, func() error {
		if unasked {
			if has, err := j.to.Has(ctx, c.Descriptor); err != nil || has {
				return err
			}
		}
		j.note(c.Digest, false)
		j.count(Sent{Blobs: 1, Bytes: c.Size})
		l.observe.Send(event.Event{Expected: c.Size})
		return j.to.Upload(ctx, c.Descriptor, c.open(ctx))
	})
}

// open opens the blob from some byte on.
func (c *cargo) open(ctx context.Context) registry.Opener {
	return func(from int64) (io.ReadCloser, error) {
		r, err := c.read(ctx)
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
func checkBlobs(ctx context.Context, cfg Config, l lanes, j *job) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, b := range family.Blobs(j.Members) {
		group.Go(func() error {
			if cfg.ReadAll {
				return in(ctx, l.transfers, func() error { return readBack(ctx, j.to, b) })
			}
			if _, seen := j.wasBrought(b.Digest); seen {
				return nil
			}
			return in(ctx, l.requests, func() error { return j.to.Await(ctx, b.Descriptor) })
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
