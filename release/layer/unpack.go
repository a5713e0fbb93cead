// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/tarfile"
)

// unpack returns the plain bytes of a blob. What keeps them from being read to
// their end is named: a blob that is empty, none of its type, cut short, or
// longer than what is packed in it.
func unpack(r io.Reader, mediaType string) (io.ReadCloser, error) {
	in := bufio.NewReader(r)
	head, _ := in.Peek(tarfile.BlockSize) // an error comes again
	wanted, known := packings[mediaType]
	if mediaType == "" {
		return nil, errors.New("its descriptor has no mediaType, wanted one (image-spec, descriptor.md)")
	}
	if !known {
		return nil, fault.Unsupportedf("media type %q is not supported, wanted application/vnd.oci.image.layer.v1.tar, +gzip or +zstd", mediaType)
	}
	if found := Packing(head); found != "" && found != wanted {
		return nil, fmt.Errorf("is packed with %s, wanted %s, as its media type has it", found, cmp.Or(wanted, "a plain tar file"))
	}
	return Decode(in, wanted)
}

// Decode returns the plain bytes of a stream that is packed with gzip or zstd,
// or with nothing.
func Decode(in *bufio.Reader, packing string) (io.ReadCloser, error) {
	switch packing {
	case "gzip":
		return io.NopCloser(&members{in: in}), nil
	case "zstd":
		d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return &frames{ReadCloser: d.IOReadCloser()}, nil
	}
	return io.NopCloser(in), nil
}

// packings are the media types of layers (image-spec, media-types.md), and how
// each is packed.
var packings = map[string]string{v1.MediaTypeImageLayer: "", v1.MediaTypeImageLayerGzip: "gzip", v1.MediaTypeImageLayerZstd: "zstd"}

// maxWindow is the largest window of zstd that is read, in bytes, as it is for
// zstd(1) without --long.
const maxWindow = 128 << 20

// Packing tells from its first block how a file is packed: gzip, zstd, xz or
// what this version does not read; "" where it does not seem to be.
func Packing(head []byte) string {
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "" // whatever the name of the first entry looks like
	}
	for _, p := range []struct{ magic, name string }{
		{"\x1f\x8b", "gzip"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"\xfd7zXZ\x00", "xz"}, {"BZh", "bzip2"}, {"LZIP", "lzip"},
		{"\x04\x22\x4d\x18", "lz4"}, {"\x1f\x9d", "compress"}, {"PK\x03\x04", "zip"}, {"7z\xbc\xaf\x27\x1c", "7z"},
	} {
		if bytes.HasPrefix(head, []byte(p.magic)) {
			return p.name
		}
	}
	return ""
}

// members reads a gzip stream one member at a time: only so is something that
// follows the last one told from a member that is broken.
type members struct {
	in     *bufio.Reader
	member *gzip.Reader // nil before the first
	within bool
}

func (m *members) Read(b []byte) (int, error) {
	for {
		if !m.within {
			if err := m.next(); err != nil {
				return 0, err
			}
		}
		n, err := m.member.Read(b)
		if err == io.EOF {
			m.within, err = false, nil
		}
		if n > 0 || err != nil {
			return n, broken(err, "gzip member")
		}
	}
}

// next finds a member, or the end.
func (m *members) next() error {
	head, err := m.in.Peek(2)
	switch packed := bytes.Equal(head, []byte{0x1f, 0x8b}); {
	case err != nil && err != io.EOF:
		return err
	case len(head) == 0 && m.member != nil:
		return io.EOF
	case len(head) == 0:
		return errors.New("is empty, wanted a gzip stream")
	case !packed && m.member != nil:
		return errors.New("has data after its last gzip member")
	case !packed:
		return errors.New("is no gzip stream")
	}
	if m.member == nil {
		m.member = new(gzip.Reader)
	}
	if err := m.member.Reset(m.in); err != nil {
		return broken(err, "gzip member")
	}
	m.member.Multistream(false)
	m.within = true
	return nil
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

// broken names what is wrong with a part of a stream.
func broken(err error, part string) error {
	switch {
	case err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("ends in the middle of a %s", part)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return fmt.Errorf("has a %s with another check sum than its contents", part)
	}
	return err
}
