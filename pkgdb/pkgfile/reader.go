// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
)

// maxManifest bounds what is read into memory before anything is known of a
// package. The largest real one (a chromium or texlive) is under 20 MiB.
const maxManifest = 256 << 20

// DamageError is a package whose parts contradict each other, or that no pkg
// would have made.
type DamageError struct {
	Package string // NAME-VERSION, or a file name while that is not known
	Path    string // the member, "" where it is the package as a whole
	Err     error
}

func (e *DamageError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s: %v", e.Package, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Package, e.Path, e.Err)
}

// Unwrap returns the fault itself.
func (e *DamageError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *DamageError) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), strings.TrimSuffix(e.Package+": "+e.Path, ": "), "", ""
}

// Entry is a member of an archive beside what the manifest says of it.
type Entry struct {
	File     *File  // of the manifest, nil for a directory
	Dir      *Dir   // of the manifest, nil for anything else
	HardLink string // path of the earlier member that this is another name of
	Size     int64  // bytes of a regular file, holes included
	Attr     Attr   // the manifest's, else the header's
	Flags    uint32 // st_flags, the manifest's, else the header's
	Time     int64  // seconds, rounded down; the manifest's, else the header's
}

// Path returns the entry's absolute path.
func (e *Entry) Path() string {
	if e.Dir != nil {
		return e.Dir.Path
	}
	return e.File.Path
}

// Reader goes through one archive. Each member is compared with the manifest,
// the contents of each file with its sum.
type Reader struct {
	Manifest *Manifest
	Text     []byte // of the manifest

	label  string
	plain  io.ReadCloser
	tar    *tar.Reader
	header *tar.Header // the member after the manifest, not yet delivered
	files  map[string]*File
	dirs   map[string]*Dir
	seen   map[string]bool
	cur    *Entry
	hash   hash.Hash
	left   int64
}

// NewReader starts to read an archive and returns once the manifest is there.
// The label names the package until then. A caller who does not read to the
// end must Close. The context ends every read.
func NewReader(ctx context.Context, r io.Reader, label string) (*Reader, error) {
	return newReader(ctx, r, label, nil)
}

// NewReaderOf is NewReader for an archive whose manifest is known. The one in
// it is passed over: every member is compared with the known one, which must
// tell all of its files. It is only read, so that several readers can share it.
func NewReaderOf(ctx context.Context, r io.Reader, m *Manifest) (*Reader, error) {
	return newReader(ctx, r, m.FullName(), m)
}

func newReader(ctx context.Context, r io.Reader, label string, m *Manifest) (*Reader, error) {
	plain, err := Decompress(until.Reader(ctx, r))
	if err != nil {
		return nil, &DamageError{label, "", err}
	}
	p := &Reader{Manifest: m, label: label, plain: plain, tar: tar.NewReader(until.Reader(ctx, plain)), seen: map[string]bool{}}
	if err = p.readManifest(ctx, m == nil); err == nil {
		err = p.index(ctx)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	p.label = p.Manifest.FullName()
	return p, nil
}

// index finds what the manifest says of a path.
func (p *Reader) index(ctx context.Context) error {
	p.files = make(map[string]*File, len(p.Manifest.Files))
	for i := range p.Manifest.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.files[p.Manifest.Files[i].Path] = &p.Manifest.Files[i]
	}
	p.dirs = make(map[string]*Dir, len(p.Manifest.Dirs))
	for i := range p.Manifest.Dirs {
		p.dirs[p.Manifest.Dirs[i].Path] = &p.Manifest.Dirs[i]
	}
	return nil
}

// Close releases the decoder.
func (p *Reader) Close() error { return p.plain.Close() }

func (p *Reader) damaged(path string, err error) error { return &DamageError{p.label, path, err} }

// refused tells a manifest that is wrong from one that is only too large.
func (p *Reader) refused(err error) error {
	if _, large := errors.AsType[*LimitError](err); large {
		return fmt.Errorf("%s: %w", p.label, err)
	}
	return p.damaged("", err)
}

// readManifest reads the leading members that belong to pkg, the manifest if it
// is wanted, and keeps the header of the first one that does not.
func (p *Reader) readManifest(ctx context.Context, wanted bool) error {
	for {
		h, err := p.tar.Next()
		if err == io.EOF && p.Manifest != nil {
			return nil
		}
		if err != nil {
			return p.damaged("", unexpected(err))
		}
		switch {
		case h.Name == "+COMPACT_MANIFEST", h.Name == "+MANIFEST" && !wanted:
		case h.Name == "+MANIFEST":
			text, err := io.ReadAll(io.LimitReader(p.tar, maxManifest+1))
			if err != nil {
				return p.damaged(h.Name, unexpected(err))
			}
			if len(text) > maxManifest {
				return p.damaged(h.Name, fmt.Errorf("is larger than %d bytes", maxManifest))
			}
			if p.Manifest, err = until.Do(ctx, func() (*Manifest, error) { return ParseManifest(text) }); err != nil {
				return p.refused(err)
			}
			p.Text = text
		case p.Manifest == nil:
			return p.damaged(h.Name, errors.New("comes before +MANIFEST"))
		default:
			p.header = h
			return nil
		}
	}
}

