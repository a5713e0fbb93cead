// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/xz"
	"github.com/orlop/orlop/release/layer"
)

// Bounds for archives that anybody wrote. Real ones stay far below.
const (
	maxDocument = 16 << 20  // bytes of a JSON text; the largest have some 100 KiB
	maxFiles    = 4096      // in a layout; an image of 127 layers has 131
	maxWindow   = 128 << 20 // bytes of zstd's window, the most that zstd(1) reads unasked
	// What a packed archive may come to on the disk: so many times its own
	// bytes, and some for one that is small. Its blobs hardly shrink, being
	// packed themselves, and plain layers shrink to a tenth, perhaps; what
	// shrinks to less than this was made to fill a disk.
	maxGrowth = 64
	freeBytes = 16 << 20
)

// Archive is an image layout that is read: a folder or a tar file.
type Archive struct {
	files  map[string]file // by name in the layout
	odd    string          // the first entry that is no plain file, "" for none
	closer io.Closer
}

// file is a regular file of a layout.
type file struct {
	size int64
	open func() (io.ReadCloser, error)
}

// Open opens an image layout: a folder, or a tar file, plain or packed with
// xz, zstd or gzip. A packed one is unpacked into a temporary file that has no
// name, in the system's folder for such files, so that its blobs can be read in
// any order.
func Open(name string) (*Archive, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &AbsentError{err}
	}
	if err != nil {
		return nil, err
	}
	a := &Archive{files: map[string]file{}, closer: f}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = a.readDir(name)
	default:
		err = a.readFile(f)
	}
	if err == nil {
		err = a.recognise()
	}
	if err != nil {
		a.Close()
		return nil, refused(name, err)
	}
	return a, nil
}

// Close releases the archive.
func (a *Archive) Close() error { return a.closer.Close() }

// Two other kinds of archive are worth a hint.
var (
	errDockerArchive = errors.New("is a docker-archive, wanted an OCI one (podman save --format oci-archive)")
	errSkopeoDir     = errors.New("is a folder of skopeo's transport dir:, wanted an OCI image layout (skopeo copy dir:FOLDER oci:FOLDER)")
)

// refused names the archive. What is neither of another kind nor a trouble with
// a disk is a broken layout.
func refused(name string, err error) error {
	if _, disk := errors.AsType[*fs.PathError](err); disk || errors.Is(err, errDockerArchive) || errors.Is(err, errSkopeoDir) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("ends too early: %w", err)
	}
	return formatErrorf("%s: %w", name, err)
}

// recognise tells an image layout from other things. One that docker save made
// is an image layout, too, since Docker 25.
func (a *Archive) recognise() error {
	_, layout := a.files["oci-layout"]
	_, docker := a.files["manifest.json"]
	_, skopeo := a.files["version"]
	switch {
	case docker && skopeo && !layout:
		return errSkopeoDir
	case docker && !layout:
		return errDockerArchive
	case a.odd != "":
		return fmt.Errorf("entry %q is no plain file", a.odd)
	case layout:
		return nil
	}
	return errors.New("has no oci-layout, so it is no OCI image layout")
}

// add notes a file of the layout.
func (a *Archive) add(name string, f file) error {
	if _, twice := a.files[name]; twice {
		return fmt.Errorf("entry %q is twice in the archive", name)
	}
	if len(a.files) == maxFiles {
		return fmt.Errorf("has more than %d files", maxFiles)
	}
	a.files[name] = f
	return nil
}

// readDir notes the files of a folder, out of which no symlink leads.
func (a *Archive) readDir(name string) error {
	root, err := os.OpenRoot(name)
	if err != nil {
		return err
	}
	a.closer.Close()
	a.closer = root
	return fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			a.odd = cmp.Or(a.odd, p)
			return nil
		}
		return a.add(p, file{info.Size(), func() (io.ReadCloser, error) { return root.Open(p) }})
	})
}

// readFile notes the files of a tar file, which it unpacks where it must.
func (a *Archive) readFile(f *os.File) error {
	packed, err := unpacker(f)
	if err != nil {
		return err
	}
	if packed == io.ReadCloser(f) {
		return a.readTar(f)
	}
	defer f.Close()
	defer packed.Close()
	plain, err := os.CreateTemp("", "orlop-")
	if err != nil {
		return err
	}
	a.closer = plain
	if err := os.Remove(plain.Name()); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	limit := freeBytes + maxGrowth*info.Size()
	n, err := io.Copy(plain, io.LimitReader(packed, limit+1))
	if err != nil {
		return err
	}
	if n > limit {
		return fmt.Errorf("has %d bytes and unpacks to more than %d, wanted at most %d times as many", info.Size(), limit, maxGrowth)
	}
	return a.readTar(plain)
}

// unpacker returns a reader of the plain bytes, f itself where it is not packed.
func unpacker(f *os.File) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(f, 1<<20)
	head, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		r, err := xz.NewReader(br)
		return io.NopCloser(r), err
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return r.IOReadCloser(), nil
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzip.NewReader(br)
	}
	return f, nil
}

// readTar notes where each file of the layout lies.
func (a *Archive) readTar(f *os.File) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	t := tar.NewReader(f) // skips by seeking
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nothingMore(f)
		}
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
		switch {
		case h.Typeflag == tar.TypeDir && name == "":
			continue
		case !fs.ValidPath(name):
			return fmt.Errorf("entry %q is no clean path inside the archive", h.Name)
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg || isSparse(h):
			a.odd = cmp.Or(a.odd, name) // a docker-archive may have such
			continue
		}
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		size := h.Size
		if size > end-at {
			return fmt.Errorf("entry %q has %d bytes, and the archive ends after %d", name, size, end-at)
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(f, at, size)), nil }
		if err := a.add(name, file{size, open}); err != nil {
			return err
		}
	}
}

// nothingMore looks at what follows the end of the archive: padding, at most.
func nothingMore(f *os.File) error {
	clean, err := layer.OnlyZeros(f)
	if err == nil && !clean {
		err = errors.New("has data after the end of the archive")
	}
	return err
}

func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// read returns a small file of the layout.
func (a *Archive) read(name string) ([]byte, error) {
	f, ok := a.files[name]
	if !ok {
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
	return io.ReadAll(io.LimitReader(r, f.size)) // a file may have grown since
}

// Blob opens the blob of a descriptor. Its last read fails if the bytes are
// not the ones described.
func (a *Archive) Blob(d v1.Descriptor) (io.ReadCloser, error) {
	if err := checkDigest(d.Digest); err != nil {
		return nil, err
	}
	f, ok := a.files[blobName(d.Digest)]
	if !ok {
		return nil, formatErrorf("blob %s is not in the archive", d.Digest)
	}
	if f.size != d.Size {
		return nil, sizeMismatch(d.Digest, fmt.Sprint(f.size), d.Size)
	}
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	return verify(r, d.Digest, d.Size), nil
}
