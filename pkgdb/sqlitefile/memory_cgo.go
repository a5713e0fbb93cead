// SPDX-License-Identifier: BSD-2-Clause

//go:build cgo

package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Available reports whether this program has SQLite, which is C.
const Available = true

// deserialize makes image the database in memory.
func deserialize(ctx context.Context, db *sql.DB, image []byte) error {
	return withConn(ctx, db, func(c *sqlite3.SQLiteConn) error { return c.Deserialize(image, "main") })
}

// confine leaves a connection no more than reading needs. It stands in for
// SQLITE_DBCONFIG_DEFENSIVE, which the driver cannot set, and which keeps SQL from
// damaging a file; here no SQL writes, and none comes from the file.
func confine(ctx context.Context, db *sql.DB) error {
	return withConn(ctx, db, func(c *sqlite3.SQLiteConn) error {
		for id, most := range map[int]int{
			sqlite3.SQLITE_LIMIT_LENGTH:          maxValue,
			sqlite3.SQLITE_LIMIT_SQL_LENGTH:      maxSchema,
			sqlite3.SQLITE_LIMIT_COLUMN:          200,
			sqlite3.SQLITE_LIMIT_EXPR_DEPTH:      50,
			sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 10,
			sqlite3.SQLITE_LIMIT_ATTACHED:        0,
			sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 10,
			sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH:   1,
			sqlite3.SQLITE_LIMIT_WORKER_THREADS:  0,
		} {
			c.SetLimit(id, most)
		}
		c.RegisterAuthorizer(allowed)
		return nil
	})
}

// allowed allows statements that read tables or check them.
func allowed(action int, name, _, _ string) int {
	switch action {
	case sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ:
		return sqlite3.SQLITE_OK
	case sqlite3.SQLITE_PRAGMA:
		if name == "integrity_check" || name == "table_xinfo" {
			return sqlite3.SQLITE_OK
		}
	}
	return sqlite3.SQLITE_DENY
}

// busy reports whether another process has locked the database.
func busy(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

// Unfit reports whether the error is that a row does not fit its table, rather than
// of a disk, say.
func Unfit(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && (e.Code == sqlite3.ErrConstraint || e.Code == sqlite3.ErrMismatch || e.Code == sqlite3.ErrTooBig)
}

// ofDisk returns an error of the system where SQLite has a name of its own for it: that
// of a full disk, or of one that cannot be written.
func ofDisk(path string, err error) error {
	e, ok := errors.AsType[sqlite3.Error](err)
	switch {
	case ok && e.Code == sqlite3.ErrFull:
		return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
	case ok && e.SystemErrno != 0:
		return &fs.PathError{Op: "use", Path: path, Err: e.SystemErrno}
	}
	return err
}

func withConn(ctx context.Context, db *sql.DB, do func(*sqlite3.SQLiteConn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error { return do(c.(*sqlite3.SQLiteConn)) })
}
