// SPDX-License-Identifier: BSD-2-Clause

// Package unpack reads the archives that a definition's key archive names: release
// archives that others have made, tar files and zip files. What it gives is safe to put
// into an image: paths below one folder, without links that lead out of it.
//
// It believes nothing of an archive but that it is the one that the definition means:
// the caller has compared its sha256 before the first call.
package unpack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/pkgdb/xz"
	"github.com/orlop/orlop/release/glob"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// Options say what to take of an archive, and where it goes.
type Options struct {
	// Strip is how many names at the beginning of each path are left out. An entry
	// without more names is skipped. Targets of hard links are paths of the archive and
	// lose as many names; those of symbolic links stay as they are.
	Strip int
	// Include are patterns (release/glob) of the paths that are taken, as they are after
	// Strip. Without any all are taken. One that matches nothing is an error.
	Include []string
	// To is the folder of the image that gets what is taken: absolute and clean. "" is "/".
	To string
}

// Entry is a file, a folder or a link of an archive. Owners, times, extended attributes
// and flags of archives are not kept.
type Entry struct {
	Path string    // in the image, absolute and clean
	Type tree.Type // File, Dir, Symlink or Hardlink
	// Mode is 0755 of folders, symbolic links and files that their owner may execute,
	// and 0644 of other files; never a set-id or sticky bit. Hard links have their
	// file's, so theirs is 0.
	Mode uint32
	Link string // verbatim target of a Symlink; path in the image of a Hardlink's file
	Size int64  // bytes, of a File
}

// Bounds of archives. What an archive unpacks to includes the headers of a tar file.
const (
	maxRatio = 200      // bytes for each byte of the archive
	leastMax = 10 << 20 // bytes that any archive may unpack to
	maxPath  = 1023     // bytes (PATH_MAX without its NUL)
	maxName  = 255      // bytes of a name in a path (NAME_MAX)
)

// Read reads an archive of size bytes: tar, as it is or packed with gzip, xz or zstd, or
// zip. Its first bytes tell which, never its name. It calls visit for each entry that is
// taken, in the order of the archive; contents are those of a File, and need not be read.
// A folder above an entry may be without an entry of its own; a folder that occurs again
// is not visited again. An error of visit ends the reading and is returned as it is.
//
// These are errors that name the entry, an *EntryError with the class failed: names with
// ".." or that are absolute, whether they are taken or not; and of those that are taken
// devices, FIFOs, sparse files and other kinds; symbolic links that lead out of Options.To,
// or that have ".." behind a name, of which only the image can say where it leads; hard
// links to anything but an earlier file that is taken; two entries of one path, and
// entries below what is no folder. Names that are not UTF-8 are taken as they are. So is
// an archive that cannot be read, one of more than 2,000,000 entries, or one that unpacks
// to more than 200 times its size and 10 MiB.
//
// A pattern that matches nothing, and an archive of which nothing is taken, have the class
// unmet; a pattern that is none, the class usage.
func Read(ctx context.Context, r io.ReaderAt, size int64, o Options, visit func(Entry, io.Reader) error) error {
	a, err := newArchive(ctx, size, o, visit)
	if err != nil {
		return err
	}
	in := readerAt{ctx, r}
	head := make([]byte, min(512, size))
	if _, err := in.ReadAt(head, 0); err != nil && err != io.EOF {
		return a.broken("", err)
	}
	packing := layer.Packing(head)
	switch {
	case size == 0:
		err = a.broken("", errors.New("is empty, wanted an archive"))
	case packing == "zip", strings.HasPrefix(string(head), emptyZip):
		err = a.readZip(in, size)
	default:
		err = a.unpackTar(io.NewSectionReader(in, 0, size), packing)
	}
	if err != nil {
		return err
	}
	return a.unmet()
}

