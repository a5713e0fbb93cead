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
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/spelling"
)

// Compression is how the blob of a layer is compressed: a method, or METHOD:LEVEL.
type Compression string

// The methods that OCI knows, at their usual levels. Every client reads gzip.
const (
	Gzip Compression = "gzip" // level 6
	Zstd Compression = "zstd" // level "default"
)

// zstdLevels are the encoder's, by name.
var zstdLevels = map[string]zstd.EncoderLevel{
	"fastest": zstd.SpeedFastest, "default": zstd.SpeedDefault, "better": zstd.SpeedBetterCompression, "best": zstd.SpeedBestCompression,
}

// These constants decide the bytes of every layer, as do the versions of the
// compressors in go.mod: a change is a change of orlop's format.
const (
	gzipLevel = "6"
	zstdLevel = "default"
	gzipChunk = 1 << 20 // bytes of tar in a gzip member; its window has 32 KiB, so a cut costs little
	zstdChunk = 2 << 20 // bytes of tar in a zstd frame, and its window
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

// ParseCompression reads the name of a compression: gzip or gzip:1 to gzip:9, zstd
// or zstd:fastest, default, better, best.
func ParseCompression(s string) (Compression, error) {
	c := Compression(s)
	method, level := c.split()
	_, known := zstdLevels[level]
	switch {
	case strings.HasSuffix(s, ":"):
	case method == Gzip && len(level) == 1 && level >= "1" && level <= "9", method == Zstd && known:
		if level == gzipLevel || level == zstdLevel {
			return method, nil // the same by one name
		}
		return c, nil
	}
	return "", fmt.Errorf("compression %q is not known, wanted gzip, gzip:1 to gzip:9, zstd, or zstd:fastest, better, best%s", s,
		spelling.Hint(s, "gzip", "zstd", "zstd:fastest", "zstd:better", "zstd:best"))
}

// split tells method and level.
func (c Compression) split() (method Compression, level string) {
	m, level, _ := strings.Cut(string(c), ":")
	if method = Compression(m); level == "" {
		if level = gzipLevel; method == Zstd {
			level = zstdLevel
		}
	}
	return method, level
}

func (c Compression) zstd() bool { method, _ := c.split(); return method == Zstd }

// MediaType returns the media type of a layer with this compression.
func (c Compression) MediaType() string {
	if c.zstd() {
		return v1.MediaTypeImageLayerZstd
	}
	return v1.MediaTypeImageLayerGzip
}

func (c Compression) chunkSize() int {
	if c.zstd() {
		return zstdChunk
	}
	return gzipChunk
}

// packer compresses chunks, one after the other, and appends to out.
type packer func(out, raw []byte) ([]byte, error)

func (c Compression) newPacker() (packer, error) {
	_, level := c.split()
	if c.zstd() {
		// No checksum in the frame: the digest covers every byte.
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstdLevels[level]),
			zstd.WithWindowSize(zstdChunk), zstd.WithEncoderCRC(false))
		if err != nil {
			return nil, err
		}
		return func(out, raw []byte) ([]byte, error) { return enc.EncodeAll(raw, out), nil }, nil
	}
	z, err := gzip.NewWriterLevel(io.Discard, int(level[0]-'0'))
	if err != nil {
		return nil, err
	}
	return func(out, raw []byte) ([]byte, error) {
		b := bytes.NewBuffer(out)
		z.Reset(b) // a header without name and time, OS 255
		if _, err := z.Write(raw); err != nil {
			return nil, err
		}
		err := z.Close()
		return b.Bytes(), err
	}, nil
}
