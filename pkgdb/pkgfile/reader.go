// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/tarread"
	"github.com/orlop/orlop/pkgdb/until"
)

// maxManifest bounds what is read into memory before anything is known about a
// package. The largest real one (a chromium or texlive) is under 20 MiB.
const maxManifest = 256 << 20

// DamageError is a package whose parts contradict each other, or that no pkg
// would have made.
type DamageError struct {
	Package string // NAME-VERSION, or a file name while that is unknown
	Path    string // the member, "" for the package as a whole
	Err     error
}

func (e *DamageError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s: %v", e.Package, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Package, e.Path, e.Err)
}

// Wrong reports that the bytes exist and are wrong.
func (*DamageError) Wrong() bool { return true }

// Unwrap returns the cause.
func (e *DamageError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *DamageError) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), strings.TrimSuffix(e.Package+": "+e.Path, ": "), "", ""
}

// Reader goes through one archive. Each member is compared with the manifest,
// and the contents of each file with its sum.
type Reader struct {
	Manifest *Manifest
	// PassedOver are directories that are not in the manifest.
	PassedOver []string

	label  string
	plain  io.ReadCloser
	tar    *tarread.Reader
	header *tar.Header // the member after the manifest, not yet delivered
	roster roster
	absent []int // directories that only the manifest has, not yet delivered
	ended  bool

	cur   Entry // that Next returned
	file  int   // its place in the manifest
	state state // of its contents
	hash  hand
	left  int64
}

// state is how far the contents of a member are read.
type state int

const (
	noContents state = iota
	unread
	begun
)

// NewReader starts to read an archive and returns once the manifest is there.
// The label names the package until then. A caller who does not read to the
// end must Close. The context ends every read. Decoders are
// those that packages of a run share, nil for none.
func NewReader(ctx context.Context, decoders *packing.Decoders, r io.Reader, label string) (*Reader, error) {
	return newReader(ctx, decoders, r, label, nil)
}

// NewReaderOf is NewReader for an archive whose manifest is known. The one in
// it is passed over: every member is compared with the known one, which must
// tell all of its files. It is only read, so that several readers can share it.
func NewReaderOf(ctx context.Context, decoders *packing.Decoders, r io.Reader, m *Manifest) (*Reader, error) {
	return newReader(ctx, decoders, r, m.FullName(), m)
}

func newReader(ctx context.Context, decoders *packing.Decoders, r io.Reader, label string, m *Manifest) (*Reader, error) {
	plain, err := decoders.NewReader(until.Reader(ctx, r))
	if _, unread := errors.AsType[*fault.UnsupportedError](err); unread {
		return nil, fmt.Errorf("%s: %w", label, err)
	} else if err != nil {
		return nil, &DamageError{label, "", err}
	}
	p := &Reader{Manifest: m, label: label, plain: plain, tar: tarread.NewReader(until.Reader(ctx, plain))}
	if err := p.readManifest(ctx, m == nil); err != nil {
		p.Close()
		return nil, err
	}
	p.label, p.roster = p.Manifest.FullName(), newRoster(p.Manifest)
	return p, nil
}

// Close releases the decoder.
func (p *Reader) Close() error { return p.plain.Close() }

func (p *Reader) damaged(path string, err error) error { return &DamageError{p.label, path, err} }

// refused distinguishes a wrong manifest from one that is only too large.
func (p *Reader) refused(err error) error {
	if _, large := errors.AsType[*LimitError](err); large {
		return fmt.Errorf("%s: %w", p.label, err)
	}
	return p.damaged("", err)
}

// readManifest reads the leading members that belong to pkg, the manifest if
// wanted, and keeps the header of the first other member. Packages of pkg before
// 1.4 have further ones, such as +DISPLAY, which no longer mean anything.
func (p *Reader) readManifest(ctx context.Context, wanted bool) error {
	var compact []byte
	for {
		h, err := p.tar.Next()
		if err == io.EOF && p.Manifest != nil {
			return nil
		}
		if err != nil {
			return p.damaged("", unexpected(err))
		}
		switch {
		case (h.Name == "+MANIFEST" || h.Name == "+COMPACT_MANIFEST") && wanted && p.Manifest == nil:
			if h.Size > maxManifest {
				return p.damaged(h.Name, fmt.Errorf("is larger than %d bytes", maxManifest))
			}
			text := make([]byte, h.Size)
			if _, err := io.ReadFull(p.tar, text); err != nil {
				return p.damaged(h.Name, unexpected(err))
			}
			if h.Name == "+COMPACT_MANIFEST" {
				compact = text
			} else if p.Manifest, err = until.Do(ctx, func() (*Manifest, error) { return ParseManifests(text, compact) }); err != nil {
				return p.refused(err)
			}
		case strings.HasPrefix(h.Name, "+"):
		case p.Manifest == nil:
			return p.damaged(h.Name, errors.New("comes before +MANIFEST"))
		default:
			p.header = h
			return nil
		}
	}
}

// Next returns the next member; at the end, each directory that is only in the
// manifest, and io.EOF once every entry of the manifest has been seen. Unread
// contents of the last member are skipped, unchecked. The next call overwrites the
// entry.
func (p *Reader) Next() (*Entry, error) {
	for {
		h, err := p.nextHeader()
		if err != nil {
			return nil, err
		}
		if h == nil {
			return p.nextAbsent()
		}
		known, err := p.entry(h)
		if err != nil {
			return nil, p.damaged(h.Name, err)
		}
		if !known {
			p.PassedOver = append(p.PassedOver, h.Name)
			continue
		}
		if p.left = p.cur.Size; !p.cur.IsDir && !p.cur.IsLink && p.cur.HardLink == "" {
			p.state = unread
		}
		return &p.cur, nil
	}
}

// nextHeader returns the next header, nil after the last.
func (p *Reader) nextHeader() (*tar.Header, error) {
	h := p.header
	p.header, p.state = nil, noContents
	if h != nil || p.ended {
		return h, nil
	}
	h, err := p.tar.Next()
	if err == io.EOF {
		p.ended = true
		return nil, p.missing()
	}
	if err != nil {
		return nil, p.damaged("", unexpected(err))
	}
	return h, nil
}

// Read reads the contents of the current regular file. The sum is checked when
// its last byte is read; an error then means that the bytes are wrong.
func (p *Reader) Read(b []byte) (int, error) {
	switch p.state {
	case noContents:
		return 0, io.EOF
	case unread:
		p.hash, p.state = p.Manifest.Files.hash(p.file, p.hash), begun
	}
	n, err := p.tar.Read(b)
	p.hash.Write(b[:n])
	p.left -= int64(n)
	if err == io.EOF && p.left == 0 && p.Manifest.Files.HasSum(p.file) {
		if wrong := p.Manifest.Files.check(p.file, &p.hash); wrong != nil {
			return n, p.damaged(p.cur.Path, wrong)
		}
	} else if err != nil {
		err = p.damaged(p.cur.Path, unexpected(err))
	}
	return n, err
}

// missing finds what is in the manifest, but not in the archive.
func (p *Reader) missing() error {
	var errs []error
	for i := range p.Manifest.Files.Len() {
		if !p.roster.files.has(i) {
			errs = append(errs, p.damaged(p.Manifest.Files.Path(i), errors.New("is in the manifest, but not in the archive")))
		}
	}
	for i := range p.Manifest.Dirs {
		if !p.roster.dirs.has(i) {
			p.absent = append(p.absent, i)
		}
	}
	return errors.Join(errs...)
}

// unexpected turns a premature end of the tar file into an error.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
