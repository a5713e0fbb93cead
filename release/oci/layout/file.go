// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
)

// File is a file or folder that may hold an image. It can be read at any offset
// and any number of times: what comes through a pipe is spooled.
type File struct {
	Name  string // for messages
	Piped bool   // it has no files next to it

	file *os.File
	size int64 // of a file
	dir  bool

	opened *Archive // by Open; nil before
}

// maxPiped bounds what is spooled, in bytes.
const maxPiped = 16 << 30

// Open opens a file or folder by its name.
func Open(ctx context.Context, name string) (*File, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &oci.AbsentError{Err: err}
	}
	if err != nil {
		return nil, err
	}
	return New(ctx, name, f)
}

// New takes an open file or folder, and closes it in the end. It reads a pipe to
// its end, into an unnamed temporary file in the system's folder for such files.
func New(ctx context.Context, name string, f *os.File) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &File{Name: name, file: f, size: info.Size(), dir: info.IsDir()}
	if s.dir || info.Mode().IsRegular() {
		return s, nil
	}
	if s.file, s.size, err = spoolPipe(ctx, f); err != nil {
		return nil, named(name, err)
	}
	s.Piped = true
	return s, nil
}

// Close releases the file, and the archive in it.
func (s *File) Close() error {
	if s.opened != nil {
		return errors.Join(s.opened.Close(), s.file.Close())
	}
	return s.file.Close()
}

// Folder reports whether it is a folder.
func (s *File) Folder() bool { return s.dir }

// Reader reads a file from its start.
func (s *File) Reader(ctx context.Context) io.Reader {
	return until.Reader(ctx, io.NewSectionReader(s.file, 0, math.MaxInt64))
}

// spoolPipe stores what a pipe delivers. A signal ends the wait for it.
func spoolPipe(ctx context.Context, pipe *os.File) (*os.File, int64, error) {
	defer pipe.Close()
	f, n, err := spool(until.Input(ctx, pipe), maxPiped)
	if err == nil && n > maxPiped {
		f.Close()
		err = fault.Unsupportedf("has more than %d bytes, the most that is read from a pipe", int64(maxPiped))
	}
	return f, n, err
}

// spool writes up to limit bytes, and one more if there are more, to an unnamed
// temporary file.
func spool(r io.Reader, limit int64) (*os.File, int64, error) {
	f, err := Unnamed()
	if err != nil {
		return nil, 0, err
	}
	n, err := io.Copy(f, io.LimitReader(r, limit+1))
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, n, nil
}

// Unnamed creates a temporary file that has no name any more, and so is gone when it is
// closed.
func Unnamed() (*os.File, error) {
	f, err := os.CreateTemp("", "orlop-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// named puts the name of a source before an error. Errors caused by the source
// make it a broken layout.
func named(name string, err error) error {
	if layer.Blameless(err) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("ends too early")
	}
	return oci.FormatErrorf("%s: %w", name, err)
}
