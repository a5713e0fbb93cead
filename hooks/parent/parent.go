// SPDX-License-Identifier: BSD-2-Clause

// Package parent has images that others stand on and that this run does not build:
// FreeBSD's published ones, or anybody's, in a registry or on disk. It finds out
// whether such an image may be trusted, and what is in it.
package parent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
)

// Image is an image that others stand on.
type Image struct {
	// Whole is all of it, nil before Examine: a plan needs only the facts.
	Whole *artifact.Artifact
	Facts
	Base    *oci.Base
	Lock    lock.Parent       // what a lock says of it
	Lacks   define.Exceptions // what it needs and has not itself
	Vouched bool              // of a lock's parent: the user vouches for it

	ref      *artifact.Ref
	platform string
	notes    Notes
	blobs    Blobs
	pooled   bool       // its blobs are kept for the run
	mu       sync.Mutex // guards Content
}

// Open finds an image by its reference, and what a plan has to know of it. The reference
// stays as it is in the lock, but for folders.
func (f *Finder) Open(ctx context.Context, reference, platform string) (*Image, error) {
	ref, err := f.Find(ctx, reference)
	if err != nil {
		return nil, fault.Within("parent "+reference, err)
	}
	image, err := f.read(ctx, ref, reference, platform)
	if err != nil {
		ref.Close()
		return nil, fault.Within("parent "+reference, err)
	}
	return image, nil
}

func (f *Finder) read(ctx context.Context, ref *artifact.Ref, reference, platform string) (*Image, error) {
	trust, err := f.judge(ctx, ref)
	if err != nil {
		return nil, err
	}
	i, err := f.readImage(ctx, ref, platform)
	if err != nil {
		return nil, err
	}
	i.Lock = lock.ParentOn(reference, trust, i.Base)
	return i, nil
}

// Take opens an image, of any system, from which only files are taken. Examine reads it.
func (f *Finder) Take(ctx context.Context, reference, platform string) (*Image, error) {
	i, err := f.take(ctx, reference, platform)
	return i, fault.Within("image "+reference, err)
}

func (f *Finder) take(ctx context.Context, reference, platform string) (*Image, error) {
	if err := f.Check(reference); err != nil {
		return nil, err
	}
	ref, err := f.Find(ctx, reference)
	if err != nil {
		return nil, err
	}
	i := &Image{ref: ref, platform: platform, notes: f.Notes, blobs: f.Blobs}
	if _, err = f.judge(ctx, ref); err == nil {
		err = i.readDocuments(ctx)
	}
	if err != nil {
		ref.Close()
		return nil, err
	}
	return i, nil
}

// readDocuments reads manifest and config.
func (i *Image) readDocuments(ctx context.Context) error {
	source, err := i.source(ctx)
	if err != nil {
		return err
	}
	c, err := oci.Read(ctx, source, i.platform)
	if err != nil {
		return err
	}
	i.Base, err = oci.ReadBase(c.Texts.Manifest, c.Texts.Config)
	return err
}

// readImage reads the documents of an image, and recalls or finds the facts.
func (f *Finder) readImage(ctx context.Context, ref *artifact.Ref, platform string) (*Image, error) {
	i := &Image{ref: ref, platform: platform, notes: f.Notes, blobs: f.Blobs}
	if err := i.readDocuments(ctx); err != nil {
		return nil, err
	}
	if os := i.Base.Image.OS; os != "freebsd" {
		return nil, &FitError{fmt.Errorf("is for %s, wanted freebsd", os)}
	}
	if !i.recall(ctx, "facts", &i.Facts) {
		if err := i.Examine(ctx); err != nil {
			return nil, err
		}
		i.Facts = i.facts(ctx)
		i.keep(ctx, "facts", i.Facts)
	}
	return i, ctx.Err()
}

// source is where the image is read from. Its layers are read again for the archive, so
// those of a registry are kept.
func (i *Image) source(ctx context.Context) (oci.Source, error) {
	if i.ref.Remote != nil && i.blobs == nil && !i.pooled {
		artifact.Pool(ctx, i.ref)
		i.pooled = true
	}
	source, err := i.ref.Open(ctx)
	if err == nil && i.ref.Remote != nil && i.blobs != nil {
		source = &stored{source, i.blobs}
	}
	return oci.AlsoDockers(source), err
}

// Examine finds out all about the image, once: from the note of an earlier build, else it
// reads it.
func (i *Image) Examine(ctx context.Context) error {
	if i.Whole != nil {
		return nil
	}
	source, err := i.source(ctx)
	if err != nil {
		return err
	}
	if i.Whole = i.noted(ctx, source); i.Whole != nil {
		return ctx.Err()
	}
	a, err := artifact.Examine(ctx, source, i.platform)
	var hidden []error
	var shown []string
	for _, err := range fault.List(err) {
		odd, is := errors.AsType[*layer.FormatError](err)
		if !is || !odd.Shown { // else it hides nothing
			hidden = append(hidden, err)
		} else if a != nil {
			shown = append(shown, err.Error())
		}
	}
	if err := errors.Join(hidden...); err != nil {
		return err
	}
	i.Whole, a.Notes = a, append(a.Notes, shown...)
	i.note(ctx, a, shown)
	return ctx.Err()
}

// Blob opens a layer, as it is.
func (i *Image) Blob(ctx context.Context, n int) (io.ReadCloser, error) {
	source, err := i.source(ctx)
	if err != nil {
		return nil, err
	}
	l := i.Base.Layers[n]
	return source.Blob(ctx, v1.Descriptor{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size})
}

// Close releases what Open opened.
func (i *Image) Close() error {
	if i.Whole != nil {
		i.Whole.CloseDatabase()
	}
	return i.ref.Close()
}
