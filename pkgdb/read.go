// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// DB is a database that is only read.
type DB struct{ db *sql.DB }

// FormatError is a database that is damaged or none at all.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return "pkg database: " + e.Err.Error() }

// Unwrap returns the fault itself.
func (e *FormatError) Unwrap() error { return e.Err }

// Open takes the bytes of a database.
func Open(image []byte) (*DB, error) {
	if len(image) < 100 || string(image[:16]) != "SQLite format 3\x00" {
		return nil, &FormatError{errors.New("is not a SQLite database")}
	}
	image = slices.Clone(image)
	image[18], image[19] = rollback, rollback // bytes in memory have no write-ahead log beside them
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err = deserialize(db, image); err == nil {
		_, err = db.Exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON")
	}
	if err != nil {
		db.Close()
		return nil, &FormatError{err}
	}
	return &DB{db}, nil
}

// Close frees the memory.
func (d *DB) Close() error { return d.db.Close() }

// Package is a row of packages.
type Package struct {
	Name, Version, Origin, ABI string
	Automatic                  bool
	Files                      []File // by path
	Dirs                       []Dir  // by path
}

// File is a row of files. Known is false where the row has no attributes, as
// for packages from before pkg 2.4.
type File struct {
	Path, Sum    string
	Known        bool
	Uname, Gname string
	Perm         uint32
	Flags        uint32
	Time         int64
	Link         string
}

// Dir is a row of directories.
type Dir struct {
	Path         string
	Known        bool
	Uname, Gname string
	Perm         uint32
	Flags        uint32
}

// Check runs SQLite's own checks of structure and references.
func (d *DB) Check() error {
	var errs []error
	for _, pragma := range []string{"integrity_check", "foreign_key_check"} {
		rows, err := d.db.Query("PRAGMA " + pragma)
		if err != nil {
			return &FormatError{fmt.Errorf("%s: %w", pragma, err)}
		}
		cols, _ := rows.Columns()
		for rows.Next() {
			vals := make([]sql.NullString, len(cols))
			ptrs := make([]any, len(cols))
			for i := range vals {
				ptrs[i] = &vals[i]
			}
			if err := rows.Scan(ptrs...); err != nil {
				errs = append(errs, err)
			} else if vals[0].String != "ok" {
				errs = append(errs, &FormatError{fmt.Errorf("%s: %v", pragma, vals)})
			}
		}
		errs = append(errs, rows.Err())
		rows.Close()
	}
	return errors.Join(errs...)
}

// Packages returns what is installed, by name, with files and directories.
func (d *DB) Packages() ([]Package, error) {
	var pkgs []Package
	at := map[int64]int{}
	err := d.each("SELECT id, name, version, origin, arch, automatic FROM packages ORDER BY name", func(scan scanner) error {
		var id int64
		var p Package
		if err := scan(&id, &p.Name, &p.Version, &p.Origin, &p.ABI, &p.Automatic); err != nil {
			return err
		}
		at[id] = len(pkgs)
		pkgs = append(pkgs, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	owner := func(id int64, path string) (*Package, error) {
		i, ok := at[id]
		if !ok {
			return nil, fmt.Errorf("%s: belongs to package %d, which is not there", path, id)
		}
		return &pkgs[i], nil
	}
	if err := d.files(owner); err != nil {
		return nil, err
	}
	return pkgs, d.dirs(owner)
}

func (d *DB) files(owner func(int64, string) (*Package, error)) error {
	return d.each("SELECT path, sha256, uname, gname, perm, fflags, mtime, symlink_target, package_id FROM files ORDER BY path", func(scan scanner) error {
		var f File
		var id int64
		var uname, gname, link, typed sql.NullString
		var mtime, perm, flags sql.NullInt64
		if err := scan(&f.Path, &typed, &uname, &gname, &perm, &flags, &mtime, &link, &id); err != nil {
			return err
		}
		f.Sum, f.Known, f.Uname, f.Gname, f.Link = typed.String, uname.Valid, uname.String, gname.String, link.String
		f.Perm, f.Flags, f.Time = uint32(perm.Int64), uint32(flags.Int64), mtime.Int64
		p, err := owner(id, f.Path)
		if err == nil {
			p.Files = append(p.Files, f)
		}
		return err
	})
}

func (d *DB) dirs(owner func(int64, string) (*Package, error)) error {
	return d.each("SELECT path, uname, gname, perm, fflags, package_id FROM pkg_directories JOIN directories ON id = directory_id ORDER BY path", func(scan scanner) error {
		var dir Dir
		var id int64
		var uname, gname sql.NullString
		var perm, flags sql.NullInt64
		if err := scan(&dir.Path, &uname, &gname, &perm, &flags, &id); err != nil {
			return err
		}
		dir.Known, dir.Uname, dir.Gname = uname.Valid, uname.String, gname.String
		dir.Perm, dir.Flags = uint32(perm.Int64), uint32(flags.Int64)
		p, err := owner(id, dir.Path)
		if err == nil {
			p.Dirs = append(p.Dirs, dir)
		}
		return err
	})
}

type scanner = func(...any) error

// each calls row for every row of a query.
func (d *DB) each(query string, row func(scan scanner) error) error {
	rows, err := d.db.Query(query)
	if err != nil {
		return &FormatError{err}
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return &FormatError{err}
		}
	}
	if err := rows.Err(); err != nil {
		return &FormatError{err}
	}
	return nil
}
