// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// These constants are in every database and so decide bytes of images.
const (
	pageSize      = 4096      // bytes, pkg's own
	changeCounter = 1         // header bytes 24–27 and 92–95: as if written once
	sqliteVersion = 3_053_004 // header bytes 96–99: the SQLite of pkg 2.8.99
	rollback      = 1         // header bytes 18 and 19: no write-ahead log
)

// Draft is a database in the making. It is in a file, so that SQLite holds only
// some of its pages in memory; if that is lost, so is the draft.
type Draft struct {
	dir  string // its own
	conn *sql.Conn
	db   *sql.DB
}

// New makes an empty database of the tables that statements create, in a new
// folder within dir; "" for the system's folder for temporary files.
func New(ctx context.Context, dir string, statements []string, version int) (*Draft, error) {
	dir, err := os.MkdirTemp(dir, "orlop-")
	if err != nil {
		return nil, err
	}
	d := &Draft{dir: dir}
	if d.db, err = connect(fileName(filepath.Join(dir, "draft"))); err == nil {
		d.conn, err = d.db.Conn(ctx)
	}
	for _, statement := range append([]string{
		fmt.Sprintf("PRAGMA page_size = %d", pageSize),
		"PRAGMA auto_vacuum = NONE",
		"PRAGMA encoding = 'UTF-8'",
		"PRAGMA secure_delete = ON",    // no leftovers in free space
		"PRAGMA journal_mode = MEMORY", // of what one transaction makes it holds nothing, but a statement can be undone
		"PRAGMA synchronous = OFF",
		fmt.Sprintf("PRAGMA user_version = %d", version),
		"BEGIN",
	}, statements...) {
		if err == nil {
			err = d.Exec(ctx, statement)
		}
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close removes the draft.
func (d *Draft) Close() error {
	var errs []error
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}

// Exec executes a statement.
func (d *Draft) Exec(ctx context.Context, statement string) error {
	return d.exec(ctx, statement, statement)
}

// exec executes a statement, which errors call by a name.
func (d *Draft) exec(ctx context.Context, name, statement string, args ...any) error {
	if err := ctx.Err(); err != nil { // which a connection does not look at before it begins
		return err
	}
	if _, err := d.conn.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", name, ofDisk(d.dir, err))
	}
	return nil
}

// batch is how many rows one statement adds. Each call of SQLite costs as much as
// a row.
const batch = 64

// Insert adds rows to a table, of values that row sets. It returns how many it has
// added; where the next row does not fit the table, the error is Unfit.
func (d *Draft) Insert(ctx context.Context, table string, columns, rows int, row func(n int, values []Value)) (added int, err error) {
	err = d.conn.Raw(func(c any) error {
		i := &inserter{conn: c.(driver.Conn), table: table, columns: columns, row: row}
		defer func() { added = i.added }()
		if err := i.insert(ctx, batch, rows); err != nil && !Unfit(err) {
			return err
		}
		return i.insert(ctx, 1, rows) // the rest; or the rows of a statement that failed, up to the one at fault
	})
	return added, ofDisk(d.dir, err)
}

// inserter adds the rows of a table.
type inserter struct {
	conn    driver.Conn
	table   string
	columns int
	row     func(n int, values []Value)
	added   int
}

// insert adds rows by statements for so many each, as long as there are so many.
func (i *inserter) insert(ctx context.Context, each, rows int) error {
	if i.added+each > rows {
		return nil
	}
	one := "(?" + strings.Repeat(", ?", i.columns-1) + ")"
	statement, err := i.conn.Prepare("INSERT INTO " + Quoted(i.table) + " VALUES " + one + strings.Repeat(", "+one, each-1))
	if err != nil {
		return err
	}
	defer statement.Close()
	args := make([]driver.NamedValue, each*i.columns)
	for k := range args {
		args[k].Ordinal = k + 1
	}
	values, before := make([]Value, i.columns), make([]Value, i.columns)
	boxes := make([]any, i.columns) // of before
	for ; i.added+each <= rows; i.added += each {
		for n := range each {
			if err := ctx.Err(); err != nil {
				return err
			}
			i.row(i.added+n, values)
			for k, v := range values {
				if v != before[k] { // rows often have a value of the one before
					before[k], boxes[k] = v, v.driver()
				}
				args[n*i.columns+k].Value = boxes[k]
			}
		}
		// Without the context: for one that can end, the driver would start a
		// goroutine each time.
		if _, err := statement.(driver.StmtExecContext).ExecContext(context.Background(), args); err != nil {
			return err
		}
	}
	return nil
}

// Quoted is a name in SQL.
func Quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Settle rebuilds the database page by page and returns it with a constant
// header, in a file without a name. Statements is the number that created it.
func (d *Draft) Settle(ctx context.Context, statements int) (*Image, error) {
	if err := d.Exec(ctx, "COMMIT"); err != nil {
		return nil, err
	}
	path := filepath.Join(d.dir, "settled")
	if err := d.exec(ctx, "vacuum", "VACUUM INTO ?", path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	size, err := d.finish(file, statements)
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Image{file: file, size: size}, nil
}

// finish makes the header constant, and takes the name from the file.
func (d *Draft) finish(file *os.File, statements int) (size int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	head := make([]byte, headerSize)
	if _, err := file.ReadAt(head, 0); err != nil {
		return 0, err
	}
	head[18], head[19] = rollback, rollback
	binary.BigEndian.PutUint32(head[24:], changeCounter)
	// The schema cookie counts changes of the schema: here the statements that
	// created the database, as when libpkg creates one.
	binary.BigEndian.PutUint32(head[40:], uint32(statements))
	binary.BigEndian.PutUint32(head[92:], changeCounter)
	binary.BigEndian.PutUint32(head[96:], sqliteVersion)
	if _, err := file.WriteAt(head, 0); err != nil {
		return 0, err
	}
	return info.Size(), os.Remove(file.Name())
}
