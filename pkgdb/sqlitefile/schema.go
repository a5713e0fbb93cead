// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// SQLite parses every statement of a file's schema before the first query, and
// the driver cannot prevent that. So the schema is read here first, as plain
// rows of the file's first table, and SQLite sees a file only once every
// statement is known (https://www.sqlite.org/fileformat2.html). Whatever SQLite
// might read differently is refused.

// Bounds of a schema. pkg's has about a hundred rows of 15 kB.
const (
	maxObjects     = 1000    // rows
	maxSchema      = 1 << 20 // bytes
	maxSchemaPages = 10_000
	maxDepth       = 20 // of a tree, SQLite's own
)

// Entry is a row of sqlite_schema.
type Entry struct {
	Kind, Name, Table string
	Root              int64
	Sql               string // "" for an index that belongs to a constraint
}

// pages are those of a database file.
type pages struct {
	image          []byte
	size, usable   int          // of a page
	seen           map[int]bool // pages already read, so that none is read twice
	rows, contents int          // read so far, the latter in bytes
}

// begins reports whether bytes begin like an SQLite database.
func begins(image []byte) bool { return bytes.HasPrefix(image, []byte("SQLite format 3\x00")) }

func pagesOf(image []byte) (*pages, error) {
	if !begins(image) {
		return nil, errors.New("is not an SQLite database")
	}
	if len(image) < headerSize {
		return nil, fmt.Errorf("header: has %d bytes, wanted %d", len(image), headerSize)
	}
	size := int(binary.BigEndian.Uint16(image[16:]))
	if size == 1 {
		size = 1 << 16
	}
	p := &pages{image: image, size: size, usable: size - int(image[20]), seen: map[int]bool{}}
	switch encoding := binary.BigEndian.Uint32(image[56:]); {
	case size < 512 || size&(size-1) != 0 || p.usable < 480:
		return nil, fmt.Errorf("header: pages of %d bytes with %d reserved ones are not possible", size, image[20])
	case encoding != 1:
		return nil, fmt.Errorf("header: text encoding is %d, wanted 1, UTF-8", encoding)
	}
	return p, nil
}

// page returns a page by its number, counted from 1.
func (p *pages) page(n int) ([]byte, error) {
	if n < 1 || n > len(p.image)/p.size {
		return nil, fmt.Errorf("page %d is not in the file", n)
	}
	if p.seen[n] {
		return nil, fmt.Errorf("page %d is used twice", n)
	}
	if p.seen[n] = true; len(p.seen) > maxSchemaPages {
		return nil, fmt.Errorf("has more than %d pages", maxSchemaPages)
	}
	return p.image[(n-1)*p.size:][:p.usable], nil
}

// table calls row with every record of the table whose first page is n, depth
// levels below its root.
func (p *pages) table(n, depth int, row func(record []byte) error) error {
	page, err := p.page(n)
	if err != nil {
		return err
	}
	if depth >= maxDepth {
		return fmt.Errorf("page %d is more than %d levels deep", n, maxDepth)
	}
	head := page
	if n == 1 {
		head = page[headerSize:]
	}
	leaf, cells := head[0] == 13, int(binary.BigEndian.Uint16(head[3:]))
	if !leaf && head[0] != 5 {
		return fmt.Errorf("page %d is of type %d, wanted a table's, 5 or 13", n, head[0])
	}
	pointers := head[8:]
	if !leaf {
		pointers = head[12:]
	}
	if len(pointers) < 2*cells {
		return fmt.Errorf("page %d has no room for %d cells", n, cells)
	}
	for i := range cells {
		at := int(binary.BigEndian.Uint16(pointers[2*i:]))
		if at >= len(page)-4 {
			return fmt.Errorf("page %d: cell %d is outside the page", n, i)
		}
		if leaf {
			err = p.cell(page[at:], row)
		} else {
			err = p.table(pageNumber(page[at:]), depth+1, row)
		}
		if err != nil {
			return err
		}
	}
	if leaf {
		return nil
	}
	return p.table(pageNumber(head[8:]), depth+1, row)
}

// pageNumber reads the number of a page.
func pageNumber(b []byte) int {
	return int(min(binary.BigEndian.Uint32(b), math.MaxInt32))
}