// unpackTar reads a tar file that is packed somehow.
func (a *archive) unpackTar(r io.Reader, packing string) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var raw io.Reader
	switch packing {
	case "", string(layer.Gzip), string(layer.Zstd):
		d, err := layer.Decode(in, packing)
		if err != nil {
			return a.broken("", err)
		}
		defer d.Close()
		raw = d
	case "xz":
		d, err := xz.NewReader(in)
		if err != nil {
			return a.broken("", fmt.Errorf("xz: %w", err))
		}
		raw = xzStream{d}
	default:
		return a.broken("", fault.Unsupportedf("is packed with %s, which this version does not read; wanted tar, plain or packed with gzip, xz or zstd, or zip", packing))
	}
	return a.readTar(a.limit(until.Reader(a.ctx, raw)))
}

// xzStream tells an xz stream that ends early from a tar file that does.
type xzStream struct{ r io.Reader }

func (x xzStream) Read(b []byte) (int, error) {
	n, err := x.r.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("ends in the middle of an xz stream")
	}
	return n, err
}

// archive is one that is being read.
type archive struct {
	ctx      context.Context
	strip    int
	include  []glob.Pattern
	matched  []bool // by pattern
	to       string // without a slash at the end: "" is the root
	visit    func(Entry, io.Reader) error
	size     int64
	left     int64 // bytes that it may still unpack to
	entries  int
	taken    int
	seen     map[string]seen // by path in the image
	prefixes map[string]string
}

func newArchive(ctx context.Context, size int64, o Options, visit func(Entry, io.Reader) error) (*archive, error) {
	a := &archive{ctx: ctx, strip: o.Strip, visit: visit, size: size, seen: map[string]seen{}, prefixes: map[string]string{}}
	a.left = leastMax
	if size > leastMax/maxRatio {
		a.left = size * maxRatio
	}
	if o.Strip < 0 {
		return nil, fault.Usagef("strip: found %d, wanted 0 or more", o.Strip)
	}
	if o.To != "" && (!path.IsAbs(o.To) || path.Clean(o.To) != o.To) {
		return nil, fault.Usagef("to: found %q, wanted a clean path that begins with /", o.To)
	}
	a.to = strings.TrimSuffix(o.To, "/")
	for _, text := range o.Include {
		p, err := glob.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("include: %w", err)
		}
		if path.IsAbs(text) {
			return nil, fault.Usagef("include: pattern %q is absolute, wanted one relative to the archive", text)
		}
		a.include = append(a.include, p)
	}
	a.matched = make([]bool, len(a.include))
	return a, nil
}

// give visits an entry, whose name in the archive is for messages.
func (a *archive) give(name string, e Entry, r io.Reader) error {
	a.taken++
	c := &contents{r: r}
	if err := a.visit(e, c); err != nil && c.err == nil {
		return err
	}
	if c.err == nil {
		_, _ = io.Copy(io.Discard, c) // whatever keeps it from being read stays in c
	}
	if c.err != nil {
		return a.broken(name, c.err)
	}
	return nil
}

// unmet reports what of the options has no effect.
func (a *archive) unmet() error {
	for i, p := range a.include {
		if !a.matched[i] {
			return &NothingError{fmt.Sprintf("include: pattern %q matches none of its %s", p, a.counted())}
		}
	}
	if a.taken == 0 {
		return &NothingError{fmt.Sprintf("nothing is taken of its %s, of which strip = %d leaves none", a.counted(), a.strip)}
	}
	return nil
}

func (a *archive) counted() string {
	if a.entries == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", a.entries)
}

// contents are those of an entry. They remember what keeps them from being read.
type contents struct {
	r   io.Reader
	err error
}

func (c *contents) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// limited counts what an archive unpacks to.
type limited struct {
	r io.Reader
	a *archive
}

func (a *archive) limit(r io.Reader) io.Reader { return limited{r, a} }

func (l limited) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	if l.a.left -= int64(n); l.a.left < 0 {
		return 0, l.a.tooLarge()
	}
	return n, err
}

func (a *archive) tooLarge() error {
	return fmt.Errorf("is too large: the archive has %d bytes and unpacks to more than %d", a.size, max(leastMax, a.size*maxRatio))
}

// readerAt reads until a context ends.
type readerAt struct {
	ctx context.Context
	r   io.ReaderAt
}

func (r readerAt) ReadAt(b []byte, at int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.ReadAt(b, at)
}
