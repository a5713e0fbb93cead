// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// errNoSQLite is reported at once: SQLite is C, and Go leaves C out when it builds
// for another machine, unless CGO_ENABLED=1 is set.
var errNoSQLite = errors.New("this orlop was built with CGO_ENABLED=0, so it has no SQLite, which pkg's database needs; build it with CGO_ENABLED=1 and a C compiler")

// needSQLite runs first in commands that read or write pkg's database.
func needSQLite(*cli.Context) error {
	if !sqlitefile.Available {
		return errNoSQLite
	}
	return nil
}

// needSQLiteToCompare is needSQLite for commands whose status 1 means that two
// things differ.
func needSQLiteToCompare(c *cli.Context) error {
	if err := needSQLite(c); err != nil {
		return &troubleError{err}
	}
	return nil
}