// Next returns the next member, or io.EOF after the last one when every entry
// of the manifest has been seen. What was not read of the last member is
// skipped, and not checked.
func (p *Reader) Next() (*Entry, error) {
	h := p.header
	p.header, p.cur, p.hash = nil, nil, nil
	if h == nil {
		var err error
		if h, err = p.tar.Next(); err == io.EOF {
			return nil, p.missing()
		} else if err != nil {
			return nil, p.damaged("", unexpected(err))
		}
	}
	e, err := p.entry(h)
	if err != nil {
		return nil, p.damaged(h.Name, err)
	}
	p.cur, p.left = e, e.Size
	return e, nil
}

// Read reads the contents of the current regular file. The sum is checked when
// its last byte is read; an error then means that the bytes are wrong.
func (p *Reader) Read(b []byte) (int, error) {
	if p.cur == nil || p.cur.File == nil || p.cur.File.IsLink || p.cur.HardLink != "" {
		return 0, io.EOF
	}
	want := sum.Sum(p.cur.File.Sum)
	if p.hash == nil {
		p.hash = want.New()
	}
	n, err := p.tar.Read(b)
	p.hash.Write(b[:n])
	p.left -= int64(n)
	if err == io.EOF && p.left == 0 {
		if wrong := want.Check("contents", p.hash); wrong != nil {
			return n, p.damaged(p.cur.Path(), wrong)
		}
	} else if err != nil {
		err = p.damaged(p.cur.Path(), unexpected(err))
	}
	return n, err
}

// entry compares a member with the manifest.
func (p *Reader) entry(h *tar.Header) (*Entry, error) {
	path := h.Name
	if h.Typeflag == tar.TypeDir && len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if p.seen[path] {
		return nil, errors.New("is twice in the archive")
	}
	p.seen[path] = true
	e := &Entry{Attr: headerAttr(h), Time: h.ModTime.Unix()}
	if h.Typeflag == tar.TypeDir {
		if e.Dir = p.dirs[path]; e.Dir == nil {
			return nil, errors.New("is in the archive, but not a directory of the manifest")
		}
		return e, e.prefer(h, e.Dir.Attr, e.Dir.Flags)
	}
	if e.File = p.files[path]; e.File == nil {
		return nil, errors.New("is in the archive, but not in the manifest")
	}
	if e.File.Time != nil {
		e.Time = *e.File.Time
	}
	if err := p.checkKind(h, e); err != nil {
		return nil, err
	}
	return e, e.prefer(h, e.File.Attr, e.File.Flags)
}

// checkKind sees to it that the member is what the manifest's entry says.
func (p *Reader) checkKind(h *tar.Header, e *Entry) error {
	f := e.File
	switch h.Typeflag {
	case tar.TypeReg:
		if f.IsLink {
			return fmt.Errorf("is a file, the manifest has a link to %q", f.Link)
		}
		e.Size = h.Size
	case tar.TypeSymlink:
		switch {
		case f.IsLink && f.Link != h.Linkname:
			return fmt.Errorf("is a link to %q, the manifest has %q", h.Linkname, f.Link)
		case !f.IsLink && f.Known:
			return fmt.Errorf("is a link to %q, the manifest has a file", h.Linkname)
		case !f.IsLink: // packages before pkg 2.4 say it only here
			f.IsLink, f.Link = true, h.Linkname
		}
		if want := sum.Sum(f.Sum); sum.OfLink(want.Kind(), f.Link) != want.Typed() {
			return &sum.MismatchError{Subject: "link target", Found: sum.OfLink(want.Kind(), f.Link), Wanted: want}
		}
	case tar.TypeLink:
		e.HardLink = "/" + strings.TrimPrefix(h.Linkname, "/")
		first := p.files[e.HardLink]
		if first == nil || !p.seen[e.HardLink] || first == f {
			return fmt.Errorf("is a hard link to %q, which is not an earlier file of the package", h.Linkname)
		}
		if first.Sum != f.Sum {
			return &sum.MismatchError{Subject: "hard link to " + e.HardLink, Found: sum.Sum(first.Sum), Wanted: sum.Sum(f.Sum)}
		}
	default:
		return fmt.Errorf("has the tar type %q, wanted a file, a link or a directory", h.Typeflag)
	}
	return nil
}

// prefer lets the manifest's attributes stand before the header's. Flags that
// both have must agree, since pkg records the one and applies the other.
func (e *Entry) prefer(h *tar.Header, a Attr, flags *uint32) error {
	if a.Known {
		e.Attr = a
	}
	names, inHeader := h.PAXRecords["SCHILY.fflags"]
	bits, err := ParseFlags(names)
	if err != nil {
		return err
	}
	if flags != nil && inHeader && *flags != bits {
		return fmt.Errorf("has the flags %q, the manifest %q", names, FormatFlags(*flags))
	}
	if e.Flags = bits; flags != nil {
		e.Flags = *flags
	}
	return nil
}

// missing is what Next returns at the end of the archive.
func (p *Reader) missing() error {
	var errs []error
	for i := range p.Manifest.Files {
		if f := &p.Manifest.Files[i]; !p.seen[f.Path] {
			errs = append(errs, p.damaged(f.Path, errors.New("is in the manifest, but not in the archive")))
		}
	}
	for i := range p.Manifest.Dirs {
		if d := &p.Manifest.Dirs[i]; !p.seen[d.Path] {
			errs = append(errs, p.damaged(d.Path, errors.New("is in the manifest, but not in the archive")))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return io.EOF
}

func headerAttr(h *tar.Header) Attr {
	return Attr{Known: true, Uname: h.Uname, Gname: h.Gname, Perm: uint32(h.Mode) & 0o7777}
}

// unexpected makes the end of a tar file that comes too early an error.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
