// SPDX-License-Identifier: BSD-2-Clause

// Package sqlitefile has an SQLite file as bytes: it makes one in memory whose
// header reveals nothing of its history, opens one that is untrusted, and reads
// and replaces one on disk. Nothing else imports the driver.
package sqlitefile

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// These constants are in every database and so decide bytes of images.
const (
	pageSize      = 4096      // bytes, pkg's own
	changeCounter = 1         // header bytes 24–27 and 92–95: as if written once
	sqliteVersion = 3_053_004 // header bytes 96–99: the SQLite of pkg 2.8.99
	rollback      = 1         // header bytes 18 and 19: no write-ahead log
)

// New makes an empty database of the tables that statements create.
func New(statements []string, version int) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // a second connection would be a second database
	for _, statement := range append([]string{
		fmt.Sprintf("PRAGMA page_size = %d", pageSize),
		"PRAGMA auto_vacuum = NONE",
		"PRAGMA encoding = 'UTF-8'",
		"PRAGMA secure_delete = ON", // no leftovers in free space
		fmt.Sprintf("PRAGMA user_version = %d", version),
	}, statements...) {
		if _, err := db.Exec(statement); err != nil {
			db.Close()
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	return db, nil
}

// Open opens the bytes of a database for reading, and restricts SQL to that.
func Open(ctx context.Context, image []byte) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if image[18] != rollback || image[19] != rollback {
		image = slices.Clone(image)
		image[18], image[19] = rollback, rollback // in memory there is no write-ahead log
	}
	err = deserialize(ctx, db, image)
	for _, pragma := range []string{"trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"} {
		if err == nil {
			_, err = db.ExecContext(ctx, "PRAGMA "+pragma)
		}
	}
	if err == nil {
		err = confine(ctx, db)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Settle rebuilds the database page by page and returns it with a constant
// header. Statements is the number that created it.
func Settle(ctx context.Context, db *sql.DB, statements int) ([]byte, error) {
	if _, err := db.ExecContext(ctx, "VACUUM"); err != nil {
		return nil, fmt.Errorf("vacuum: %w", err)
	}
	image, err := serialize(ctx, db)
	if err != nil {
		return nil, err
	}
	if len(image) < headerSize {
		return nil, errors.New("is empty")
	}
	image[18], image[19] = rollback, rollback
	binary.BigEndian.PutUint32(image[24:], changeCounter)
	// The schema cookie counts changes of the schema: here the statements that
	// created the database, as when libpkg creates one.
	binary.BigEndian.PutUint32(image[40:], uint32(statements))
	binary.BigEndian.PutUint32(image[92:], changeCounter)
	binary.BigEndian.PutUint32(image[96:], sqliteVersion)
	return image, nil
}

// headerSize is that of SQLite's file header, in bytes.
const headerSize = 100
