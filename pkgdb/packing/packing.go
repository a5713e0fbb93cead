// SPDX-License-Identifier: BSD-2-Clause

// Package packing reads what pkg(8) and its tools have packed.
package packing

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/xz"
)

// maxWindow bounds the memory that a zstd frame may ask for. pkg writes 8 MiB
// windows (level 19); zstd(1) itself refuses more than 128 MiB by default.
const maxWindow = 128 << 20

// Decoders are those of zstd that are idle: each has a window of some megabytes,
// which is passed on to the next package, and so are the buffers before them. The
// zero value has none. Several readers can use it side by side.
type Decoders struct {
	mu      sync.Mutex
	idle    []*zstd.Decoder
	buffers []*bufio.Reader
}

// maxIdle is so few that they do not matter.
const maxIdle = 4

// take returns an idle decoder, nil where there is none.
func (d *Decoders) take() *zstd.Decoder {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.idle)
	if n == 0 {
		return nil
	}
	z := d.idle[n-1]
	d.idle = d.idle[:n-1]
	return z
}

// give takes a decoder back.
func (d *Decoders) give(z *zstd.Decoder) {
	if d == nil {
		z.Close()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.idle) < maxIdle && z.Reset(nil) == nil {
		d.idle = append(d.idle, z)
		return
	}
	z.Close()
}

// buffer returns a buffer before r, one that is idle if there is one.
func (d *Decoders) buffer(r io.Reader) *bufio.Reader {
	if d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := len(d.buffers); n > 0 {
			br := d.buffers[n-1]
			d.buffers = d.buffers[:n-1]
			br.Reset(r)
			return br
		}
	}
	return bufio.NewReaderSize(r, 64<<10)
}

// giveBuffer takes a buffer back.
func (d *Decoders) giveBuffer(br *bufio.Reader) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if br.Reset(nil); len(d.buffers) < maxIdle {
		d.buffers = append(d.buffers, br)
	}
}

// zstdReader gives its decoder and its buffer back when it is closed.
type zstdReader struct {
	*zstd.Decoder
	br *bufio.Reader
	to *Decoders
}

func newZstd(r *bufio.Reader, from *Decoders) (*zstdReader, error) {
	if z := from.take(); z != nil {
		return &zstdReader{z, r, from}, z.Reset(r)
	}
	// One goroutine a package: packages are what runs in parallel.
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	return &zstdReader{d, r, from}, err
}

// Close gives the decoder back.
func (z *zstdReader) Close() error {
	if z.Decoder != nil {
		z.to.give(z.Decoder)
		z.to.giveBuffer(z.br)
	}
	z.Decoder, z.br = nil, nil
	return nil
}

// Read reads; after Close there is nothing.
func (z *zstdReader) Read(b []byte) (int, error) {
	if z.Decoder == nil {
		return 0, io.ErrClosedPipe
	}
	return z.Decoder.Read(b)
}

// unsupported is of what pkg(8) reads, and this version does not.
func unsupported(what string) error {
	return fault.Unsupportedf("%s, which this version does not read; wanted zstd, xz, lzma, gzip, bzip2 or no compression", what)
}

// unread are the first bytes of what libarchive unpacks for pkg(8), and we do not.
// No release of pkg has packed with it of its own accord.
var unread = map[string]string{
	"\x04\x22\x4d\x18": "lz4", "\x89LZO": "lzop", "LZIP": "lzip", "LRZI": "lrzip", "\x1f\x9d": "compress",
}

// NewReader recognises zstd, xz, lzma, gzip and bzip2 by their first bytes, the
// packing formats of libpkg (libpkg/packing.c) and of what it made before pkg
// 1.17, and gives the plain bytes. Anything else passes as it is. Close releases
// the decoder, not r.
func NewReader(r io.Reader) (io.ReadCloser, error) { return (*Decoders)(nil).NewReader(r) }

// NewReader is the function of this name, with a decoder that is idle.
func (d *Decoders) NewReader(r io.Reader) (io.ReadCloser, error) {
	br := d.buffer(r)
	head, err := br.Peek(lzma.HeaderLen)
	if err != nil && err != io.EOF {
		return nil, err
	}
	for magic, name := range unread {
		if bytes.HasPrefix(head, []byte(magic)) {
			return nil, unsupported("is packed with " + name)
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := newZstd(br, d)
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return z, nil
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
	case isLzma(head):
		if dict := binary.LittleEndian.Uint32(head[1:]); dict > maxWindow {
			return nil, unsupported(fmt.Sprintf("has a dictionary of %d bytes, more than %d", dict, maxWindow))
		}
		d, err := lzma.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("lzma: %w", err)
		}
		return io.NopCloser(d), nil
	}
	return io.NopCloser(br), nil
}

// isLzma recognises the header of the format that xz has replaced, which has no
// magic: properties that all programs use, the size of a dictionary that is a
// power of two or one and a half of one, and the size of the contents, unknown or
// below a terabyte (libarchive's lzma_bidder does alike).
func isLzma(head []byte) bool {
	if len(head) < lzma.HeaderLen || head[0] != 0x5d && head[0] != 0x5e {
		return false
	}
	dict := binary.LittleEndian.Uint32(head[1:])
	size := binary.LittleEndian.Uint64(head[5:])
	whole := bits.OnesCount32(dict) == 1 || bits.OnesCount32(dict) == 2 && bits.OnesCount32(dict/3) == 1
	return whole && dict >= lzma.MinDictCap && (size == math.MaxUint64 || size < 1<<40)
}
