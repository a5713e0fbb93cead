// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/oci"
)

// Shared are sources of which none fetches a blob that another has, or that one of them
// has fetched before. What comes from elsewhere is kept in unnamed temporary files.
type Shared struct {
	sources []oci.Source
	files   [][]string // of those on disk; nil for others
	lock    sync.Mutex
	kept    map[digest.Digest]*os.File
	// fetching are the blobs that are on their way, each closed at the end.
	fetching map[digest.Digest]chan struct{}
}

// Share makes sources share their blobs. They stay the caller's to close.
func Share(ctx context.Context, sources ...oci.Source) (*Shared, error) {
	s := &Shared{sources: sources, kept: map[digest.Digest]*os.File{}, fetching: map[digest.Digest]chan struct{}{}}
	for _, from := range sources {
		around, err := from.Index(ctx)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, around.Files)
	}
	return s, nil
}

// Source returns the source that stands for one of those that share.
func (s *Shared) Source(i int) oci.Source { return &sharer{s.sources[i], s, i} }

// Close releases what was kept.
func (s *Shared) Close() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	var errs []error
	for _, f := range s.kept {
		errs = append(errs, f.Close())
	}
	s.kept = nil
	return errors.Join(errs...)
}

// sharer is one of the sources.
type sharer struct {
	oci.Source
	all *Shared
	own int
}

// Blob opens a blob, wherever it is nearest. Its last read fails if the bytes do not
// match the descriptor.
func (s *sharer) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if oci.CheckDigest(d.Digest) != nil || s.all.files[s.own] != nil {
		return s.Source.Blob(ctx, d)
	}
	for i, files := range s.all.files {
		if slices.Contains(files, oci.BlobName(d.Digest)) {
			return s.all.sources[i].Blob(ctx, d)
		}
	}
	f, mine, err := s.all.take(ctx, d.Digest)
	if err != nil {
		return nil, err
	}
	if f != nil {
		return oci.Verify(io.NopCloser(io.NewSectionReader(f, 0, math.MaxInt64)), d.Digest, d.Size), nil
	}
	blob, err := s.Source.Blob(ctx, d)
	if err != nil {
		mine()
		return nil, err
	}
	if f, err = Unnamed(); err != nil {
		mine()
		blob.Close()
		return nil, err
	}
	return &keeping{blob, f, s.all, d.Digest, mine}, nil
}

// take returns the file of a blob that was fetched. If there is none the blob is the
// caller's to fetch, until it calls done; others wait for it.
func (s *Shared) take(ctx context.Context, of digest.Digest) (f *os.File, done func(), err error) {
	for {
		s.lock.Lock()
		if f = s.kept[of]; f != nil {
			s.lock.Unlock()
			return f, nil, nil
		}
		others, fetched := s.fetching[of]
		if !fetched {
			mine := make(chan struct{})
			s.fetching[of] = mine
			s.lock.Unlock()
			return nil, sync.OnceFunc(func() {
				s.lock.Lock()
				defer s.lock.Unlock()
				delete(s.fetching, of)
				close(mine)
			}), nil
		}
		s.lock.Unlock()
		select {
		case <-others:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// keeping writes what is read to a file, and keeps that once it is complete and right.
type keeping struct {
	io.ReadCloser
	file   *os.File // nil once it is kept
	all    *Shared
	digest digest.Digest
	done   func()
}

// Read reads.
func (k *keeping) Read(b []byte) (int, error) {
	n, err := k.ReadCloser.Read(b)
	if k.file == nil {
		return n, err
	}
	if _, full := k.file.Write(b[:n]); full != nil {
		return n, full
	}
	if err != io.EOF {
		return n, err
	}
	k.all.lock.Lock()
	defer k.all.lock.Unlock()
	if k.all.kept != nil && k.all.kept[k.digest] == nil {
		k.all.kept[k.digest], k.file = k.file, nil
	}
	return n, err
}

// Close drops what is incomplete.
func (k *keeping) Close() error {
	err := k.ReadCloser.Close()
	k.done()
	if k.file != nil {
		err = errors.Join(err, k.file.Close())
	}
	return err
}
