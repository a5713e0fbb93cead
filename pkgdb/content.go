// SPDX-License-Identifier: BSD-2-Clause

// Package pkgdb writes, reads, compares and checks local.sqlite, pkg's
// database of what is installed (libpkg/pkgdb.c).
//
// Content is what such a database says. Write makes it from the manifests of
// packages; Open and DB.Content make it from a database, whoever wrote that.
// Both end in the same encoder. Its output, the normal form, depends only on
// what is installed, the install time and the schema: rows are sorted by their
// natural keys and numbered by rank, VACUUM rebuilds the file, and the header
// fields that reflect its history are set to constants
// (https://www.sqlite.org/fileformat2.html). Databases are held in memory.
package pkgdb

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
	"github.com/orlop/orlop/pkgdb/until"
)

// Path is where pkg looks for its database.
const Path = "/var/db/pkg/local.sqlite"

// Content is what a database says, free of row numbers: where a row has the
// number of another row, Content has that row's name. The zero value is empty.
type Content struct {
	Schema Schema // of the source database; 0 for none
	tables map[string]*rows
	shape  *shape // of the source database; nil for none
}

// rows are those of one table.
type rows struct {
	columns []string // without the table's own number
	list    [][]any  // nil, int64, float64, string, []byte or missing
}

// missing is the number of a row that does not exist.
type missing int64

// reference is a column that holds a row number of another table.
type reference struct {
	column string
	table  string // that it refers to
	key    string // that table's number
	text   string // the column that names a row
	as     string // what a dump calls it
}

// references are all such columns, in whatever table.
var references = []reference{
	{"package_id", "packages", "id", "name", "package"},
	{"conflict_id", "packages", "id", "name", "conflict"},
	{"directory_id", "directories", "id", "path", "directory"},
	{"script_id", "script", "script_id", "script", "script"},
	{"lua_script_id", "lua_script", "lua_script_id", "lua_script", "lua_script"},
	{"option_id", "option", "option_id", "option", "option"},
	{"option_desc_id", "option_desc", "option_desc_id", "option_desc", "option_desc"},
	{"category_id", "categories", "id", "name", "category"},
	{"license_id", "licenses", "id", "name", "license"},
	{"user_id", "users", "id", "name", "user"},
	{"group_id", "groups", "id", "name", "group"},
	{"shlib_id", "shlibs", "id", "name", "shlib"},
	{"tag_id", "annotation", "annotation_id", "annotation", "tag"},
	{"value_id", "annotation", "annotation_id", "annotation", "value"},
	{"provide_id", "provides", "id", "provide", "provide"},
	{"require_id", "requires", "id", "require", "require"},
}

// referenceOf returns what a column of a table refers to; nil for no reference.
// A table's own number refers to nothing.
func referenceOf(table, column string) *reference {
	for i, r := range references {
		if r.column == column && r.table != table {
			return &references[i]
		}
	}
	return nil
}

// ownKey reports whether a column is its table's own row number.
func ownKey(table, column string) bool {
	return slices.ContainsFunc(references, func(r reference) bool { return r.table == table && r.key == column }) ||
		table == "mtree" && column == "id"
}

// nameColumn is the column by which other tables name a table's rows; "" if none
// do.
func nameColumn(table string) string {
	for _, r := range references {
		if r.table == table {
			return r.text
		}
	}
	return ""
}

// table returns the rows of a table, and makes it with these columns if it is
// new.
func (c *Content) table(name string, columns ...string) *rows {
	if c.tables == nil {
		c.tables = map[string]*rows{}
	}
	if c.tables[name] == nil {
		c.tables[name] = &rows{columns: columns}
	}
	return c.tables[name]
}

func (r *rows) add(values ...any) { r.list = append(r.list, values) }

// at is the index of a column, -1 if there is none.
func (r *rows) at(column string) int { return slices.Index(r.columns, column) }

// get is a row's value of a column, nil where the schema has no such column.
func (r *rows) get(row []any, column string) any {
	if i := r.at(column); i >= 0 {
		return row[i]
	}
	return nil
}

// names lists the tables.
func (c *Content) names() []string { return slices.Sorted(maps.Keys(c.tables)) }

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
	return until.SortStable(ctx, r.list, func(a, b []any) int {
		for _, i := range key {
			if c := compare(a[i], b[i]); c != 0 {
				return c
			}
		}
		return 0
	})
}

// compare orders values as SQLite does: NULL, numbers, texts, blobs.
func compare(a, b any) int {
	if c := cmp.Compare(class(a), class(b)); c != 0 {
		return c
	}
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	case missing:
		return cmp.Compare(a, b.(missing))
	case string:
		return strings.Compare(a, b.(string))
	case []byte:
		return slices.Compare(a, b.([]byte))
	}
	return cmp.Compare(number(a), number(b))
}

func class(v any) int {
	switch v.(type) {
	case nil:
		return 0
	case int64, float64:
		return 1
	case string:
		return 2
	case []byte:
		return 3
	}
	return 4
}

func number(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// orphans finds the rows whose references dangle.
func (c *Content) orphans(f *faults) {
	for _, table := range c.names() {
		t := c.tables[table]
		for i, column := range t.columns {
			ref := referenceOf(table, column)
			if ref == nil {
				continue
			}
			for _, row := range t.list {
				if !f.next() {
					return
				}
				switch v := row[i].(type) {
				case string:
				case nil:
					f.add(rowErrorf(table, t, row, "has no %s", ref.as))
				default:
					f.add(rowErrorf(table, t, row, "its %s is %v, which is not in %s", ref.as, v, ref.table))
				}
			}
		}
	}
}

// rowErrorf names the table and the row.
func rowErrorf(table string, t *rows, row []any, format string, args ...any) error {
	text := t.text(table, row)
	if len(text) > 240 {
		text = text[:240] + "…"
	}
	return &sqlitefile.FormatError{Err: fmt.Errorf("table %s: row %s: %w", table, text, fmt.Errorf(format, args...))}
}

// text is a row as a dump writes it.
func (r *rows) text(table string, row []any) string {
	fields := map[string]string{}
	for i, column := range r.columns {
		key := column
		if ref := referenceOf(table, column); ref != nil {
			key = ref.as
		}
		fields[key] = value(row[i])
	}
	return object(fields)
}

// ReadContent reads what a database file says.
func ReadContent(ctx context.Context, file string) (*Content, error) {
	image, err := sqlitefile.Read(ctx, file)
	if err != nil {
		return nil, err
	}
	db, err := Open(ctx, image)
	if err != nil {
		return nil, fault.Within(file, err)
	}
	defer db.Close()
	c, err := db.Content(ctx)
	return c, fault.Within(file, err)
}
