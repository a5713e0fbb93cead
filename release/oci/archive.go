// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/layer"
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

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case TXZ, Tar, TarZstd, Dir:
		return f, nil
	}
	return "", fmt.Errorf("format %q is not known, wanted txz, tar, tar.zst or dir", s)
}

// Extension is what a file of the format has after its name; a folder has none.
func (f Format) Extension() string {
	if f == Dir {
		return ""
	}
	return "." + string(f)
}

// MismatchError says that bytes are not the ones that a digest or size promised.
type MismatchError struct{ What, Found, Wanted string }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s is %s, wanted %s", e.What, e.Found, e.Wanted)
}

// layoutEntry is a file of an image layout.
type layoutEntry struct {
	name   string
	size   int64
	digest digest.Digest // "" for a file that is no blob
	open   func() (io.ReadCloser, error)
}

// Write writes an image as a tar file or folder at path, which must not exist.
// Open gives the blob of each layer, by its place among Image.Layers.
func (im *Image) Write(path string, f Format, d Documents, open func(i int) (io.ReadCloser, error)) error {
	entries := im.entries(d, open)
	if f == Dir {
		return writeDir(path, entries)
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := im.writeArchive(out, f, entries); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}

// entries lists the files of the layout in the order of their names. A layer
// that stands twice in an image has one blob.
func (im *Image) entries(d Documents, open func(i int) (io.ReadCloser, error)) []layoutEntry {
	text := func(name string, b []byte) layoutEntry {
		return layoutEntry{name: name, size: int64(len(b)), open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(string(b))), nil
		}}
	}
	list := []layoutEntry{
		text("index.json", d.Index), text("oci-layout", []byte(layoutFile)),
		text(blobName(d.ConfigDigest), d.Config), text(blobName(d.Digest), d.Manifest),
	}
	for i, l := range im.Layers {
		list = append(list, layoutEntry{blobName(l.Digest), l.Size, l.Digest, func() (io.ReadCloser, error) { return open(i) }})
	}
	slices.SortStableFunc(list, func(a, b layoutEntry) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(list, func(a, b layoutEntry) bool { return a.name == b.name })
}

func blobName(d digest.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded()
}

func (im *Image) writeArchive(out io.Writer, f Format, entries []layoutEntry) error {
	var packed io.WriteCloser
	switch f {
	case TXZ:
		packed = newStoredXZ(out)
	case TarZstd:
		// One goroutine: the number of processors must not decide bytes.
		z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
		if err != nil {
			return err
		}
		packed = z
	default:
		packed = plainWriter{out}
	}
	w := layer.NewWriter(packed)
	for _, dir := range []string{"/blobs", "/blobs/sha256"} {
		if err := w.Entry(im.node(dir, tree.Dir, 0o755, 0), nil); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if err := e.copy(func(r io.Reader) error { return w.Entry(im.node("/"+e.name, tree.File, 0o644, e.size), r) }); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return packed.Close()
}

func (im *Image) node(path string, t tree.Type, mode uint32, size int64) *tree.Node {
	return &tree.Node{Path: path, Type: t, Mode: mode, Uname: "root", Gname: "wheel", Time: im.Created, Size: size}
}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

// copy hands the contents to write and sees to it that they are the right ones.
func (e *layoutEntry) copy(write func(io.Reader) error) error {
	r, err := e.open()
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if err := write(io.TeeReader(r, h)); err != nil {
		return err
	}
	if got := digest.NewDigest(digest.SHA256, h); e.digest != "" && got != e.digest {
		return &MismatchError{"blob " + e.digest.String(), got.String(), e.digest.String()}
	}
	return nil
}

// writeDir writes an image layout as a folder.
func writeDir(path string, entries []layoutEntry) error {
	if err := os.MkdirAll(filepath.Join(path, "blobs", "sha256"), 0o777); err != nil {
		return err
	}
	for _, e := range entries {
		out, err := os.OpenFile(filepath.Join(path, filepath.FromSlash(e.name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		err = e.copy(func(r io.Reader) error { _, err := io.Copy(out, r); return err })
		if err == nil {
			err = out.Sync()
		}
		if closed := out.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}
