// SPDX-License-Identifier: BSD-2-Clause

// Package pkgdb writes, reads, compares and checks local.sqlite, pkg's
// database of what is installed (libpkg/pkgdb.c).
//
// Content is what such a database says. Write makes it from the manifests of
// packages, Open and DB.Content from a database, whoever wrote that; and both
// end in the same encoder. Its output, the normal form, depends on what is
// installed, the install time and the schema, and on nothing else: rows stand in
// the order of their natural keys and have their rank as number, the file is
// rebuilt by VACUUM, and the fields of its header that tell of its history are
// set to constants (https://www.sqlite.org/fileformat2.html). Databases are held
// in memory.
package pkgdb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
)

// These constants stand in every database and so decide bytes of images.
const (
	pageSize      = 4096      // bytes, pkg's own
	changeCounter = 1         // header bytes 24–27 and 92–95: as if written once
	sqliteVersion = 3_053_004 // header bytes 96–99: the SQLite of pkg 2.8.99
	rollback      = 1         // header bytes 18 and 19: no write-ahead log
)

// openMemory makes an empty database.
func openMemory(schema Schema) (*sql.DB, error) {
	statements, err := schema.statements()
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	db.SetMaxOpenConns(1) // a second connection would be a second database
	for _, statement := range append([]string{
		fmt.Sprintf("PRAGMA page_size = %d", pageSize),
		"PRAGMA auto_vacuum = NONE",
		"PRAGMA encoding = 'UTF-8'",
		"PRAGMA secure_delete = ON", // no remains in free space
		fmt.Sprintf("PRAGMA user_version = %d", schema),
	}, statements...) {
		if _, err := db.Exec(statement); err != nil {
			db.Close()
			return nil, fmt.Errorf("pkg database: %s: %w", statement, err)
		}
	}
	return db, nil
}

// settle rebuilds the database page by page and returns it with a constant header.
func settle(ctx context.Context, db *sql.DB, schema Schema) ([]byte, error) {
	statements, err := schema.statements()
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, "VACUUM"); err != nil {
		return nil, fmt.Errorf("vacuum: %w", err)
	}
	image, err := serialize(db)
	if err != nil {
		return nil, err
	}
	if len(image) < headerSize {
		return nil, errors.New("is empty")
	}
	image[18], image[19] = rollback, rollback
	binary.BigEndian.PutUint32(image[24:], changeCounter)
	// The schema cookie counts changes of the schema: here the statements that
	// created the database, as after libpkg's own creation of one.
	binary.BigEndian.PutUint32(image[40:], uint32(len(statements)))
	binary.BigEndian.PutUint32(image[92:], changeCounter)
	binary.BigEndian.PutUint32(image[96:], sqliteVersion)
	return image, nil
}

// headerSize is that of SQLite's file header, in bytes.
const headerSize = 100

type scanner = func(...any) error

// each calls row for every row of a query. Where the context ends, so does the
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
		return &FormatError{err}
	}
	return nil
}