// cell passes on the record of a leaf's cell.
func (p *pages) cell(cell []byte, row func([]byte) error) error {
	length, n := varint(cell)
	_, m := varint(cell[n:])
	if n == 0 || m == 0 {
		return fmt.Errorf("a cell is cut off")
	}
	p.rows++
	p.contents += int(min(length, maxSchema+1))
	if p.rows > maxObjects || p.contents > maxSchema {
		return fmt.Errorf("has more than %d rows or %d bytes", maxObjects, maxSchema)
	}
	record, err := p.record(cell[n+m:], int(length))
	if err != nil {
		return err
	}
	return row(record)
}

// record is a record of that length, which begins in a cell and may continue in
// overflow pages.
func (p *pages) record(cell []byte, length int) ([]byte, error) {
	local := length
	if most := p.usable - 35; length > most {
		least := (p.usable-12)*32/255 - 23
		local = least + (length-least)%(p.usable-4)
		if local > most {
			local = least
		}
		if len(cell) < local+4 {
			return nil, fmt.Errorf("a cell is cut off")
		}
	}
	if len(cell) < local {
		return nil, fmt.Errorf("a cell is cut off")
	}
	record := bytes.Clone(cell[:local])
	for next := cell[local:]; len(record) < length; {
		page, err := p.page(pageNumber(next))
		if err != nil {
			return nil, err
		}
		next = page
		record = append(record, page[4:][:min(length-len(record), p.usable-4)]...)
	}
	return record, nil
}

// varint reads an SQLite varint, and returns its length; 0 if it is cut off.
func varint(b []byte) (v uint64, n int) {
	for n < len(b) && n < 8 {
		v = v<<7 | uint64(b[n]&0x7f)
		n++
		if b[n-1] < 0x80 {
			return v, n
		}
	}
	if n == 8 && n < len(b) {
		return v<<8 | uint64(b[8]), 9
	}
	return 0, 0
}

// values splits a record into values: nil, int64 or string. A schema has no
// other types.
func values(record []byte) ([]any, error) {
	size, at := varint(record)
	if at == 0 || size > uint64(len(record)) || size < uint64(at) {
		return nil, fmt.Errorf("a record is cut off")
	}
	types, body := record[at:size], record[size:]
	var list []any
	for len(types) > 0 {
		kind, n := varint(types)
		if n == 0 {
			return nil, fmt.Errorf("a record is cut off")
		}
		types = types[n:]
		length := uint64(0)
		switch {
		case kind == 0 || kind == 8 || kind == 9:
		case kind <= 4:
			length = kind
		case kind == 5 || kind == 6:
			length = 2*kind - 4
		case kind >= 13 && kind%2 == 1:
			length = (kind - 13) / 2
		default:
			return nil, fmt.Errorf("a value is of type %d, wanted a text or number", kind)
		}
		if length > uint64(len(body)) {
			return nil, fmt.Errorf("a record is cut off")
		}
		list = append(list, decode(kind, body[:length]))
		body = body[length:]
	}
	return list, nil
}

func decode(kind uint64, b []byte) any {
	switch {
	case kind == 0:
		return nil
	case kind >= 13:
		return string(b)
	case kind >= 8:
		return int64(kind - 8)
	}
	v := int64(int8(b[0])) // the sign
	for _, c := range b[1:] {
		v = v<<8 | int64(c)
	}
	return v
}

// Schema reads the schema of a database file, and whatever else SQLite reads
// along with it.
func Schema(image []byte) ([]Entry, error) {
	p, err := pagesOf(image)
	if err != nil {
		return nil, err
	}
	list, err := p.schema()
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	for _, o := range list {
		if strings.EqualFold(o.Name, "sqlite_stat1") {
			if err := p.table(int(o.Root), 0, func([]byte) error { return nil }); err != nil {
				return nil, fmt.Errorf("table %s: %w", o.Name, err)
			}
		}
	}
	return list, nil
}

func (p *pages) schema() ([]Entry, error) {
	var list []Entry
	err := p.table(1, 0, func(record []byte) error {
		v, err := values(record)
		if err != nil {
			return err
		}
		if len(v) != 5 {
			return fmt.Errorf("a row has %d values, wanted 5", len(v))
		}
		var o Entry
		var ok [5]bool
		o.Kind, ok[0] = v[0].(string)
		o.Name, ok[1] = v[1].(string)
		o.Table, ok[2] = v[2].(string)
		o.Root, ok[3] = v[3].(int64)
		o.Sql, ok[4] = v[4].(string)
		ok[4] = ok[4] && o.Sql != "" || v[4] == nil
		if ok != [5]bool{true, true, true, true, true} {
			return fmt.Errorf("row %.240q is not one that SQLite writes", v)
		}
		list = append(list, o)
		return nil
	})
	return list, err
}
