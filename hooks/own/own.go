// SPDX-License-Identifier: BSD-2-Clause

// Package own has the files of images that no package has: those of a definition's
// folder, of archives, and of other images. Each is hashed once, and streamed into its
// layer later.
package own

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/shebang"
)

// File is a file, link or folder of a definition.
type File struct {
	lock.Own
	closure.Asks

	from source
	name string // in from
}

// Order orders files by group and path, as a layer has them. It decides bytes.
func Order(a, b *File) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), strings.Compare(a.Path, b.Path))
}

// source is where files are read again.
type source interface {
	open(ctx context.Context, name string) (io.ReadCloser, error)
}

// Open starts reading a file. The last read fails if the bytes are not those that were
// hashed.
func (f *File) Open(ctx context.Context) (io.ReadCloser, error) {
	if f.from == nil {
		return nil, &MissingError{f.Own}
	}
	r, err := f.from.open(ctx, f.name)
	if err != nil {
		return nil, err
	}
	return &checked{r, until.Reader(ctx, r), sha256.New(), 0, f.Own}, nil
}

// Read reads a file into memory, if it has at most so many bytes.
func (f *File) Read(ctx context.Context, most int64) ([]byte, error) {
	if f.Size > most {
		return nil, fmt.Errorf("%s: has %d bytes, wanted at most %d", f.Path, f.Size, most)
	}
	r, err := f.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// MissingError is a file of a lock that this run was not given.
type MissingError struct{ lock.Own }

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s: the file with the sha256 %s is not given; --image-file names its definition", e.Path, e.SHA256)
}

// Absent reports that bytes could not be obtained.
func (*MissingError) Absent() bool { return true }

// ChangedError is a file that is not what it was when it was hashed.
type ChangedError struct {
	Path          string
	Found, Wanted string // sums
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s: has changed since it was read: its sha256 is %s, wanted %s", e.Path, e.Found, e.Wanted)
}

// Wrong reports that the bytes exist and are wrong.
func (*ChangedError) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *ChangedError) Parts() (what, where, found, wanted string) {
	return "has changed since it was read", e.Path, e.Found, e.Wanted
}

// scanner hashes files, and finds what they need at run time.
type scanner struct {
	scratch elf.Scratch
	head    shebang.Head
	observe event.Observer
}

// newScanner returns a scanner. Create makes files without a name.
func newScanner(create func() (*os.File, error), observe event.Observer) *scanner {
	return &scanner{scratch: elf.Scratch{Create: create}, observe: observe}
}

func (s *scanner) close() { s.scratch.Close() }

// hash reads a file, and completes what is known of it.
func (s *scanner) hash(ctx context.Context, f *File, r io.Reader) error {
	h := sha256.New()
	s.scratch.Drop()
	s.head.Line()
	size, err := io.Copy(io.MultiWriter(h, &s.scratch, &s.head), until.Reader(ctx, r))
	if err != nil {
		return err
	}
	f.Size, f.SHA256 = size, hex.EncodeToString(h.Sum(nil))
	f.Script = s.head.Line()
	if n := len(f.Script); n > 0 && f.Script[n-1] == '\r' {
		s.observe.Notice("%s: its first line ends in CR LF, so no program runs it", f.Path)
	}
	f.Needs, err = s.scratch.Needs()
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return nil
}
