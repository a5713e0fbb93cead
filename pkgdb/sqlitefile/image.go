// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/orlop/orlop/pkgdb/until"
)

// Image are the bytes of a database, which nobody changes: those of a small one
// in memory, those of a large one in a file without a name. An image that is not
// closed closes itself once nothing refers to it.
type Image struct {
	text []byte
	file *os.File // nil where text has all
	size int64
}

// maxHeld is the size up to which an image is held in memory, in bytes.
const maxHeld = 4 << 20

// NewImage is the image of bytes, which must not change.
func NewImage(text []byte) *Image { return &Image{text: text, size: int64(len(text))} }

// Collect reads an image to the end of its stream.
func Collect(ctx context.Context, r io.Reader) (*Image, error) {
	r = until.Reader(ctx, r)
	var begin bytes.Buffer
	if _, err := io.Copy(&begin, io.LimitReader(r, maxHeld+1)); err != nil {
		return nil, err
	}
	if begin.Len() <= maxHeld {
		return NewImage(begin.Bytes()), nil
	}
	file, err := unnamed()
	if err != nil {
		return nil, err
	}
	size, err := io.Copy(file, io.MultiReader(&begin, io.LimitReader(r, MaxFile+1-maxHeld)))
	if err == nil && size > MaxFile {
		err = tooLarge()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Image{file: file, size: size}, nil
}

func tooLarge() error { return &FormatError{fmt.Errorf("has more than %d bytes", MaxFile)} }

// unnamed is a new file of which only its descriptor is left.
func unnamed() (*os.File, error) {
	file, err := os.CreateTemp("", "orlop-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Size is the number of bytes.
func (m *Image) Size() int64 { return m.size }

// ReadAt reads at an offset.
func (m *Image) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case m.file != nil:
		return m.file.ReadAt(p, off)
	case off < 0 || off >= m.size:
		return 0, io.EOF
	}
	n := copy(p, m.text[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Reader reads an image from its beginning, independently of other readers.
func (m *Image) Reader() io.Reader { return io.NewSectionReader(m, 0, m.size) }

// Bytes are all bytes, which the caller must not change.
func (m *Image) Bytes(ctx context.Context) ([]byte, error) {
	if m.file == nil {
		return m.text, nil
	}
	text := make([]byte, m.size)
	_, err := io.ReadFull(until.Reader(ctx, m.Reader()), text)
	return text, err
}

// Difference is the offset of the first byte in which two images differ, -1 where
// they are the same. One that is only longer differs at the end of the other.
func (m *Image) Difference(ctx context.Context, other *Image) (int64, error) {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := m.ReadAt(a, at)
		k, other := other.ReadAt(b, at)
		for _, err := range []error{err, other} {
			if err != nil && !errors.Is(err, io.EOF) {
				return 0, err
			}
		}
		switch {
		case bytes.Equal(a[:n], b[:k]) && n == 0:
			return -1, nil
		case !bytes.Equal(a[:n], b[:k]):
			same := 0
			for same < min(n, k) && a[same] == b[same] {
				same++
			}
			return at + int64(same), nil
		}
		at += int64(n)
	}
}

// Close frees what an image takes. Nothing that reads from it may be used
// afterwards.
func (m *Image) Close() error {
	if m == nil || m.file == nil {
		return nil
	}
	return m.file.Close()
}
