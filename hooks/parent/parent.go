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
	"slices"
	"strings"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// Image is an image that others stand on. It is complete: every layer could be read.
type Image struct {
	*artifact.Artifact
	Base  *oci.Base
	Lock  lock.Parent // what a lock says of it
	Notes []string    // what is odd about it
	// Vouched reports of a lock's parent that the user vouches for it.
	Vouched bool
	Lacks   define.Exceptions // what it needs and has not itself

	ref *artifact.Ref
	mu  sync.Mutex // guards Content
}

// Open finds an image by its reference, and reads all of it. The reference stays as it
// is in the lock, but for folders.
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
	i, err := readImage(ctx, ref, platform)
	if err != nil {
		return nil, err
	}
	i.Lock = lock.Parent{Reference: define.Portable(reference), Digest: i.Base.Digest.String(), Trust: trust,
		Manifest: string(i.Base.Manifest), Config: string(i.Base.Config)}
	return i, nil
}

// readImage reads all of an image.
func readImage(ctx context.Context, ref *artifact.Ref, platform string) (*Image, error) {
	if ref.Remote != nil {
		artifact.Pool(ctx, ref) // its layers are read again for the archive
	}
	source, err := ref.Open(ctx)
	if err != nil {
		return nil, err
	}
	a, err := artifact.Examine(ctx, oci.AlsoDockers(source), platform)
	i := &Image{Artifact: a, ref: ref}
	if err = i.passOver(err); err != nil {
		return nil, err
	}
	if i.Base, err = oci.ReadBase(a.Texts.Manifest, a.Texts.Config); err != nil {
		return nil, err
	}
	if os := i.Base.Image.OS; os != "freebsd" {
		return nil, &FitError{fmt.Errorf("is for %s, wanted freebsd", os)}
	}
	i.noteAttributes(ctx)
	return i, ctx.Err()
}

// passOver notes faults of single entries, which hide nothing, and returns the others.
func (i *Image) passOver(err error) error {
	if err == nil {
		return nil
	}
	var hidden []error
	for _, err := range fault.List(err) {
		if odd, is := errors.AsType[*layer.FormatError](err); is && odd.Shown {
			i.Notes = append(i.Notes, err.Error())
			continue
		}
		hidden = append(hidden, err)
	}
	return errors.Join(hidden...)
}

// maxNamed bounds the files that a note names.
const maxNamed = 3

// noteAttributes notes the layers with extended attributes that are empty: podman on
// FreeBSD fails when it extracts one.
func (i *Image) noteAttributes(ctx context.Context) {
	for at, nodes := range i.Layers {
		var paths []string
		for n := range nodes.All() {
			if ctx.Err() != nil {
				return
			}
			if hasEmptyAttribute(n) {
				paths = append(paths, n.Path)
			}
		}
		if len(paths) == 0 {
			continue
		}
		more := ""
		if n := len(paths) - maxNamed; n > 0 {
			paths, more = paths[:maxNamed], fmt.Sprintf(" and of %s", fault.Counted(n, "other file"))
		}
		i.Notes = append(i.Notes, fmt.Sprintf("layer %d: an extended attribute of %s%s is empty: podman on FreeBSD cannot extract the layer", at+1, strings.Join(paths, ", "), more))
	}
}

// hasEmptyAttribute looks into the pax records of an entry.
func hasEmptyAttribute(n *tree.Node) bool {
	return n.Records != "" && slices.ContainsFunc(strings.Split(n.Records, "\n"), func(line string) bool {
		name, value, is := strings.Cut(line, "=")
		return is && value == "" && (strings.HasPrefix(name, "SCHILY.xattr.") || strings.HasPrefix(name, "LIBARCHIVE.xattr."))
	})
}

// Blob opens a layer, as it is.
func (i *Image) Blob(ctx context.Context, n int) (io.ReadCloser, error) {
	source, err := i.ref.Open(ctx)
	if err != nil {
		return nil, err
	}
	l := i.Base.Layers[n]
	return source.Blob(ctx, v1.Descriptor{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size})
}

// Close releases what Open opened.
func (i *Image) Close() error {
	i.CloseDatabase()
	return i.ref.Close()
}
