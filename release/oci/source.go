// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"context"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source is where an image is read from: a layout on disk, or anything else with
// an index and blobs.
type Source interface {
	// Index returns what leads to the image.
	Index(ctx context.Context) (LayoutFiles, error)
	// Blob opens the blob of a descriptor. Its last read fails if the bytes do
	// not match the descriptor.
	Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	Close() error
}

// LayoutFiles are the files of the layout around an image, which no digest of
// the image covers.
type LayoutFiles struct {
	Index  []byte   // the text of index.json
	Layout []byte   // the text of oci-layout; nil if unreadable, or if a source has none
	Fault  error    // what is wrong with oci-layout
	Files  []string // names of all files, sorted; nil if a source has none
}
