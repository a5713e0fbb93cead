// SPDX-License-Identifier: BSD-2-Clause

package family

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
)

// Blob is a blob and where it is read.
type Blob struct {
	v1.Descriptor
	From *Member
}

// Open opens the blob. Its last read fails if the bytes do not match the descriptor.
func (b Blob) Open(ctx context.Context) (io.ReadCloser, error) {
	return b.From.Source.Blob(ctx, b.Descriptor)
}

// Blobs lists configs and layers of images, each once, however many have it: from the
// first image on disk that has it, else from a registry.
func Blobs(members []*Member) []Blob {
	at := map[digest.Digest]int{}
	var list []Blob
	for _, m := range members {
		for _, d := range append([]v1.Descriptor{m.Manifest.Config}, m.Manifest.Layers...) {
			i, has := at[d.Digest]
			switch {
			case !has:
				at[d.Digest] = len(list)
				list = append(list, Blob{d, m})
			case list[i].From.Ref.Remote != nil && m.Ref.Remote == nil:
				list[i].From = m
			}
		}
	}
	slices.SortFunc(list, func(a, b Blob) int { return strings.Compare(a.Digest.String(), b.Digest.String()) })
	return list
}

// checkBlobs reads every blob and compares it with its digest and size. That of a
// registry is not read: its documents name it, and whoever takes it checks it.
func checkBlobs(ctx context.Context, members []*Member, jobs int) error {
	var lock sync.Mutex
	var errs []error
	var group errgroup.Group
	group.SetLimit(jobs)
	for _, b := range Blobs(members) {
		if b.From.Ref.Remote != nil {
			continue
		}
		group.Go(func() error {
			if err := check(ctx, b); err != nil {
				lock.Lock()
				defer lock.Unlock()
				errs = append(errs, fault.Within(b.From.Ref.Name, err))
			}
			return nil
		})
	}
	_ = group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func check(ctx context.Context, b Blob) error {
	if len(b.URLs) > 0 {
		return fault.Unsupportedf("blob %s is elsewhere (%s), wanted all blobs in the image", b.Digest, b.URLs[0])
	}
	r, err := b.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, until.Reader(ctx, r))
	return err
}
