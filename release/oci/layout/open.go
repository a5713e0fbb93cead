// SPDX-License-Identifier: BSD-2-Clause

// Package layout has images on disk: an image layout (image-spec,
// image-layout.md) in a folder or in a tar file, plain or compressed.
package layout

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/pkgdb/xz"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tarfile"
)

// Bounds for untrusted archives. Real ones stay far below.
const (
	maxFiles = 4096 // in a layout; an image of 127 layers has 131
	// How large a compressed archive may become on disk, as a multiple of its
	// own size, plus an allowance for small ones. Compressed blobs hardly shrink
	// further, and plain layers shrink to a tenth, perhaps; what shrinks to less
	// than this was made to fill a disk.
	maxGrowth = 64
	freeBytes = 16 << 20
)

// Archive is an image layout that is read: a folder or a tar file.
type Archive struct {
	files  map[string]file // by name in the layout
	odd    string          // the first entry that is not a regular file, "" for none
	closer io.Closer       // of whatever was opened for it; nil for nothing
}

// file is a regular file of a layout.
type file struct {
	size int64
	open func() (io.ReadCloser, error)
}

// Open reads an image layout: a folder, or a tar file, plain or compressed with
// xz, zstd or gzip. A compressed one is unpacked into an unnamed temporary file,
// so that its blobs can be read in any order, unless orlop wrote it: then xz only
// stores, and it is read in place. That happens once: the archive stays open until
// the file is closed.
func (s *File) Open(ctx context.Context) (oci.Source, error) {
	if s.opened != nil {
		return s.opened, nil
	}
	a := &Archive{files: map[string]file{}}
	var err error
	if s.dir {
		err = a.readDir(ctx, s.Name)
	} else {
		err = a.readFile(ctx, s)
	}
	if err == nil {
		err = a.recognise()
	}
	if err != nil {
		a.Close()
		return nil, named(s.Name, err)
	}
	s.opened = a
	return a, nil
}

// Close releases the archive.
func (a *Archive) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

// Other kinds of archive deserve a hint.
var (
	errDockerArchive = fault.Unsupportedf("is a docker-archive, wanted an OCI one (podman save --format oci-archive)")
	errSkopeoDir     = fault.Unsupportedf("is a folder of skopeo's transport dir:, wanted an OCI image layout (skopeo copy dir:FOLDER oci:FOLDER)")
	errNoLayout      = fault.Unsupportedf("has neither oci-layout nor index.json, so it is not an OCI image layout")
	errNoArchive     = fault.Unsupportedf("is not an archive, wanted an OCI image layout: a folder, or a tar file, plain or packed with gzip, xz or zstd")
)

// recognise distinguishes an image layout from other things. Since Docker 25, an
// archive of docker save is an image layout, too.
func (a *Archive) recognise() error {
	_, layout := a.files["oci-layout"]
	_, index := a.files["index.json"]
	_, docker := a.files["manifest.json"]
	_, skopeo := a.files["version"]
	switch {
	case docker && skopeo && !layout:
		return errSkopeoDir
	case docker && !layout:
		return errDockerArchive
	case !layout && !index && a.odd != "oci-layout" && a.odd != "index.json":
		return errNoLayout
	case a.odd != "":
		return fmt.Errorf("entry %q is not a regular file", a.odd)
	case layout:
		return nil
	}
	return errors.New("has no oci-layout, which an OCI image layout has beside index.json (image-spec, image-layout.md)")
}

// add records a file of the layout.
func (a *Archive) add(name string, f file) error {
	if _, twice := a.files[name]; twice {
		return fmt.Errorf("entry %q occurs twice in the archive", name)
	}
	if len(a.files) == maxFiles {
		return fault.Unsupportedf("has more than %d files, the most that this version reads of an image layout", maxFiles)
	}
	a.files[name] = f
	return nil
}

