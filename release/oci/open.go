// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/ulikunitz/xz"
)

// Archive is an image layout that is read: a folder or a tar file.
type Archive struct {
	files map[string]file // by name in the layout
	close func() error
}

// file is a regular file of a layout.
type file struct {
	size int64
	open func() (io.ReadCloser, error)
}

// FormatError is something that is no image layout.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return e.Err.Error() }

// Unwrap returns the fault itself.
func (e *FormatError) Unwrap() error { return e.Err }

func formatErrorf(format string, args ...any) error { return &FormatError{fmt.Errorf(format, args...)} }

// Open opens an image layout: a folder, or a tar file, plain or packed with
// xz, zstd or gzip. A packed one is unpacked into a file that has no name, so
// that its blobs can be read in any order.
func Open(name string) (*Archive, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openDir(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	plain, err := unpack(f)
	if err != nil {
		f.Close()
		return nil, formatErrorf("%s: %w", name, err)
	}
	a := &Archive{files: map[string]file{}, close: plain.Close}
	if err := a.readTar(plain); err != nil {
		plain.Close()
		return nil, refused(name, err)
	}
	return a, nil
}

// Close releases the archive.
func (a *Archive) Close() error { return a.close() }

func openDir(name string) (*Archive, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	a := &Archive{files: map[string]file{}, close: root.Close}
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("entry %q is no plain file", p)
		}
		a.files[p] = file{info.Size(), func() (io.ReadCloser, error) { return root.Open(p) }}
		return nil
	})
	if err == nil {
		err = a.recognise()
	}
	if err != nil {
		root.Close()
		return nil, refused(name, err)
	}
	return a, nil
}

// ErrDockerArchive is the one other kind of archive that is worth a hint.
var ErrDockerArchive = errors.New("is a docker-archive, wanted an OCI one (podman save --format oci-archive)")

// refused names the archive. All but a docker-archive is a broken layout.
func refused(name string, err error) error {
	if errors.Is(err, ErrDockerArchive) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return formatErrorf("%s: %w", name, err)
}

// unpack returns the plain tar file, f itself where it is not packed.
func unpack(f *os.File) (*os.File, error) {
	br := bufio.NewReaderSize(f, 1<<20)
	head, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var r io.Reader
	switch {
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		r, err = xz.NewReader(br)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err = zstd.NewReader(br, zstd.WithDecoderConcurrency(1))
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		r, err = gzip.NewReader(br)
	default:
		_, err = f.Seek(0, io.SeekStart)
		return f, err
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	spool, err := os.CreateTemp("", "orlop-")
	if err != nil {
		return nil, err
	}
	os.Remove(spool.Name())
	if _, err := io.Copy(spool, r); err != nil {
		spool.Close()
		return nil, err
	}
	_, err = spool.Seek(0, io.SeekStart)
	return spool, err
}

// readTar notes where each file of the layout lies.
func (a *Archive) readTar(f *os.File) error {
	count := &offset{r: f}
	t := tar.NewReader(count)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return a.recognise()
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		switch {
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg || len(h.PAXRecords) > 0 && isSparse(h):
			return fmt.Errorf("entry %q is no plain file", h.Name)
		case path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../"):
			return fmt.Errorf("entry %q leaves the archive", h.Name)
		case a.files[name].open != nil:
			return fmt.Errorf("entry %q is twice in the archive", h.Name)
		}
		at, size := count.n, h.Size
		a.files[name] = file{size, func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(f, at, size)), nil
		}}
	}
}

func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// offset counts what was read; it can seek, so that tar skips instead of reads.
type offset struct {
	r io.ReadSeeker
	n int64
}

func (o *offset) Read(b []byte) (int, error) {
	n, err := o.r.Read(b)
	o.n += int64(n)
	return n, err
}

func (o *offset) Seek(at int64, whence int) (int64, error) {
	n, err := o.r.Seek(at, whence)
	if err == nil {
		o.n = n
	}
	return n, err
}

// recognise tells an image layout from other things.
func (a *Archive) recognise() error {
	switch {
	case a.files["oci-layout"].open != nil:
		return nil
	case a.files["manifest.json"].open != nil:
		return ErrDockerArchive
	}
	return errors.New("has no oci-layout, so it is no OCI image layout")
}

// maxDocument bounds the JSON texts. The largest real ones are a few hundred KiB.
const maxDocument = 16 << 20

// read returns a small file of the layout.
func (a *Archive) read(name string) ([]byte, error) {
	f := a.files[name]
	if f.open == nil {
		return nil, formatErrorf("%s is not in the archive", name)
	}
	if f.size > maxDocument {
		return nil, formatErrorf("%s has %d bytes, wanted at most %d", name, f.size, maxDocument)
	}
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Blob opens the blob of a descriptor. Its last read fails if the bytes are
// not the ones described.
func (a *Archive) Blob(d v1.Descriptor) (io.ReadCloser, error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, formatErrorf("digest %q: %w", d.Digest, err)
	}
	f := a.files[blobName(d.Digest)]
	if f.open == nil {
		return nil, formatErrorf("blob %s is not in the archive", d.Digest)
	}
	if f.size != d.Size {
		return nil, &MismatchError{"size of blob " + d.Digest.String(), fmt.Sprint(f.size), fmt.Sprint(d.Size)}
	}
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	return &checked{r, d.Digest.Algorithm().Digester(), d.Digest}, nil
}

// checked compares the digest when the last byte has been read.
type checked struct {
	io.ReadCloser
	digester digest.Digester
	want     digest.Digest
}

func (c *checked) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.digester.Hash().Write(b[:n])
	if got := c.digester.Digest(); err == io.EOF && got != c.want {
		err = &MismatchError{"blob " + c.want.String(), got.String(), c.want.String()}
	}
	return n, err
}
