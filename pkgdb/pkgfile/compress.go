// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/orlop/orlop/pkgdb/xz"
)

// maxWindow bounds the memory that a zstd frame may ask for. pkg writes 8 MiB
// windows (level 19); zstd(1) itself refuses more than 128 MiB by default.
const maxWindow = 128 << 20

// zstdReader gives its decoder, which has a window of some megabytes, to the
// next package.
type zstdReader struct{ *zstd.Decoder }

// zstdDecoders are idle ones, so few that they do not matter. (A sync.Pool holds
// one back for each processor.)
var zstdDecoders = make(chan *zstd.Decoder, 4)

func newZstd(r io.Reader) (*zstdReader, error) {
	select {
	case d := <-zstdDecoders:
		return &zstdReader{d}, d.Reset(r)
	default:
	}
	// One goroutine a package: packages are what runs in parallel.
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	return &zstdReader{d}, err
}

// Close gives the decoder back.
func (z *zstdReader) Close() error {
	if z.Decoder != nil && z.Reset(nil) == nil {
		select {
		case zstdDecoders <- z.Decoder:
		default:
		}
	}
	z.Decoder = nil
	return nil
}

// Read reads; after Close there is nothing.
func (z *zstdReader) Read(b []byte) (int, error) {
	if z.Decoder == nil {
		return 0, io.ErrClosedPipe
	}
	return z.Decoder.Read(b)
}

// Decompress recognises zstd, xz, gzip and bzip2 by their first bytes, the
// packing formats of libpkg (libpkg/packing.c), and gives the plain bytes.
// Anything else passes as it is. Close releases the decoder, not r.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := newZstd(br)
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return d, nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		d, err := xz.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("xz: %w", err)
		}
		return io.NopCloser(d), nil
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		d, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return d, nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return io.NopCloser(bzip2.NewReader(br)), nil
	}
	return io.NopCloser(br), nil
}