// readDir records the files of a folder; no symlink leads out of it.
func (a *Archive) readDir(ctx context.Context, name string) error {
	root, err := os.OpenRoot(name)
	if err != nil {
		return err
	}
	a.closer = root
	return fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
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

// readFile records the files of a tar file, which it unpacks if necessary.
func (a *Archive) readFile(ctx context.Context, s *File) error {
	br := bufio.NewReaderSize(s.Reader(ctx), 1<<20)
	head, err := br.Peek(512) // a block of tar
	if err != nil && err != io.EOF {
		return err
	}
	packed, err := unpacker(layer.Packing(head), br)
	if err != nil {
		return err
	}
	if packed == nil {
		return a.readTar(ctx, s.file, s.size)
	}
	defer packed.Close()
	if stored := openStored(s.file, s.Reader(ctx)); stored != nil {
		return a.readTar(ctx, stored, stored.size)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	limit := freeBytes + maxGrowth*s.size
	plain, n, err := spool(until.Reader(ctx, packed), limit)
	if err != nil {
		return err
	}
	a.closer = plain
	if n > limit {
		return fault.Unsupportedf("has %d bytes and unpacks to more than %d, wanted at most %d times as many", s.size, limit, maxGrowth)
	}
	return a.readTar(ctx, plain, n)
}

// unpacker returns a reader of the plain bytes, nil if they are not compressed.
func unpacker(packing string, r *bufio.Reader) (io.ReadCloser, error) {
	switch packing {
	case "":
		return nil, nil
	case "xz":
		x, err := xz.NewReader(r)
		return io.NopCloser(x), err
	case "gzip", "zstd":
		return layer.Decode(r, packing)
	}
	return nil, fault.Unsupportedf("is packed with %s, wanted a tar file, plain or packed with gzip, xz or zstd", packing)
}

// readTar records where each file of the layout is in a tar file that ends at
// end.
func (a *Archive) readTar(ctx context.Context, f io.ReaderAt, end int64) error {
	in := io.NewSectionReader(f, 0, end)
	if is, err := isTar(in); err != nil || !is {
		return cmp.Or(err, errNoArchive)
	}
	t := tar.NewReader(in) // skips by seeking
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if err == io.EOF {
			return nothingMore(in, end)
		}
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
		switch {
		case h.Typeflag == tar.TypeXGlobalHeader, h.Typeflag == tar.TypeDir && name == "":
			continue
		case !fs.ValidPath(name):
			return fmt.Errorf("entry %q is not a clean path inside the archive", h.Name)
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg || tarfile.IsSparse(h):
			a.odd = cmp.Or(a.odd, name) // a docker-archive may have these
			continue
		}
		at, err := in.Seek(0, io.SeekCurrent)
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

// isTar looks for a first header: a valid one, or a damaged one with the magic.
func isTar(in *io.SectionReader) (bool, error) {
	var block [512]byte
	if n, err := in.ReadAt(block[:], 0); err == io.EOF && n < len(block) {
		return false, nil
	} else if err != nil && err != io.EOF {
		return false, err
	}
	_, err := tar.NewReader(io.NewSectionReader(in, 0, in.Size())).Next()
	return string(block[257:262]) == "ustar" || !errors.Is(err, tar.ErrHeader), nil
}

// nothingMore checks what follows the end of the archive: at most padding.
func nothingMore(in *io.SectionReader, size int64) error {
	at, err := in.Seek(0, io.SeekCurrent)
	if err == nil && at%512 != 0 {
		return fmt.Errorf("ends inside a block of 512 bytes, after %d bytes", size)
	}
	clean := true
	if err == nil {
		clean, err = layer.OnlyZeros(in)
	}
	if err == nil && !clean {
		err = errors.New("has data after the end of the archive")
	}
	return err
}

// read returns a small file of the layout.
func (a *Archive) read(name string) ([]byte, error) {
	f, ok := a.files[name]
	if !ok {
		return nil, oci.FormatErrorf("%s is not in the archive", name)
	}
	if f.size > oci.MaxDocument {
		return nil, fault.Unsupportedf("%s has %d bytes, wanted at most %d", name, f.size, oci.MaxDocument)
	}
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, f.size)) // the file may have grown since
}

// Index returns the two documents around the image, and the names of all files.
func (a *Archive) Index(context.Context) (oci.LayoutFiles, error) {
	w := oci.LayoutFiles{Files: slices.Sorted(maps.Keys(a.files))}
	if w.Layout, w.Fault = a.read("oci-layout"); w.Fault == nil {
		w.Fault = oci.CheckLayoutFile(w.Layout)
	}
	var err error
	w.Index, err = a.read("index.json")
	return w, err
}

// Blob opens the blob of a descriptor. Its last read fails if the bytes do not
// match the descriptor.
func (a *Archive) Blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if err := oci.CheckDigest(d.Digest); err != nil {
		return nil, err
	}
	f, ok := a.files[oci.BlobName(d.Digest)]
	switch {
	case d.Size < 0:
		return nil, oci.FormatErrorf("size of blob %s is %d in its descriptor, wanted 0 or more", d.Digest, d.Size)
	case !ok && len(d.URLs) > 0:
		return nil, fault.Unsupportedf("blob %s is not in the archive but at %s, which this version does not fetch", d.Digest, d.URLs[0])
	case !ok:
		return nil, oci.FormatErrorf("blob %s is not in the archive", d.Digest)
	case f.size != d.Size:
		return nil, oci.SizeMismatch(d.Digest, fmt.Sprint(f.size), d.Size)
	}
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	return oci.Verify(r, d.Digest, d.Size), nil
}
