// SPDX-License-Identifier: BSD-2-Clause

//go:build cgo

package pkgdb

import (
	"context"
	"database/sql"

	"github.com/mattn/go-sqlite3"
)

// serialize returns the bytes of the file that the database in memory would be.
func serialize(db *sql.DB) (image []byte, err error) {
	err = withConn(db, func(c *sqlite3.SQLiteConn) (err error) {
		image, err = c.Serialize("main")
		return err
	})
	return image, err
}

// deserialize makes image the database in memory.
func deserialize(db *sql.DB, image []byte) error {
	return withConn(db, func(c *sqlite3.SQLiteConn) error { return c.Deserialize(image, "main") })
}

func withConn(db *sql.DB, do func(*sqlite3.SQLiteConn) error) error {
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error { return do(c.(*sqlite3.SQLiteConn)) })
}
