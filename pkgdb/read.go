// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// DB is a read-only database.
type DB struct {
	db     *sql.DB
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

// Open takes the bytes of a database of a known schema whose structure is sound.
// The database need not be trusted: SQLite sees it only once every statement of
// its schema is known, and evaluates nothing of it but columns and keys.
func Open(ctx context.Context, image []byte) (*DB, error) {
	d := &DB{}
	err := d.open(ctx, image)
	if err == nil {
		return d, nil
	}
	if d.db != nil {
		d.db.Close()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	_, damaged := errors.AsType[*sqlitefile.FormatError](err)
	_, unknown := errors.AsType[*SchemaError](err)
	if !damaged && !unknown {
		err = &sqlitefile.FormatError{Err: err}
	}
	return nil, err
}

func (d *DB) open(ctx context.Context, image []byte) error {
	if len(image) > sqlitefile.MaxFile {
		return fmt.Errorf("has more than %d bytes", sqlitefile.MaxFile)
	}
	list, err := d.known(image)
	if err != nil {
		return err
	}
	if d.db, err = sqlitefile.Open(ctx, image); err != nil {
		return err
	}
	if err := d.agree(ctx, list); err != nil {
		return err
	}
	// Before any table is read, so that no query can loop.
	return d.integrity(ctx)
}

// known reads the schema and requires it to be one of pkg's, at least as far as
// a reader needs.
func (d *DB) known(image []byte) ([]sqlitefile.Entry, error) {
	list, err := sqlitefile.Schema(image)
	if err != nil {
		return nil, err
	}
	d.Schema = Schema(int32(binary.BigEndian.Uint32(image[60:])))
	if err := d.Schema.check(); err != nil {
		return nil, &SchemaError{err}
	}
	if d.shape, err = shapeOf(list); err != nil {
		return nil, err
	}
	fresh, err := d.Schema.fresh()
	if err != nil {
		return nil, err
	}
	for _, table := range fresh.tables {
		for _, column := range fresh.columns[table] {
			if !slices.Contains(d.shape.columns[table], column) {
				return nil, fmt.Errorf("table %s has no column %s, wanted one in schema %d", table, column, d.Schema)
			}
		}
	}
	return list, nil
}

// agree proves that SQLite reads the schema the same way.
func (d *DB) agree(ctx context.Context, list []sqlitefile.Entry) error {
	n := 0
	err := each(ctx, d.db, "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema", func(scan scanner) error {
		var o sqlitefile.Entry
		var text sql.NullString
		if err := scan(&o.Kind, &o.Name, &o.Table, &o.Root, &text); err != nil {
			return err
		}
		o.Sql = text.String
		if n++; n > len(list) || o != list[n-1] {
			return fmt.Errorf("schema: row %d can be read in two ways", n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, table := range d.shape.tables {
		var columns []string
		err := each(ctx, d.db, "SELECT name FROM pragma_table_xinfo(?)", func(scan scanner) error {
			var column string
			err := scan(&column)
			columns = append(columns, column)
			return err
		}, table)
		if err != nil {
			return err
		}
		if !slices.Equal(columns, d.shape.columns[table]) {
			return &sqlitefile.FormatError{Err: fmt.Errorf("table %q can be read in two ways", table)}
		}
	}
	return nil
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

// maxMemory bounds the memory for rows. They usually take about four times the
// size of the file, but many small rows, or many that refer to one long text,
// can take any amount.
const maxMemory = 4 * int64(sqlitefile.MaxFile)

// valueSize is what a value takes besides its text.
const valueSize = 32

// Content reads every table, pkg's and others.
func (d *DB) Content(ctx context.Context) (*Content, error) {
	c := &Content{Schema: d.Schema, shape: d.shape}
	r := &tables{DB: d, c: c, names: map[string]map[int64]string{}, free: maxMemory}
	for _, ref := range references {
		if d.shape.columns[ref.table] != nil && r.names[ref.table] == nil {
			if err := r.texts(ctx, ref); err != nil {
				return nil, err
			}
		}
	}
	for _, table := range d.shape.tables {
		if err := r.read(ctx, table); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// tables reads the tables of a database into a content.
type tables struct {
	*DB
	c     *Content
	names map[string]map[int64]string // by table, the names for its numbers
	free  int64                       // what is left of maxMemory
}

// take counts a value that is kept.
func (r *tables) take(table string, v any) error {
	r.free -= valueSize
	switch v := v.(type) {
	case string:
		r.free -= int64(len(v))
	case []byte:
		r.free -= int64(len(v))
	}
	if r.free < 0 {
		return fmt.Errorf("table %s: with it, the rows take more than %d bytes", table, maxMemory)
	}
	return nil
}

// texts reads the names for the numbers of a table.
func (r *tables) texts(ctx context.Context, ref reference) error {
	m := map[int64]string{}
	r.names[ref.table] = m
	return each(ctx, r.db, fmt.Sprintf("SELECT %s, %s FROM %s", quoted(ref.key), quoted(ref.text), quoted(ref.table)), func(scan scanner) error {
		var id int64
		var text string
		if err := scan(&id, &text); err != nil {
			return err
		}
		m[id] = text
		return r.take(ref.table, text)
	})
}

func (r *tables) read(ctx context.Context, table string) error {
	var columns []string
	query := ""
	for _, column := range r.shape.columns[table] {
		if !ownKey(table, column) {
			columns = append(columns, column)
			// An expression has no declared type; with one, the driver would
			// convert stored values to times and booleans.
			query += ", +" + quoted(column)
		}
	}
	t := r.c.table(table, columns...)
	if columns == nil {
		return nil
	}
	return each(ctx, r.db, "SELECT "+query[2:]+" FROM "+quoted(table), func(scan scanner) error {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := scan(into...); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		for i, column := range columns {
			if ref := referenceOf(table, column); ref != nil && r.names[ref.table] != nil {
				row[i] = resolve(row[i], r.names[ref.table])
			}
			if err := r.take(table, row[i]); err != nil {
				return err
			}
		}
		t.list = append(t.list, row)
		return nil
	})
}

// resolve returns the name for a number.
func resolve(v any, names map[int64]string) any {
	id, ok := v.(int64)
	if !ok {
		return v
	}
	if name, ok := names[id]; ok {
		return name
	}
	return missing(id)
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
