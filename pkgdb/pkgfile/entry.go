// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// Entry is a member of an archive: what an install makes of it. As in libpkg,
// the header decides; only the time is the manifest's, if it has one
// (libpkg/pkg_add.c: do_extract_regfile). What pkg registers is the manifest's.
type Entry struct {
	Path     string // absolute
	IsDir    bool
	IsConfig bool   // the manifest says that this is a configuration file
	HardLink string // path of the earlier member that this links to
	IsLink   bool   // a symbolic link
	Link     string // its target
	Size     int64  // bytes of a regular file, holes included
	Attr     Attr
	Flags    uint32 // st_flags
	Time     int64  // seconds, rounded down
	// Absent is a directory of the manifest that is not in the archive: where
	// something else has made it, pkg gives it the manifest's mode, and
	// root:wheel.
	Absent bool
	// Unlike reports that the manifest differs, or says nothing about an entry
	// that it seems to describe in full.
	Unlike bool
}

// entry compares a member with the manifest. It is false for a directory that the
// manifest does not have, which pkg skips.
func (p *Reader) entry(h *tar.Header) (bool, error) {
	at := p.roster.find(h.Name)
	if p.roster.has(at) {
		return false, errors.New("occurs twice in the archive")
	}
	p.roster.add(at, h.Typeflag == tar.TypeDir)
	flags, err := ParseFlags(h.PAXRecords["SCHILY.fflags"])
	if err != nil {
		return false, err
	}
	e := &p.cur
	*e = Entry{Attr: headerAttr(h), Time: h.ModTime.Unix(), Flags: flags}
	if h.Typeflag == tar.TypeDir {
		if at.dir < 0 {
			return false, nil
		}
		d := &p.Manifest.Dirs[at.dir]
		e.Path, e.IsDir = d.Path, true
		return true, e.compare(h, d.Attr, d.Flags)
	}
	if at.file < 0 {
		return false, errors.New("is in the archive, but not in the manifest")
	}
	f := p.Manifest.Files.Bare(at.file)
	p.file = at.file
	if e.Path, e.IsConfig = f.Path, f.IsConfig; f.Time != nil {
		e.Time = *f.Time
	}
	if err := p.checkKind(h, e, &f); err != nil {
		return false, err
	}
	return true, e.compare(h, f.Attr, f.Flags)
}

// checkKind checks that the member is of the kind that the manifest's entry
// says.
func (p *Reader) checkKind(h *tar.Header, e *Entry, f *File) error {
	files := &p.Manifest.Files
	switch h.Typeflag {
	case tar.TypeReg:
		if f.IsLink {
			return fmt.Errorf("is a file, the manifest has a link to %q", f.Link)
		}
		e.Size = h.Size
	case tar.TypeSymlink:
		e.IsLink, e.Link = true, h.Linkname
		switch {
		case f.IsLink && f.Link != h.Linkname:
			return fmt.Errorf("is a link to %q, the manifest has %q", h.Linkname, f.Link)
		case !f.IsLink: // packages before pkg 2.4 say it only here
			e.Unlike = f.Known
		}
		if want := sum.Sum(files.Sum(p.file)); want != "" && sum.OfLink(want.Kind(), e.Link) != want.Typed() {
			return &sum.MismatchError{Subject: "link target", Found: sum.OfLink(want.Kind(), e.Link), Wanted: want}
		}
	case tar.TypeLink:
		e.HardLink = cleanPath("/" + strings.TrimPrefix(h.Linkname, "/"))
		first, found := files.Find(e.HardLink)
		if !found || !p.roster.files.has(first) || first == p.file {
			return fmt.Errorf("is a hard link to %q, which is not an earlier file of the package", h.Linkname)
		}
		e.HardLink = files.Path(first)
		if !files.sameSum(first, p.file) {
			return &sum.MismatchError{Subject: "hard link to " + e.HardLink, Found: sum.Sum(files.Sum(first)), Wanted: sum.Sum(files.Sum(p.file))}
		}
	default:
		return fmt.Errorf("has the tar type %q, wanted a file, a link or a directory", h.Typeflag)
	}
	return nil
}

// compare records whether the manifest has another owner or mode. Flags in both
// must agree: a packager who states them twice means them.
func (e *Entry) compare(h *tar.Header, a Attr, flags *uint32) error {
	names, inHeader := h.PAXRecords["SCHILY.fflags"]
	if flags != nil && inHeader && *flags != e.Flags {
		return fmt.Errorf("has the flags %q, the manifest %q", names, FormatFlags(*flags))
	}
	switch {
	case flags != nil && *flags != e.Flags,
		!e.IsLink && a.Perm != 0 && a.Perm != e.Attr.Perm, // the mode of a link is ignored
		a.Uname != "" && a.Uname != e.Attr.Uname,
		a.Gname != "" && a.Gname != e.Attr.Gname:
		e.Unlike = true
	}
	return nil
}

// nextAbsent returns the next directory that only the manifest has.
func (p *Reader) nextAbsent() (*Entry, error) {
	if len(p.absent) == 0 {
		return nil, io.EOF
	}
	d := &p.Manifest.Dirs[p.absent[0]]
	p.absent = p.absent[1:]
	e := &p.cur
	*e = Entry{Path: d.Path, IsDir: true, Absent: true, Unlike: true, Attr: Attr{Known: true, Uname: "root", Gname: "wheel", Perm: d.Perm}}
	if d.Flags != nil {
		e.Flags = *d.Flags
	}
	return e, nil
}

func headerAttr(h *tar.Header) Attr {
	return Attr{Known: true, Uname: h.Uname, Gname: h.Gname, Perm: uint32(h.Mode) & 0o7777}
}
