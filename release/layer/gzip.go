// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// gzipMagic begins a member (RFC 1952, section 2.3.1).
const gzipMagic = "\x1f\x8b"

// gzipMethod cuts after 1 MiB: its window has 32 KiB, so that a cut costs little.
var gzipMethod = method{
	name: Gzip, mediaType: v1.MediaTypeImageLayerGzip, magic: gzipMagic, chunk: 1 << 20,
	levels: strings.Split("123456789", ""), level: "6",
	newPacker: packMembers, newUnpacker: unpackMembers,
	decode: func(in *bufio.Reader) (io.ReadCloser, error) { return io.NopCloser(&members{in: in}), nil },
}

func packMembers(level string) (packer, error) {
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

func unpackMembers() (unpacker, error) {
	z := new(gzip.Reader)
	return func(raw, packed []byte) error {
		if err := z.Reset(bytes.NewReader(packed)); err != nil {
			return err
		}
		if _, err := io.ReadFull(z, raw); err != nil {
			return err
		}
		n, err := z.Read(make([]byte, 1)) // the check sum is read with the end
		return cmp.Or(wrongSize(n != 0), wrongSize(err != io.EOF))
	}, nil
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
	head, err := m.in.Peek(len(gzipMagic))
	switch packed := string(head) == gzipMagic; {
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
