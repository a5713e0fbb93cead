// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
)

// Blobs keep layers that came over a network, and the pkg databases of notes.
type Blobs interface {
	// Blob opens a layer, unchecked; nil if it is not there.
	Blob(l layer.Layer) *os.File
	// Fetch keeps what fill writes, if it can, and returns a file that has it. It is one
	// of other where it cannot be kept.
	Fetch(l layer.Layer, other func() (*os.File, error), fill func(io.Writer) error) (*os.File, error)
}

// stored is a source whose layers are kept.
type stored struct {
	oci.Source
	blobs Blobs
}

// Blob opens a blob. Its last read fails if the bytes do not match the descriptor.
func (s *stored) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	l := layer.Layer{MediaType: oci.OwnType(d.MediaType), Digest: d.Digest, Size: d.Size}
	if !slices.Contains(layerTypes, l.MediaType) || oci.CheckDigest(d.Digest) != nil {
		return s.Source.Blob(ctx, d)
	}
	f := s.blobs.Blob(l)
	if f == nil {
		var err error
		f, err = s.blobs.Fetch(l, layout.Unnamed, func(to io.Writer) error { return s.fetch(ctx, to, d) })
		if err != nil {
			return nil, err
		}
	}
	return oci.Verify(struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, 0, d.Size), f}, d.Digest, d.Size), nil
}

// fetch reads a layer from where the image is.
func (s *stored) fetch(ctx context.Context, to io.Writer, d v1.Descriptor) error {
	from, err := s.Source.Blob(ctx, d)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, until.Reader(ctx, from))
	return errors.Join(err, from.Close())
}

// layerTypes are the media types of layers.
var layerTypes = []string{v1.MediaTypeImageLayer, v1.MediaTypeImageLayerGzip, v1.MediaTypeImageLayerZstd}
