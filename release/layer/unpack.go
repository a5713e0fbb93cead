// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// unpack returns the plain bytes of a blob. What keeps them from being read to
// their end is named: a blob that is empty, none of its type, cut short, or
// longer than what is packed in it.
func unpack(r io.Reader, mediaType string) (io.ReadCloser, error) {
	switch mediaType {
	case v1.MediaTypeImageLayer:
		return io.NopCloser(r), nil
	case v1.MediaTypeImageLayerGzip:
		return io.NopCloser(&members{in: bufio.NewReader(r)}), nil
	case v1.MediaTypeImageLayerZstd:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return &frames{ReadCloser: d.IOReadCloser()}, nil
	}
	return nil, fmt.Errorf("media type %q is not a layer's", mediaType)
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
			return n, cut(err, "gzip member")
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
		return cut(err, "gzip member")
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
	case other && f.begun:
		err = errors.New("has data after its last zstd frame")
	case other:
		err = errors.New("is no zstd stream")
	case err == io.EOF && !f.begun:
		err = errors.New("is empty, wanted a zstd stream")
	}
	return n, cut(err, "zstd frame")
}

// cut names the end of a stream that comes too early.
func cut(err error, of string) error {
	if err == io.EOF || !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("ends in the middle of a %s", of)
}
