// SPDX-License-Identifier: BSD-2-Clause

// Package sqlitefile has an SQLite file as bytes: it makes one whose header
// reveals nothing of its history, opens one that is untrusted, reads its tables,
// and reads and replaces one on disk. Nothing else imports the driver.
package sqlitefile

import (
	"context"
	"database/sql"
	"io"
	"net/url"
	"os"
	"slices"

	"github.com/orlop/orlop/pkgdb/until"
)

// Open opens a database for reading, and restricts SQL to that.
func Open(ctx context.Context, image *Image) (*sql.DB, error) {
	open := openHeld
	if image.file != nil {
		open = openFile
	}
	db, err := open(ctx, image)
	if err != nil {
		return nil, err
	}
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

// connect makes a connection, the only one.
func connect(name string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // a second connection to :memory: would be a second database
	return db, nil
}

// openHeld gives SQLite a copy of the bytes in memory.
func openHeld(ctx context.Context, image *Image) (*sql.DB, error) {
	text := image.text
	if text[18] != rollback || text[19] != rollback {
		text = slices.Clone(text)
		text[18], text[19] = rollback, rollback // in memory there is no write-ahead log
	}
	db, err := connect(":memory:")
	if err == nil {
		if err = deserialize(ctx, db, text); err != nil {
			db.Close()
		}
	}
	return db, err
}

// openFile gives SQLite a copy in a file, which has a name only until it is open.
// Nothing else can write there, so SQLite need not look for journals and locks.
func openFile(ctx context.Context, image *Image) (*sql.DB, error) {
	file, err := os.CreateTemp("", "orlop-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if _, err := io.Copy(file, until.Reader(ctx, image.Reader())); err != nil {
		return nil, err
	}
	if _, err := file.WriteAt([]byte{rollback, rollback}, 18); err != nil {
		return nil, err
	}
	db, err := connect(fileName(file.Name()) + "?mode=ro&immutable=1")
	if err == nil {
		if err = db.PingContext(ctx); err != nil {
			db.Close()
		}
	}
	return db, err
}

// fileName is a file for the driver.
func fileName(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// headerSize is that of SQLite's file header, in bytes.
const headerSize = 100
