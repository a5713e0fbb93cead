// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// errNoSQLite is told at once: SQLite is C, and Go leaves C out of a program for
// another machine unless it is told otherwise.
var errNoSQLite = errors.New("this orlop was built with CGO_ENABLED=0, so it has no SQLite, which pkg's database needs; build it with CGO_ENABLED=1 and a C compiler")

// needSQLite is the first step of commands that read or write pkg's database.
func needSQLite(*cli.Context) error {
	if !sqlitefile.Available {
		return errNoSQLite
	}
	return nil
}

// needSQLiteToCompare does so where status 1 says that two things differ.
func needSQLiteToCompare(c *cli.Context) error {
	if err := needSQLite(c); err != nil {
		return &troubleError{err}
	}
	return nil
}
