// SPDX-License-Identifier: BSD-2-Clause

// Package tarfile writes the nodes of a tree as entries of a tar file, reads
// them back, and reports how two tar files differ. The same nodes give the same
// bytes.
package tarfile

import (
	"fmt"
	"io"
	"strings"

	"github.com/orlop/orlop/release/tree"
)

const BlockSize = 512

// Writer writes entries of a tar file.
type Writer struct {
	out    io.Writer
	header []byte // of the last entry
	buf    []byte
}

// NewWriter returns a writer for a tar file that is not a layer, such as the
// archive of an image. Close ends the file.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Close writes the end of the archive: two empty blocks. It omits the padding to
// 10240 bytes that tapes need.
func (w *Writer) Close() error {
	_, err := w.out.Write(make([]byte, 2*BlockSize))
	return err
}

// Entry writes a node. Contents are exactly the Size bytes of a file, and nil
// for anything else. Flags unknown to container storage are left out.
func (w *Writer) Entry(n *tree.Node, contents io.Reader) error {
	h := describe(n)
	w.header = h.encode(w.header[:0])
	if _, err := w.out.Write(w.header); err != nil {
		return fmt.Errorf("%s: %w", n.Path, err)
	}
	if n.Type != tree.File {
		return nil
	}
	if err := w.copy(n.Size, contents); err != nil {
		return fmt.Errorf("%s: %w", n.Path, err)
	}
	return nil
}

// copy writes contents and pads them to whole blocks. It reads to the end, where
// a reader that checks sums may still fail.
func (w *Writer) copy(size int64, contents io.Reader) error {
	n, err := w.fill(&io.LimitedReader{R: contents, N: size})
	if err == nil && n == size {
		err = end(contents, size)
	}
	switch {
	case err != nil:
		return err
	case n < size:
		return fmt.Errorf("contents end after %d bytes, wanted %d", n, size)
	}
	_, err = w.out.Write(padding[:-size&(BlockSize-1)])
	return err
}

var padding [BlockSize]byte // zeros

// fill lets the writer read if it can. Anything else gets pieces of one size: a
// compressor's bytes may depend on that.
func (w *Writer) fill(contents io.Reader) (int64, error) {
	if own, ok := w.out.(Filler); ok {
		return own.Fill(contents)
	}
	if w.buf == nil {
		w.buf = make([]byte, 64<<10)
	}
	return io.CopyBuffer(onlyWriter{w.out}, contents, w.buf)
}

// Filler is a writer that reads contents straight into its own buffers.
type Filler interface {
	Fill(contents io.Reader) (int64, error)
}

// onlyWriter hides other methods, so that CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

// end makes sure that contents end here.
func end(contents io.Reader, size int64) error {
	var more [1]byte
	for {
		switch n, err := contents.Read(more[:]); {
		case err != nil && err != io.EOF:
			return err
		case n > 0:
			return fmt.Errorf("contents go on after %d bytes", size)
		case err == io.EOF:
			return nil
		}
	}
}

// AppendHeader appends what Writer writes before the contents of a node.
func AppendHeader(to []byte, n *tree.Node) []byte {
	h := describe(n)
	return h.encode(to)
}

// describe maps a node to a header: paths without a leading slash or "./",
// except for the root itself, which is "./"; directories end in a slash.
func describe(n *tree.Node) header {
	h := header{name: n.Path[1:], kind: '0', mode: n.Mode & 0o7777, uid: n.UID, gid: n.GID,
		time: n.Time, uname: n.Uname, gname: n.Gname}
	h.flags, _ = KnownFlags(n.Flags)
	switch n.Type {
	case tree.File:
		h.size = n.Size
	case tree.Dir:
		h.kind = '5'
		if h.name == "" {
			h.name = "."
		}
		h.name += "/"
	case tree.Symlink:
		h.kind, h.link = '2', n.Link
	case tree.Hardlink:
		h.kind, h.link = '1', strings.TrimPrefix(n.Link, "/")
	}
	return h
}

// knownFlags are the file flags that FreeBSD's container storage applies
// (containers/storage, pkg/archive/fflags_bsd.go). It fails on any other name.
var knownFlags = map[string]bool{
	"sappnd": true, "arch": true, "schg": true, "sunlnk": true, "snapshot": true, "uappnd": true, "uarch": true, "hidden": true,
	"uchg": true, "uunlnk": true, "offline": true, "opaque": true, "rdonly": true, "reparse": true, "sparse": true, "system": true,
}

// KnownFlags splits file flags into those that a layer can carry and the others.
func KnownFlags(flags string) (kept, dropped string) {
	var keep, drop []string
	for name := range strings.SplitSeq(flags, ",") {
		if knownFlags[name] {
			keep = append(keep, name)
		} else if name != "" {
			drop = append(drop, name)
		}
	}
	return strings.Join(keep, ","), strings.Join(drop, ",")
}
