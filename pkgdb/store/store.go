// SPDX-License-Identifier: BSD-2-Clause

// Package store gives the bytes of packages, and only the right ones: a file
// is hashed whole each time before its first byte is handed out.
//
// A repository on this machine (a directory or a file: URL) is read in place.
// Other transports are not supported.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// AbsentError says that bytes could not be had.
type AbsentError struct {
	What string // file and repository
	Err  error
}

func (e *AbsentError) Error() string { return fmt.Sprintf("%s: %v", e.What, e.Err) }

// Unwrap returns the reason.
func (e *AbsentError) Unwrap() error { return e.Err }

// SizeError says that a file is not as long as the catalogue has it.
type SizeError struct {
	Subject       string
	Found, Wanted int64 // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s: size is %d bytes, wanted %d", e.Subject, e.Found, e.Wanted)
}

// Ref says which bytes are wanted.
type Ref struct {
	Name string // for messages, NAME-VERSION
	Path string // inside the repository
	Sum  sum.Sum
	Size int64 // bytes
}

// Source is a repository's place.
type Source struct {
	dir string
	url string
}

// NewSource accepts a directory or a file: URL.
func NewSource(location string) (*Source, error) {
	scheme, _, found := strings.Cut(location, ":")
	if !found || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz+") != "" { // so FreeBSD:15:amd64 is a directory
		return &Source{dir: location, url: location}, nil
	}
	if scheme != "file" {
		return nil, fmt.Errorf("%s: transport %q is not supported, wanted a directory or a file: URL", location, scheme)
	}
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	if u.Host != "" && u.Host != "localhost" {
		return nil, fmt.Errorf("%s: a file: URL has no host, found %q", location, u.Host)
	}
	path := u.Path
	if path == "" { // file:relative/dir
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return nil, fmt.Errorf("%s: %w", location, err)
		}
	}
	return &Source{dir: filepath.FromSlash(path), url: location}, nil
}

// Open opens a file of the repository by its path there. The path cannot leave
// the repository, whatever it or a symbolic link says.
func (s *Source) Open(_ context.Context, path string) (io.ReadCloser, error) {
	f, err := s.open(path)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (s *Source) open(path string) (*os.File, error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, &AbsentError{"repository " + s.url, reason(err)}
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, &AbsentError{path + " of repository " + s.url, reason(err)}
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, &AbsentError{path + " of repository " + s.url, errors.New("is a directory")}
	}
	return f, nil
}

// Verified opens a file once its size and sum have been found right, at its
// first byte.
func (s *Source) Verified(ctx context.Context, want Ref) (io.ReadCloser, error) {
	f, err := s.open(want.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", want.Name, err)
	}
	if err := verify(ctx, f, want); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func verify(ctx context.Context, f *os.File, want Ref) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", want.Name, err)
	}
	subject := want.Name + ": " + want.Path
	if info.Size() != want.Size {
		return &SizeError{Subject: subject, Found: info.Size(), Wanted: want.Size}
	}
	h := want.Sum.New()
	if _, err := io.Copy(h, contextReader{ctx, f}); err != nil {
		return fmt.Errorf("%s: %w", want.Name, err)
	}
	if err := want.Sum.Check(subject, h); err != nil {
		return err
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// contextReader ends a long read when the run is interrupted.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// reason leaves out the path that the message already has.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
