// SPDX-License-Identifier: BSD-2-Clause

// Package layer turns tree entries into the blob of an OCI layer and back:
// a tar file (POSIX ustar with pax headers where ustar has no room), compressed
// with gzip or zstd (OCI image-spec, layer.md).
//
// A layer is written from fragments. Each fragment's part of the tar file is
// cut into chunks and each chunk is compressed by itself, which gives a gzip
// member or a zstd frame; both concatenate to one valid stream. So fragments
// are made in parallel, and neither their number nor the speed of any of them
// shows in the bytes.
//
// Devices, sparse files and extended attributes are not written; in layers of others
// devices are read, and sparse files told of.
package layer

import (
	"github.com/opencontainers/go-digest"
)

// Layer says which bytes a layer has.
type Layer struct {
	MediaType string
	DiffID    digest.Digest // of the tar file
	Digest    digest.Digest // of the blob
	Size      int64         // bytes of the blob
	TarSize   int64         // bytes of the tar file
	// Foreign is something in the tar file of a layer that was read which this
	// package would have written otherwise; "" for nothing.
	Foreign string
}
