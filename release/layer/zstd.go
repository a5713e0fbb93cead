// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bufio"
	"cmp"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
)

// zstdChunk is the window, too.
const zstdChunk = 2 << 20

var zstdMethod = method{
	name: Zstd, mediaType: v1.MediaTypeImageLayerZstd, magic: "\x28\xb5\x2f\xfd", chunk: zstdChunk,
	levels: []string{"fastest", "default", "better", "best"}, level: "default",
	newPacker: packFrames, newUnpacker: unpackFrames, decode: readFrames,
}

// zstdLevels are the encoder's, by name.
var zstdLevels = map[string]zstd.EncoderLevel{
	"fastest": zstd.SpeedFastest, "default": zstd.SpeedDefault, "better": zstd.SpeedBetterCompression, "best": zstd.SpeedBestCompression,
}

// packFrames writes no checksum in a frame: the digest covers every byte.
func packFrames(level string) (packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstdLevels[level]),
		zstd.WithWindowSize(zstdChunk), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	return func(out, raw []byte) ([]byte, error) { return enc.EncodeAll(raw, out), nil }, nil
}

func unpackFrames() (unpacker, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(zstdChunk))
	if err != nil {
		return nil, err
	}
	return func(raw, packed []byte) error {
		out, err := dec.DecodeAll(packed, raw[:0])
		return cmp.Or(err, wrongSize(len(out) != len(raw)))
	}, nil
}

// maxWindow is the largest window of zstd that is read, in bytes, as it is for
// zstd(1) without --long.
const maxWindow = 128 << 20

func readFrames(in *bufio.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return &frames{ReadCloser: d.IOReadCloser()}, nil
}

// frames reads a zstd stream.
type frames struct {
	io.ReadCloser
	begun bool
}

func (f *frames) Read(b []byte) (int, error) {
	n, err := f.ReadCloser.Read(b)
	f.begun = f.begun || n > 0
	switch other := errors.Is(err, zstd.ErrMagicMismatch); {
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		err = fault.Unsupportedf("zstd's window is larger than %d bytes, the most that this version reads (zstd --long)", maxWindow)
	case other && f.begun:
		err = errors.New("has data after its last zstd frame")
	case other:
		err = errors.New("is no zstd stream")
	case err == io.EOF && !f.begun:
		err = errors.New("is empty, wanted a zstd stream")
	}
	return n, broken(err, "zstd frame")
}
