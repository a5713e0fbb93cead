// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"bytes"
	"context"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/oci"
)

// Image is an image, or an index of some, that a registry has. It is an oci.Source:
// whatever the tag names later, it stays the one that the first answer had.
type Image struct {
	Manifest
	From      *Repository
	Reference Reference // with the digest
	Asked     Reference // as the user has it: with a digest only if that was given
}

// Image finds the image of a reference. A reference without tag and digest has the tag
// latest, as everywhere.
func (c *Client) Image(ctx context.Context, ref Reference) (*Image, error) {
	name := ref.manifest()
	if name == "" {
		ref.Tag, name = "latest", "latest"
	}
	asked, r := ref, c.Repository(ref)
	m, err := r.Manifest(ctx, name)
	if err != nil {
		return nil, err
	}
	ref.Digest = m.Digest
	return &Image{*m, r, ref, asked}, nil
}

// Index returns what an image layout of this image would have in index.json.
func (i *Image) Index(context.Context) (oci.LayoutFiles, error) {
	if !isManifest(i.MediaType) {
		return oci.LayoutFiles{}, oci.FormatErrorf("manifest: its type is %q, wanted %q or %q", i.MediaType, v1.MediaTypeImageIndex, v1.MediaTypeImageManifest)
	}
	return oci.LayoutFiles{Index: oci.IndexOf(i.Descriptor)}, nil
}

// Blob opens a blob, a manifest or an index.
func (i *Image) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest == i.Digest && d.Size == i.Size {
		return io.NopCloser(bytes.NewReader(i.Text)), nil
	}
	return i.From.Blob(ctx, d)
}

// Close does nothing: no answer stays open but those of Blob.
func (*Image) Close() error { return nil }
