// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

var errCutCell, errCutRecord = errors.New("a cell is cut off"), errors.New("a record is cut off")

// cell is that of a row: in a page of a table's rows.
type cell struct {
	length int    // of the record
	id     int64  // the row's number
	begin  []byte // of the record, and what follows in the page
}

// cell returns that of a row. It is valid until another page is read.
func (p *pages) cell(n, i int) (cell, error) {
	page, err := p.page(n)
	if err != nil {
		return cell{}, err
	}
	pointers, _, err := pointersOf(page, n)
	if err != nil {
		return cell{}, err
	}
	text, err := cellAt(page, pointers, n, i)
	if err != nil {
		return cell{}, err
	}
	length, k := varint(text)
	id, m := varint(text[k:])
	if k == 0 || m == 0 {
		return cell{}, errCutCell
	}
	return cell{int(min(length, math.MaxInt32)), int64(id), text[k+m:]}, nil
}

// record appends the record of a cell, which may continue in overflow pages.
// Those come from page.
func (p *pages) record(to []byte, c cell, page func(int) ([]byte, error)) ([]byte, error) {
	local := c.length
	if most := p.usable - 35; c.length > most {
		least := (p.usable-12)*32/255 - 23
		local = least + (c.length-least)%(p.usable-4)
		if local > most {
			local = least
		}
		if len(c.begin) < local+4 {
			return nil, errCutCell
		}
	}
	if len(c.begin) < local {
		return nil, errCutCell
	}
	to = append(to, c.begin[:local]...)
	for next, rest := c.begin[local:], c.length-local; rest > 0; {
		more, err := page(pageNumber(next))
		if err != nil {
			return nil, err
		}
		next = more
		n := min(rest, p.usable-4)
		to = append(to, more[4:][:n]...)
		rest -= n
	}
	return to, nil
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

// field is where a record has a value, and of what type.
type field struct {
	kind uint64
	at   int
	size int
}

// fieldsOf appends the fields of a record, whose types check accepts, to a list.
// It returns where the last one ends.
func fieldsOf(list []field, record []byte, check func(kind uint64) error) ([]field, int, error) {
	size, at := varint(record)
	if at == 0 || size > uint64(len(record)) || size < uint64(at) {
		return nil, 0, errCutRecord
	}
	types, end := record[at:size], int(size)
	for len(types) > 0 {
		kind, n := varint(types)
		if n == 0 {
			return nil, 0, errCutRecord
		}
		if err := check(kind); err != nil {
			return nil, 0, err
		}
		types = types[n:]
		length := sizeOf(kind)
		if length > uint64(len(record)-end) {
			return nil, 0, errCutRecord
		}
		list = append(list, field{kind, end, int(length)})
		end += int(length)
	}
	return list, end, nil
}

// sizeOf is the size of a value of a type, in bytes.
func sizeOf(kind uint64) uint64 {
	switch {
	case kind <= 4:
		return kind
	case kind <= 6:
		return 2*kind - 4
	case kind == 7:
		return 8
	case kind < 12:
		return 0
	}
	return (kind - 12) / 2
}

// known checks that SQLite has values of a type.
func known(kind uint64) error {
	if kind == 10 || kind == 11 {
		return fmt.Errorf("a value is of type %d, which SQLite does not have", kind)
	}
	return nil
}

// number reads a number, or NULL.
func (f field) number(record []byte) Value {
	b := record[f.at:][:f.size]
	switch {
	case f.kind == 0:
		return Value{}
	case f.kind == 7:
		return real(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case f.kind >= 8:
		return Value{Kind: Integer, Number: int64(f.kind - 8)}
	}
	v := int64(int8(b[0])) // the sign
	for _, c := range b[1:] {
		v = v<<8 | int64(c)
	}
	return Value{Kind: Integer, Number: v}
}
