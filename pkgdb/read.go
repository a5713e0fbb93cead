// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// DB is a database that is only read.
type DB struct {
	db     *sql.DB
	Schema Schema
	shape  *shape
}

// FormatError is a database that is damaged, or none of pkg's.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return "pkg database: " + e.Err.Error() }

// Unwrap returns the fault itself.
func (e *FormatError) Unwrap() error { return e.Err }

// Open takes the bytes of a database of a known schema whose structure is sound.
func Open(image []byte) (*DB, error) {
	if len(image) < headerSize || string(image[:16]) != "SQLite format 3\x00" {
		return nil, &FormatError{errors.New("is not a SQLite database")}
	}
	image = slices.Clone(image)
	image[18], image[19] = rollback, rollback // bytes in memory have no write-ahead log beside them
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	d := &DB{db: db}
	if err := d.open(image); err != nil {
		db.Close()
		var format *FormatError
		if errors.As(err, &format) {
			return nil, err
		}
		return nil, &FormatError{err}
	}
	return d, nil
}

func (d *DB) open(image []byte) error {
	if err := deserialize(d.db, image); err != nil {
		return err
	}
	if _, err := d.db.Exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON"); err != nil {
		return err
	}
	// First, so that no query can walk in circles.
	if err := d.integrity(); err != nil {
		return err
	}
	if err := d.db.QueryRow("PRAGMA user_version").Scan(&d.Schema); err != nil {
		return err
	}
	if err := d.Schema.check(); err != nil {
		return err
	}
	var err error
	if d.shape, err = shapeOf(d.db); err != nil {
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

// Close frees the memory.
func (d *DB) Close() error { return d.db.Close() }

// integrity is SQLite's own check of structure.
func (d *DB) integrity() error {
	var errs []error
	err := each(d.db, "PRAGMA integrity_check", func(scan scanner) error {
		var line string
		err := scan(&line)
		if line != "ok" {
			errs = append(errs, &FormatError{fmt.Errorf("integrity_check: %s", line)})
		}
		return err
	})
	return errors.Join(append(errs, err)...)
}

// Content reads every table, those of pkg and others.
func (d *DB) Content() (*Content, error) {
	c := &Content{Schema: d.Schema, shape: d.shape}
	names := map[string]map[int64]string{}
	for _, r := range references {
		if d.shape.columns[r.table] != nil && names[r.table] == nil {
			var err error
			if names[r.table], err = d.texts(r); err != nil {
				return nil, err
			}
		}
	}
	for _, table := range d.shape.tables {
		if err := d.read(c, table, names); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// texts reads what the numbers of a table stand for.
func (d *DB) texts(r reference) (map[int64]string, error) {
	m := map[int64]string{}
	err := each(d.db, fmt.Sprintf("SELECT %s, %s FROM %s", quoted(r.key), quoted(r.text), quoted(r.table)), func(scan scanner) error {
		var id int64
		var text string
		err := scan(&id, &text)
		m[id] = text
		return err
	})
	return m, err
}

func (d *DB) read(c *Content, table string, names map[string]map[int64]string) error {
	var columns []string
	query := ""
	for _, column := range d.shape.columns[table] {
		if !ownKey(table, column) {
			columns = append(columns, column)
			// An expression has no declared type, by which the driver would
			// make times and booleans of what is stored.
			query += ", +" + quoted(column)
		}
	}
	t := c.table(table, columns...)
	if columns == nil {
		return nil
	}
	return each(d.db, "SELECT "+query[2:]+" FROM "+quoted(table), func(scan scanner) error {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := scan(into...); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		for i, column := range columns {
			if ref := referenceOf(table, column); ref != nil && names[ref.table] != nil {
				row[i] = resolve(row[i], names[ref.table])
			}
		}
		t.list = append(t.list, row)
		return nil
	})
}

// resolve gives the name in the place of a number.
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
