// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
)

// File reads the tables of a database file, row by row where the file has them,
// and keeps next to nothing in memory. The file need not be trusted: whatever
// SQLite might read in another way is refused. It is not for concurrent use.
type File struct {
	pages *pages
	err   error // of reading a page that could be read before
}

// NewFile reads the header of a database.
func NewFile(image *Image) (*File, error) {
	p, err := pagesOf(image)
	if err != nil {
		return nil, err
	}
	return &File{pages: p}, nil
}

// Err is the first error of reading a value, such as of the disk. Every value
// after it may be NULL.
func (f *File) Err() error { return f.err }

// Column is one of a table.
type Column struct {
	Name, Type string
	// Number says that the column is another name of the row's number, and has
	// no value of its own.
	Number bool
}

// real reports whether SQLite reads the integers of a column as real numbers
// (https://www.sqlite.org/datatype3.html, 3.1).
func (c Column) real() bool {
	has := func(word string) bool { return strings.Contains(strings.ToLower(c.Type), word) }
	return (has("real") || has("floa") || has("doub")) && !has("int") && !has("char") && !has("clob") && !has("text") && !has("blob")
}

// Table is a table of a file. Its rows are in the order of their numbers.
type Table struct {
	file    *File
	columns []Column
	reals   []bool
	leaves  []leaf
	rows    int
	least   int     // values of the shortest row
	short   int     // that row
	filling []Value // the values that short rows lack, by column
	near    int     // the leaf of the last row read
	recent  [2]decoded
	last    int      // which of recent was read last
	texts   []string // the last text of each column
}

// leaf is a page of rows.
type leaf struct {
	page  uint32
	first uint32 // its first row
}

// decoded is a row that was read.
type decoded struct {
	row    int // -1 for none
	id     int64
	record []byte
	fields []field
}

// Table reads where the rows of a table are, and checks each of them. Root is the
// table's first page.
func (f *File) Table(ctx context.Context, root int64, columns []Column) (*Table, error) {
	t := &Table{file: f, columns: columns, least: len(columns), filling: make([]Value, len(columns)), texts: make([]string, len(columns))}
	for _, c := range columns {
		t.reals = append(t.reals, c.real())
	}
	for i := range t.recent {
		t.recent[i].row = -1
	}
	var d decoded
	err := f.pages.walk(int(min(root, math.MaxInt32)), 0, func(n, rows int) error {
		if rows == 0 {
			return ctx.Err()
		}
		t.leaves = append(t.leaves, leaf{uint32(n), uint32(t.rows)})
		for i := range rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.decode(&d, n, i, f.pages.visit); err != nil {
				return err
			}
			if len(d.fields) < t.least {
				t.least, t.short = len(d.fields), t.rows+i
			}
		}
		t.rows += rows
		return nil
	})
	return t, err
}

// maxValue bounds a row, such as one with a configuration file.
const maxValue = 64 << 20

// decode reads a row of a page. Pages that it continues in come from page.
func (t *Table) decode(d *decoded, n, i int, page func(int) ([]byte, error)) error {
	c, err := t.file.pages.cell(n, i)
	if err != nil {
		return err
	}
	if c.length > maxValue {
		return fmt.Errorf("a row has more than %d bytes", maxValue)
	}
	if d.record, err = t.file.pages.record(d.record[:0], c, page); err != nil {
		return err
	}
	end := 0
	if d.fields, end, err = fieldsOf(d.fields[:0], d.record, known); err != nil {
		return err
	}
	if end != len(d.record) || len(d.fields) > len(t.columns) {
		return errors.New("a record has more than its values")
	}
	d.id = c.id
	return nil
}

// Len is the number of rows.
func (t *Table) Len() int { return t.rows }

// Short returns the number of a row that lacks the values of the columns from the
// least one on: rows from before an ALTER TABLE ADD COLUMN. It is false if there is
// none.
func (t *Table) Short() (id int64, least int, ok bool) {
	if t.least == len(t.columns) {
		return 0, 0, false
	}
	return t.row(t.short).id, t.least, true
}

// Fill says what a column has in rows that lack it.
func (t *Table) Fill(column int, v Value) { t.filling[column] = v }

// Value is the value of a column in a row, counted from 0.
func (t *Table) Value(row, column int) Value {
	d := &t.recent[t.last]
	if d.row != row {
		d = t.row(row)
	}
	switch {
	case t.columns[column].Number:
		return Value{Kind: Integer, Number: d.id}
	case column >= len(d.fields):
		return t.filling[column]
	}
	f := d.fields[column]
	if f.kind < 12 {
		v := f.number(d.record)
		if v.Kind == Integer && t.reals[column] {
			v = real(float64(v.Number))
		}
		return v
	}
	// Neighbours often have the same text, of which one is kept.
	if b := d.record[f.at:][:f.size]; string(b) != t.texts[column] {
		t.texts[column] = string(b)
	}
	return Value{Kind: Blob - Kind(f.kind%2), Text: t.texts[column]}
}

// row reads a row, unless it is one of the last two: a sort compares two.
func (t *Table) row(row int) *decoded {
	t.last = 1 - t.last
	d := &t.recent[t.last]
	if d.row == row {
		return d
	}
	d.row = row
	at := t.leaf(row)
	if err := t.decode(d, int(t.leaves[at].page), row-int(t.leaves[at].first), t.file.pages.page); err != nil {
		if t.file.err == nil {
			t.file.err = err
		}
		d.row, d.fields = -1, nil
	}
	return d
}

// leaf finds the page of a row.
func (t *Table) leaf(row int) int {
	within := func(i int) bool {
		return i < len(t.leaves) && int(t.leaves[i].first) <= row && (i+1 == len(t.leaves) || row < int(t.leaves[i+1].first))
	}
	for _, i := range []int{t.near, t.near + 1} {
		if within(i) {
			t.near = i
			return i
		}
	}
	t.near = sort.Search(len(t.leaves), func(i int) bool { return int(t.leaves[i].first) > row }) - 1
	return t.near
}
