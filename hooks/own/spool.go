// SPDX-License-Identifier: BSD-2-Clause

package own

import (
	"context"
	"io"
	"os"
	"sync"

	"github.com/orlop/orlop/pkgdb/until"
)

// spool is a source that can only be read from its beginning to its end. The first file
// that is wanted has all of them written to one file without a name.
type spool struct {
	create func() (*os.File, error)
	// fill passes on the files under their names.
	fill func(ctx context.Context, add func(name string, contents io.Reader) error) error

	mu   sync.Mutex
	file *os.File // nil until needed
	at   map[string]span
}

// span is where a file is.
type span struct{ from, size int64 }

// has reports whether there is a file of a name.
func (s *spool) has(ctx context.Context, name string) (bool, error) {
	_, has, err := s.find(ctx, name)
	return has, err
}

func (s *spool) find(ctx context.Context, name string) (at span, has bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		if err := s.read(ctx); err != nil {
			return span{}, false, err
		}
	}
	at, has = s.at[name]
	return at, has, nil
}

func (s *spool) open(ctx context.Context, name string) (io.ReadCloser, error) {
	at, has, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if !has {
		return nil, &ChangedError{Path: name, Found: "of no file", Wanted: "as before"}
	}
	return io.NopCloser(io.NewSectionReader(s.file, at.from, at.size)), nil
}

// read writes all files to the spool.
func (s *spool) read(ctx context.Context) error {
	f, err := s.create()
	if err != nil {
		return err
	}
	s.at = map[string]span{}
	size := int64(0)
	err = s.fill(ctx, func(name string, contents io.Reader) error {
		n, err := io.Copy(f, until.Reader(ctx, contents))
		s.at[name] = span{size, n}
		size += n
		return err
	})
	if err != nil {
		f.Close()
		return err
	}
	s.file = f
	return nil
}

// Close releases the file.
func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
