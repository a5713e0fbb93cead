// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// maxDepth bounds the levels of a tree, as in SQLite.
const maxDepth = 20

// pages are those of a database file, which need not be trusted
// (https://www.sqlite.org/fileformat2.html). They are not for concurrent use.
type pages struct {
	image        *Image
	size, usable int      // of a page
	most         int      // pages that may be visited
	seen         []uint64 // bits of pages already visited, so that none is twice
	visited      int
	held         [32]held // pages read lately, each at its number modulo their count
}

// held is a page of a file in memory.
type held struct {
	number int
	text   []byte
}

// begins reports whether bytes begin like an SQLite database.
func begins(image []byte) bool { return bytes.HasPrefix(image, []byte("SQLite format 3\x00")) }

// headerOf reads the header of a file, as far as there is one.
func headerOf(image *Image) ([]byte, error) {
	head := make([]byte, min(image.Size(), headerSize))
	if n, err := image.ReadAt(head, 0); n < len(head) {
		return nil, err
	}
	return head, nil
}

func pagesOf(image *Image) (*pages, error) {
	head, err := headerOf(image)
	if err != nil {
		return nil, err
	}
	if !begins(head) {
		return nil, errors.New("is not an SQLite database")
	}
	if len(head) < headerSize {
		return nil, fmt.Errorf("header: has %d bytes, wanted %d", len(head), headerSize)
	}
	size := int(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = 1 << 16
	}
	usable := size - int(head[20])
	switch encoding := binary.BigEndian.Uint32(head[56:]); {
	case size < 512 || size&(size-1) != 0 || usable < 480:
		return nil, fmt.Errorf("header: pages of %d bytes with %d reserved ones are not possible", size, head[20])
	case encoding != 1:
		return nil, fmt.Errorf("header: text encoding is %d, wanted 1, UTF-8", encoding)
	}
	p := &pages{image: image, size: size, usable: usable, most: math.MaxInt}
	p.seen = make([]uint64, p.count()/64+1)
	return p, nil
}

// count is the number of whole pages.
func (p *pages) count() int { return int(p.image.Size() / int64(p.size)) }

// page returns a page by its number, counted from 1. It is valid until the next
// call.
func (p *pages) page(n int) ([]byte, error) {
	if n < 1 || n > p.count() {
		return nil, fmt.Errorf("page %d is not in the file", n)
	}
	at := (n - 1) * p.size
	if p.image.file == nil {
		return p.image.text[at:][:p.usable], nil
	}
	h := &p.held[n%len(p.held)]
	if h.number == n {
		return h.text, nil
	}
	if h.text == nil {
		h.text = make([]byte, p.usable)
	}
	h.number = 0
	if k, err := p.image.ReadAt(h.text, int64(at)); k < len(h.text) {
		return nil, fmt.Errorf("page %d: %w", n, err)
	}
	h.number = n
	return h.text, nil
}

// visit returns a page for the first time.
func (p *pages) visit(n int) ([]byte, error) {
	page, err := p.page(n)
	if err != nil {
		return nil, err
	}
	bit := uint64(1) << (n % 64)
	if p.seen[n/64]&bit != 0 {
		return nil, fmt.Errorf("page %d is used twice", n)
	}
	p.seen[n/64] |= bit
	if p.visited++; p.visited > p.most {
		return nil, fmt.Errorf("has more than %d pages", p.most)
	}
	return page, nil
}

// walk calls leaf with every page of rows of the table whose first page is n,
// depth levels below its root, and with the number of its rows.
func (p *pages) walk(n, depth int, leaf func(n, rows int) error) error {
	page, err := p.visit(n)
	if err != nil {
		return err
	}
	if depth >= maxDepth {
		return fmt.Errorf("page %d is more than %d levels deep", n, maxDepth)
	}
	pointers, cells, err := pointersOf(page, n)
	if err != nil {
		return err
	}
	if page[headAt(n)] == 13 {
		return leaf(n, cells)
	}
	var children []int
	for i := range cells {
		cell, err := cellAt(page, pointers, n, i)
		if err != nil {
			return err
		}
		children = append(children, pageNumber(cell))
	}
	for _, child := range append(children, pageNumber(page[headAt(n)+8:])) {
		if err := p.walk(child, depth+1, leaf); err != nil {
			return err
		}
	}
	return nil
}

// headAt is where the head of a page begins.
func headAt(n int) int {
	if n == 1 {
		return headerSize
	}
	return 0
}

// pointersOf returns the pointers of a table's page to its cells, and their number.
func pointersOf(page []byte, n int) (pointers []byte, cells int, err error) {
	head := page[headAt(n):]
	cells = int(binary.BigEndian.Uint16(head[3:]))
	switch head[0] {
	case 13:
		pointers = head[8:]
	case 5:
		pointers = head[12:]
	default:
		return nil, 0, fmt.Errorf("page %d is of type %d, wanted a table's, 5 or 13", n, head[0])
	}
	if len(pointers) < 2*cells {
		return nil, 0, fmt.Errorf("page %d has no room for %d cells", n, cells)
	}
	return pointers, cells, nil
}

// cellAt returns a page from a cell on.
func cellAt(page, pointers []byte, n, i int) ([]byte, error) {
	at := int(binary.BigEndian.Uint16(pointers[2*i:]))
	if at > len(page)-4 { // no cell is shorter
		return nil, fmt.Errorf("page %d: cell %d is outside the page", n, i)
	}
	return page[at:], nil
}

// pageNumber reads the number of a page.
func pageNumber(b []byte) int {
	return int(min(binary.BigEndian.Uint32(b), math.MaxInt32))
}
