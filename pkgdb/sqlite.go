// SPDX-License-Identifier: BSD-2-Clause

// Package pkgdb writes and reads local.sqlite, pkg's database of what is
// installed (libpkg/pkgdb.c).
//
// The database is made in memory and handed over as bytes. Which bytes depends
// on what is installed and on nothing else: rows are inserted in the order of
// their natural keys, the file is rebuilt by VACUUM, and the fields of its
// header that tell of its history are set to constants
// (https://www.sqlite.org/fileformat2.html). Schema 42, that of pkg 2.8, is
// the only one that is written.
package pkgdb

import (
	"database/sql"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
)

// schema42 is the schema of a fresh database of pkg 2.8, statement by
// statement as libpkg creates it.
//
//go:embed schema42.sql
var schema42 string

// These constants stand in every database and so decide bytes of images.
const (
	Schema        = 42        // user_version
	pageSize      = 4096      // bytes, pkg's own
	changeCounter = 1         // header bytes 24–27 and 92–95: as if written once
	schemaCookie  = 56        // header bytes 40–43: what libpkg's own creation counts up to
	sqliteVersion = 3_053_004 // header bytes 96–99: the SQLite of pkg 2.8.99
	rollback      = 1         // header bytes 18 and 19: no write-ahead log
)

func openMemory() (*sql.DB, error) {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	db.SetMaxOpenConns(1) // a second connection would be a second database
	for _, pragma := range []string{
		fmt.Sprintf("PRAGMA page_size = %d", pageSize),
		"PRAGMA auto_vacuum = NONE",
		"PRAGMA encoding = 'UTF-8'",
		"PRAGMA secure_delete = ON", // no remains in free space
		fmt.Sprintf("PRAGMA user_version = %d", Schema),
	} {
		if _, err := db.Exec(pragma); err != nil {
			db.Close()
			return nil, fmt.Errorf("pkg database: %s: %w", pragma, err)
		}
	}
	return db, nil
}

// settle rebuilds the database page by page and returns it with a constant header.
func settle(db *sql.DB) ([]byte, error) {
	if _, err := db.Exec("VACUUM"); err != nil {
		return nil, fmt.Errorf("pkg database: vacuum: %w", err)
	}
	image, err := serialize(db)
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	if len(image) < 100 {
		return nil, errors.New("pkg database: is empty")
	}
	image[18], image[19] = rollback, rollback
	binary.BigEndian.PutUint32(image[24:], changeCounter)
	binary.BigEndian.PutUint32(image[40:], schemaCookie)
	binary.BigEndian.PutUint32(image[92:], changeCounter)
	binary.BigEndian.PutUint32(image[96:], sqliteVersion)
	return image, nil
}
