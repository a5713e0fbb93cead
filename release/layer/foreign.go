// SPDX-License-Identifier: BSD-2-Clause

package layer

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

// headers keeps what is read of a tar file between the contents of its entries,
// and compares it with what this package writes there. So it finds whatever a
// node has no place for: further pax records, such as extended attributes, parts
// of seconds, bytes in padding.
type headers struct {
	plain   io.Reader
	keep    bool
	read    []byte
	wanted  []byte
	padding int64 // of the entry before

	first string // that is foreign
	count int
}

func (h *headers) Read(b []byte) (int, error) {
	n, err := h.plain.Read(b)
	if h.keep {
		h.read = append(h.read, b[:n]...)
	}
	return n, err
}

// next starts to keep, and forgets what was kept.
func (h *headers) next() { h.keep, h.read = true, h.read[:0] }

// entry compares what was read before the contents of an entry.
func (h *headers) entry(header *tar.Header, n *tree.Node) {
	own := describe(n)
	h.wanted = own.encode(append(h.wanted[:0], padding[:h.padding]...))
	h.padding = -n.Size & (blockSize - 1)
	if bytes.Equal(h.read, h.wanted) {
		return
	}
	h.note(header.Name + " has " + stranger(header.PAXRecords, own.records))
}

// stranger names the pax record that nobody wants, else the header as a whole.
func stranger(found map[string]string, wanted []string) string {
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(wanted, key+"="+found[key]) {
			return fmt.Sprintf("the pax record %s=%.40q", key, found[key])
		}
	}
	return "a header in other bytes"
}

// end compares what was read after the contents of the last entry with the rest
// that the archive should have.
func (h *headers) end(more bool) {
	if more || int64(len(h.read)) != h.padding+2*blockSize || strings.Trim(string(h.read), "\x00") != "" {
		h.note("its end has other bytes")
	}
}

func (h *headers) note(what string) {
	if h.count++; h.count == 1 {
		h.first = what
	}
}

// foreign tells what was found, "" for nothing.
func (h *headers) foreign() string {
	if h.count > 1 {
		return fmt.Sprintf("%s, and %d more are otherwise", h.first, h.count-1)
	}
	return h.first
}
