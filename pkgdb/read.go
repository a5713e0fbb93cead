// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// DB is a read-only database.
type DB struct {
	db     *sql.DB
	image  *Image
	list   []sqlitefile.Entry // the schema
	Schema Schema
	shape  *shape
}

// SchemaError is a database of an unknown schema: that of a newer pkg, say.
// Nothing need be wrong with it.
type SchemaError struct{ Err error }

func (e *SchemaError) Error() string { return "pkg database: " + e.Err.Error() }

// Failed reports that this version cannot do it.
func (*SchemaError) Failed() bool { return true }

// Unwrap returns the cause.
func (e *SchemaError) Unwrap() error { return e.Err }

// Open takes a database of a known schema whose structure is sound. The image must
// stay open for as long as its content is used. The database need not be trusted:
// SQLite sees it only once every statement of its schema is known, and evaluates
// nothing of it but columns and keys.
func Open(ctx context.Context, image *Image) (*DB, error) {
	d := &DB{image: image}
	err := d.open(ctx)
	if err == nil {
		return d, nil
	}
	if d.db != nil {
		d.db.Close()
	}
	return nil, wrong(ctx, err)
}

// wrong says that a database is wrong, unless the error is another: of the context,
// of the file or folder that has the image here.
func wrong(ctx context.Context, err error) error {
	_, damaged := errors.AsType[*sqlitefile.FormatError](err)
	_, unknown := errors.AsType[*SchemaError](err)
	_, unread := errors.AsType[*fs.PathError](err)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case unread:
		return fmt.Errorf("pkg database: %w", err)
	case damaged || unknown:
		return err
	}
	return &sqlitefile.FormatError{Err: err}
}

func (d *DB) open(ctx context.Context) error {
	if d.image.Size() > sqlitefile.MaxFile {
		return fmt.Errorf("has more than %d bytes", sqlitefile.MaxFile)
	}
	if err := d.known(); err != nil {
		return err
	}
	var err error
	if d.db, err = sqlitefile.Open(ctx, d.image); err != nil {
		return err
	}
	if err := d.agree(ctx); err != nil {
		return err
	}
	// Before any table is read, so that no query can loop.
	return d.integrity(ctx)
}

// known reads the schema and requires it to be one of pkg's, at least as far as
// a reader needs.
func (d *DB) known() error {
	var err error
	if d.list, err = sqlitefile.Schema(d.image); err != nil {
		return err
	}
	version := make([]byte, 4)
	if _, err := d.image.ReadAt(version, 60); err != nil {
		return err
	}
	d.Schema = Schema(int32(binary.BigEndian.Uint32(version)))
	if err := d.Schema.check(); err != nil {
		return &SchemaError{err}
	}
	if d.shape, err = shapeOf(d.list); err != nil {
		return err
	}
	fresh, err := d.Schema.fresh()
	if err != nil {
		return err
	}
	for _, table := range fresh.tables {
		for _, column := range fresh.columns[table] {
			if !slices.Contains(d.shape.columns[table], column) {
				return fmt.Errorf("table %s has no column %s, wanted one in schema %d", table, column, d.Schema)
			}
		}
	}
	return nil
}

// agree proves that SQLite reads the schema the same way.
func (d *DB) agree(ctx context.Context) error {
	n := 0
	err := each(ctx, d.db, "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema", func(scan scanner) error {
		var o sqlitefile.Entry
		var text sql.NullString
		if err := scan(&o.Kind, &o.Name, &o.Table, &o.Root, &text); err != nil {
			return err
		}
		o.Sql = text.String
		if n++; n > len(d.list) || o != d.list[n-1] {
			return fmt.Errorf("schema: row %d can be read in two ways", n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, table := range d.shape.tables {
		var columns []sqlitefile.Column
		keys := 0
		err := each(ctx, d.db, "SELECT name, type, pk FROM pragma_table_xinfo(?)", func(scan scanner) error {
			var c sqlitefile.Column
			key := 0
			err := scan(&c.Name, &c.Type, &key)
			if key > 0 {
				keys++
			}
			columns = append(columns, c)
			return err
		}, table)
		if err != nil {
			return err
		}
		if !slices.EqualFunc(columns, d.shape.forms[table], sameForm) || keys != len(d.shape.primary[table]) {
			return &sqlitefile.FormatError{Err: fmt.Errorf("table %q can be read in two ways", table)}
		}
	}
	return nil
}

// sameForm compares a column as SQLite describes it with one of ours, by name and
// type. SQLite has the type as it was written, with its size.
func sameForm(theirs, ours sqlitefile.Column) bool {
	kind, _, sized := strings.Cut(theirs.Type, "(")
	words := strings.Fields(kind)
	if sized {
		words = append(words, "()")
	}
	return theirs.Name == ours.Name && strings.EqualFold(strings.Join(words, " "), ours.Type)
}

// Close frees the memory.
func (d *DB) Close() error { return d.db.Close() }

// integrity is SQLite's own check of structure.
func (d *DB) integrity(ctx context.Context) error {
	var errs []error
	err := each(ctx, d.db, "PRAGMA integrity_check", func(scan scanner) error {
		var line string
		err := scan(&line)
		if line != "ok" {
			errs = append(errs, &sqlitefile.FormatError{Err: fmt.Errorf("integrity_check: %s", line)})
		}
		return err
	})
	return errors.Join(append(errs, err)...)
}

type scanner = func(...any) error

// each calls row for every row of a query. When the context ends, so does the
// query, wherever in SQLite it is.
func each(ctx context.Context, db *sql.DB, query string, row func(scan scanner) error, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err == nil {
		defer rows.Close()
		for err == nil && rows.Next() {
			err = row(rows.Scan)
		}
		if err == nil {
			err = rows.Err()
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &sqlitefile.FormatError{Err: err}
	}
	return nil
}
