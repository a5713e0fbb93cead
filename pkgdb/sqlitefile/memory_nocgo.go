// SPDX-License-Identifier: BSD-2-Clause

//go:build !cgo

package sqlitefile

import (
	"context"
	"database/sql"
	"errors"

	_ "github.com/mattn/go-sqlite3" // the driver's name, which then reports the same
)

// Available reports whether this program has SQLite, which is C.
const Available = false

// errNoCgo lets a build without cgo be vetted, for other systems.
var errNoCgo = errors.New("this orlop was built without cgo, which SQLite needs")

func deserialize(context.Context, *sql.DB, []byte) error { return errNoCgo }

func confine(context.Context, *sql.DB) error { return errNoCgo }

func ofDisk(_ string, err error) error { return err }

func busy(error) bool { return false }

// Unfit reports whether the error is that a row does not fit its table.
func Unfit(error) bool { return false }
