// SPDX-License-Identifier: BSD-2-Clause

//go:build !cgo

package sqlitefile

import (
	"database/sql"
	"errors"

	_ "github.com/mattn/go-sqlite3" // the driver's name, which then says the same
)

// Available reports whether this program has SQLite, which is C.
const Available = false

// errNoCgo lets a build without cgo be vetted, for other systems.
var errNoCgo = errors.New("this orlop was built without cgo, which SQLite needs")

func serialize(*sql.DB) ([]byte, error) { return nil, errNoCgo }

func deserialize(*sql.DB, []byte) error { return errNoCgo }

func confine(*sql.DB) error { return errNoCgo }

func busy(error) bool { return false }
