// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// Format is the form of an image on disk.
type Format string

// The forms: an image layout in a tar file, stored in xz, plain or in zstd, or
// as a folder.
const (
	TXZ     Format = "txz"
	Tar     Format = "tar"
	TarZstd Format = "tar.zst"
	Dir     Format = "dir"
)

// archiveZstdLevel decides the bytes of a .tar.zst, as does the version of the
// compressor in go.mod.
const archiveZstdLevel = zstd.SpeedDefault

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case TXZ, Tar, TarZstd, Dir:
		return f, nil
	}
	return "", fmt.Errorf("format %q is not known, wanted txz, tar, tar.zst or dir%s", s, spelling.Hint(s, "txz", "tar", "tar.zst", "dir"))
}

// Extension is the file name's extension for the format; a folder has none.
func (f Format) Extension() string {
	if f == Dir {
		return ""
	}
	return "." + string(f)
}

// Blob is a file of a layout that a digest names.
type Blob struct {
	Digest digest.Digest
	Size   int64
	Open   func() (io.ReadCloser, error)
}

// Text is the blob of a document.
func Text(text []byte) Blob {
	return Blob{digest.FromBytes(text), int64(len(text)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
}

// Write writes an image as a tar file or folder at path, which must not exist;
// after an error a part of it may remain. Open opens the blob of each layer, by
// its index in Image.All; one that does not match its Layer is an error.
func Write(ctx context.Context, path string, f Format, im *oci.Image, d oci.Documents, open func(i int) (io.ReadCloser, error)) error {
	return WriteBlobs(ctx, path, f, im.Created, d.Index, blobsOf(im, d, open))
}

// Stream is Write for the bytes of a tar file.
func Stream(ctx context.Context, to io.Writer, f Format, im *oci.Image, d oci.Documents, open func(i int) (io.ReadCloser, error)) error {
	return writeArchive(ctx, to, f, im.Created, entriesOf(d.Index, blobsOf(im, d, open)))
}

// blobsOf lists the blobs of an image.
func blobsOf(im *oci.Image, d oci.Documents, open func(i int) (io.ReadCloser, error)) []Blob {
	blobs := []Blob{Text(d.Config), Text(d.Manifest)}
	for i, l := range im.All() {
		blobs = append(blobs, Blob{l.Digest, l.Size, func() (io.ReadCloser, error) { return open(i) }})
	}
	return blobs
}

// WriteBlobs is Write for any index and what it leads to. The entries of a tar file
// have the time created, in seconds. A blob that occurs twice is written once.
func WriteBlobs(ctx context.Context, path string, f Format, created int64, index []byte, blobs []Blob) error {
	entries := entriesOf(index, blobs)
	if f == Dir {
		return writeDir(ctx, path, entries)
	}
	return create(ctx, path, func(out io.Writer) error { return writeArchive(ctx, out, f, created, entries) })
}

// entry is a file of an image layout.
type entry struct {
	name string
	Blob
}

// entriesOf lists the files of the layout in the order of their names.
func entriesOf(index []byte, blobs []Blob) []entry {
	list := []entry{{"index.json", Text(index)}, {"oci-layout", Text([]byte(oci.LayoutFile))}}
	for _, b := range blobs {
		list = append(list, entry{oci.BlobName(b.Digest), b})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(list, func(a, b entry) bool { return a.name == b.name })
}

// writeArchive writes the layout as a tar file, and packs that as it goes.
func writeArchive(ctx context.Context, out io.Writer, f Format, created int64, entries []entry) error {
	var packed io.WriteCloser
	switch f {
	case Tar:
		packed = plainWriter{out}
	case TXZ:
		packed = newStoredXZ(out)
	case TarZstd:
		// One goroutine: the number of processors must not decide bytes.
		z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(archiveZstdLevel))
		if err != nil {
			return err
		}
		packed = z
	default:
		return fmt.Errorf("format %q is not known", f)
	}
	w := tarfile.NewWriter(packed)
	for _, dir := range []string{"/blobs", "/blobs/sha256"} {
		if err := w.Entry(node(created, dir, tree.Dir, 0o755, 0), nil); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if err := e.copy(ctx, func(r io.Reader) error { return w.Entry(node(created, "/"+e.name, tree.File, 0o644, e.Size), r) }); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return packed.Close()
}

// node is an entry of the archive: owner, modes and time decide its bytes.
func node(created int64, path string, t tree.Type, mode uint32, size int64) *tree.Node {
	return &tree.Node{Path: path, Type: t, Mode: mode, Uname: "root", Gname: "wheel", Time: created, Size: size}
}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

// copy hands the contents to write, which reads them to the end, and sees to
// it that they are the right ones.
func (e *entry) copy(ctx context.Context, write func(io.Reader) error) error {
	r, err := e.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	blob := readAhead(ctx, oci.Verify(r, e.Digest, e.Size))
	defer blob.Close()
	err = write(blob)
	if mismatch, ok := errors.AsType[*oci.MismatchError](err); ok {
		return mismatch // names the blob; adding the path would repeat it
	}
	return err
}

// writeDir writes an image layout as a folder.
func writeDir(ctx context.Context, path string, entries []entry) error {
	for _, dir := range []string{"", "blobs", "blobs/sha256"} {
		if err := os.Mkdir(filepath.Join(path, filepath.FromSlash(dir)), 0o777); err != nil {
			return err
		}
	}
	for _, e := range entries {
		err := create(ctx, filepath.Join(path, filepath.FromSlash(e.name)), func(out io.Writer) error {
			return e.copy(ctx, func(r io.Reader) error { _, err := io.Copy(out, r); return err })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// create writes a new file and syncs it to disk.
func create(ctx context.Context, path string, write func(io.Writer) error) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer out.Close()
	disk := until.NewDisk(ctx, out)
	if err := write(disk); err != nil {
		return err
	}
	if err := disk.Finish(); err != nil {
		return err
	}
	return out.Close()
}
