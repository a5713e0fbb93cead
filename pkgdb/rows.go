// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// value is one of SQLite's, or missing.
type value = sqlitefile.Value

// missing is the kind of a number of a row that does not exist.
const missing = sqlitefile.Blob + 1

func text(s string) value    { return value{Kind: sqlitefile.Text, Text: s} }
func number(n int64) value   { return value{Kind: sqlitefile.Integer, Number: n} }
func isText(v value) bool    { return v.Kind == sqlitefile.Text }
func isNull(v value) bool    { return v.Kind == sqlitefile.Null }
func isInteger(v value) bool { return v.Kind == sqlitefile.Integer }

// rows are those of one table. They are where they came from, a database file or
// manifests, and are read value by value: what is kept here is their order.
type rows struct {
	columns []string // without the table's own number
	from    source
	order   []uint32 // rows of from, never changed in place; nil for all of them
}

// source has rows, and values by row and column.
type source interface {
	len() int
	value(row, column int) value
}

// list is a source of values in memory, row after row, for small tables.
type list struct {
	width  int
	values []value
}

func (l *list) len() int                    { return len(l.values) / l.width }
func (l *list) value(row, column int) value { return l.values[row*l.width+column] }

// picked has some columns of a source; -1 stands for one that is NULL.
type picked struct {
	source
	at []int
}

func (p picked) value(row, column int) value {
	if p.at[column] < 0 {
		return value{}
	}
	return p.source.value(row, p.at[column])
}

// changed is a source with other values in one column.
type changed struct {
	source
	column int
	to     func(row int) value
}

func (c changed) value(row, column int) value {
	if column == c.column {
		return c.to(row)
	}
	return c.source.value(row, column)
}

// add adds a row in memory.
func (r *rows) add(values ...value) {
	l := r.from.(*list)
	l.values = append(l.values, values...)
}

// len is the number of rows.
func (r *rows) len() int {
	if r.order != nil {
		return len(r.order)
	}
	return r.from.len()
}

// row is the n-th row's number in the source.
func (r *rows) row(n int) int {
	if r.order != nil {
		return int(r.order[n])
	}
	return n
}

// value is the n-th row's of a column.
func (r *rows) value(n, column int) value { return r.from.value(r.row(n), column) }

// at is the index of a column, -1 if there is none.
func (r *rows) at(column string) int { return slices.Index(r.columns, column) }

// get is the n-th row's value of a column, NULL where the schema has no such
// column.
func (r *rows) get(n int, column string) value {
	if i := r.at(column); i >= 0 {
		return r.value(n, i)
	}
	return value{}
}

// pick makes the rows those of some columns, NULL where they have no such column.
func (r *rows) pick(columns []string) *rows {
	p := picked{source: r.from}
	for _, column := range columns {
		p.at = append(p.at, r.at(column))
	}
	return &rows{columns, p, r.order}
}

// change gives a column other values.
func (r *rows) change(column string, to func(old value) value) {
	from, at := r.from, r.at(column)
	r.from = changed{from, at, func(row int) value { return to(from.value(row, at)) }}
}

// keep leaves only some rows.
func (r *rows) keep(ctx context.Context, wanted func(n int) bool) error {
	order := []uint32{}
	for n := range r.len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if wanted(n) {
			order = append(order, uint32(r.row(n)))
		}
	}
	r.order = order
	return nil
}

// natural are the columns that identify a table's rows, where these are not all
// columns in order. They decide the order of rows, and so bytes.
var natural = map[string][]string{
	"packages":     {"name"},
	"files":        {"path"},
	"directories":  {"path"},
	"config_files": {"path"},
	"deps":         {"package_id", "name", "version"},
}

// sort puts the rows of a table in the order of their natural key.
func (r *rows) sort(ctx context.Context, table string) error {
	var key []int
	for _, column := range append(slices.Clone(natural[table]), r.columns...) {
		if i := r.at(column); i >= 0 {
			key = append(key, i)
		}
	}
	return r.sortBy(ctx, func(a, b int) int {
		for _, i := range key {
			if c := compare(r.from.value(a, i), r.from.value(b, i)); c != 0 {
				return c
			}
		}
		return 0
	})
}

// compare orders values as SQLite does: NULL, numbers, texts, blobs.
func compare(a, b value) int {
	if c := cmp.Compare(class(a), class(b)); c != 0 {
		return c
	}
	switch {
	case a.Kind == sqlitefile.Real || b.Kind == sqlitefile.Real:
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind == sqlitefile.Text || a.Kind == sqlitefile.Blob:
		return strings.Compare(a.Text, b.Text)
	}
	return cmp.Compare(a.Number, b.Number)
}

func class(v value) sqlitefile.Kind {
	if v.Kind == sqlitefile.Real {
		return sqlitefile.Integer
	}
	return v.Kind
}
