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
// (https://www.sqlite.org/fileformat2.html).
//
// A database may have millions of rows. So a Content keeps no rows, but reads them
// where they are, and sorts and filters only their numbers.
package pkgdb

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// Path is where pkg looks for its database.
const Path = "/var/db/pkg/local.sqlite"

// Content is what a database says, free of row numbers: where a row has the
// number of another row, Content has that row's name. The zero value is empty.
//
// What Open and DB.Content made reads from the image of the database, which must
// stay open. A Content is not for concurrent use.
type Content struct {
	Schema Schema // of the source database; 0 for none
	tables map[string]*rows
	shape  *shape           // of the source database; nil for none
	file   *sqlitefile.File // that has the rows; nil for none
}

// Image is a database as bytes: see its package.
type Image = sqlitefile.Image

// Collect reads an image to the end of its stream.
func Collect(ctx context.Context, r io.Reader) (*Image, error) { return sqlitefile.Collect(ctx, r) }

// Fold returns a database with its journals applied: see its package.
func Fold(ctx context.Context, image *Image, beside map[string]*Image) (*Image, error) {
	return sqlitefile.Fold(ctx, image, beside)
}

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
		c.tables[name] = &rows{columns: columns, from: &list{width: max(len(columns), 1)}}
	}
	return c.tables[name]
}

// read is the error of reading rows, before any other: it makes all of them NULL.
func (c *Content) read(err error) error {
	if c.file != nil && c.file.Err() != nil {
		return fmt.Errorf("pkg database: %w", c.file.Err())
	}
	return err
}

// names lists the tables.
func (c *Content) names() []string { return slices.Sorted(maps.Keys(c.tables)) }

// orphans finds the rows whose references dangle.
func (c *Content) orphans(f *faults) {
	for _, table := range c.names() {
		t := c.tables[table]
		for i, column := range t.columns {
			ref := referenceOf(table, column)
			if ref == nil {
				continue
			}
			for n := range t.len() {
				if !f.next() {
					return
				}
				switch v := t.value(n, i); v.Kind {
				case sqlitefile.Text:
				case sqlitefile.Null:
					f.add(rowErrorf(table, t, n, "has no %s", ref.as))
				case missing:
					f.add(rowErrorf(table, t, n, "its %s is %d, which is not in %s", ref.as, v.Number, ref.table))
				default:
					f.add(rowErrorf(table, t, n, "its %s is %s, which is not in %s", ref.as, shown(v), ref.table))
				}
			}
		}
	}
}

// rowErrorf names the table and its n-th row.
func rowErrorf(table string, t *rows, n int, format string, args ...any) error {
	text := t.text(t.fields(table), n)
	if len(text) > 240 {
		text = text[:240] + "…"
	}
	return &sqlitefile.FormatError{Err: fmt.Errorf("table %s: row %s: %w", table, text, fmt.Errorf(format, args...))}
}

// ReadContent reads what a database file says. Its image is closed once nobody
// uses the content.
func ReadContent(ctx context.Context, file string) (*Content, error) {
	image, err := sqlitefile.Read(ctx, file)
	if err != nil {
		return nil, err
	}
	c, err := contentIn(ctx, image)
	if err != nil {
		image.Close()
	}
	return c, fault.Within(file, err)
}

func contentIn(ctx context.Context, image *Image) (*Content, error) {
	db, err := Open(ctx, image)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return db.Content(ctx)
}

// IsJournal reports whether a path is one of the files that SQLite leaves beside pkg's
// database.
func IsJournal(path string) bool {
	suffix, beside := strings.CutPrefix(path, Path)
	return beside && slices.Contains([]string{"-journal", "-shm", "-wal"}, suffix)
}
