// SPDX-License-Identifier: BSD-2-Clause

package tarfile

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/tree"
)

// Comparer records what is read of a tar file between the contents of its
// entries, and compares it with what this package writes there. So it finds
// whatever a node cannot represent: further pax records, such as extended
// attributes, fractions of seconds, bytes in padding. A nil one compares nothing.
type Comparer struct {
	plain   io.Reader
	keep    bool
	read    []byte
	wanted  []byte
	padding int64 // of the entry before

	first string // foreign part found
	count int
}

// NewComparer compares the tar file that is read through it.
func NewComparer(plain io.Reader) *Comparer { return &Comparer{plain: plain} }

// Read reads.
func (h *Comparer) Read(b []byte) (int, error) {
	n, err := h.plain.Read(b)
	if h.keep {
		h.read = append(h.read, b[:n]...)
	}
	return n, err
}

// Next must be called before the headers of an entry, or the end, are read.
func (h *Comparer) Next() {
	if h != nil {
		h.keep, h.read = true, h.read[:0]
	}
}

// Contents must be called before the contents of an entry are read.
func (h *Comparer) Contents() {
	if h != nil {
		h.keep = false
	}
}

// Global records a header for all later entries, which orlop never writes.
func (h *Comparer) Global() {
	if h == nil {
		return
	}
	h.Skip(int64(len(h.read)) - h.padding) // archive/tar has read its contents, but not the padding of the last block
	h.note("there is a global pax header")
}

// Skip skips an entry of size bytes that is not a node.
func (h *Comparer) Skip(size int64) {
	if h != nil {
		h.padding = -size & (BlockSize - 1)
	}
}

// Entry compares what was read before the contents of an entry.
func (h *Comparer) Entry(header *tar.Header, n *tree.Node) {
	if h == nil {
		return
	}
	own := describe(n)
	h.wanted = own.encode(append(h.wanted[:0], padding[:h.padding]...))
	h.Skip(n.Size)
	if bytes.Equal(h.read, h.wanted) {
		return
	}
	h.note(header.Name + " has " + foreignPart(header.PAXRecords, own.records))
}

// foreignPart names an unexpected pax record, else the header as a whole.
func foreignPart(found map[string]string, wanted []string) string {
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(wanted, key+"="+found[key]) {
			return fmt.Sprintf("the pax record %s=%.40q", key, found[key])
		}
	}
	return "a header with other bytes"
}

// End compares what was read after the contents of the last entry with the
// proper end of the archive.
func (h *Comparer) End(more bool) {
	if more || int64(len(h.read)) != h.padding+2*BlockSize || strings.Trim(string(h.read), "\x00") != "" {
		h.note("its end has other bytes")
	}
}

func (h *Comparer) note(what string) {
	if h.count++; h.count == 1 {
		h.first = what
	}
}

// Foreign returns what was found, "" for nothing.
func (h *Comparer) Foreign() string {
	if h.count > 1 {
		return fmt.Sprintf("%s, and %d more differ", h.first, h.count-1)
	}
	return h.first
}
