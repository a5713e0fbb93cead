// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"context"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source is where an image is read from: a layout on a disk, or whatever else has
// an index and blobs.
type Source interface {
	// Index returns what leads to the image.
	Index(ctx context.Context) (Wrapping, error)
	// Blob opens the blob of a descriptor. Its last read fails if the bytes are not
	// the ones described.
	Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	Close() error
}

// Wrapping is what lies around an image, and which no digest of the image covers.
type Wrapping struct {
	Index  []byte   // the text of index.json
	Layout []byte   // the text of oci-layout; nil where it cannot be read
	Fault  error    // what is wrong with oci-layout
	Files  []string // names of all files, sorted; nil where a source has none
}
