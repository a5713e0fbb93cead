// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/orlop/orlop/pkgdb/until"
)

// MaxFile bounds a database, which is held in memory. That of a desktop with a
// thousand packages has some 100 MB.
const MaxFile = 1 << 30

// journals are the files that SQLite may leave beside a database, with changes
// that are not in it yet or have to be undone.
var journals = []string{"-wal", "-journal"}

// Read returns the bytes of the database in a file, with what its journals
// hold taken in. The files stay as they are. A file with nothing of a database in
// it is not one that is damaged.
func Read(ctx context.Context, path string) ([]byte, error) {
	image, err := read(ctx, path)
	// A database that is new may be in its journal as yet.
	if err == nil && pending(path) && (len(image) == 0 || begins(image)) {
		image, err = readWhole(ctx, path, image)
	}
	if err == nil && !begins(image) {
		err = fmt.Errorf("%s: is no SQLite database, wanted pkg's local.sqlite", path)
	}
	if err != nil {
		return nil, err
	}
	return image, nil
}

// pending reports whether journals of a database hold something.
func pending(path string) bool {
	return slices.ContainsFunc(journals, func(suffix string) bool {
		info, err := os.Stat(path + suffix)
		return err == nil && info.Size() > 0
	})
}

// readWhole takes journals into a copy of a database.
func readWhole(ctx context.Context, path string, image []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "orlop-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	whole := filepath.Join(dir, "db")
	if err := lay(ctx, whole, image); err != nil {
		return nil, err
	}
	for _, suffix := range journals {
		text, err := read(ctx, path+suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = lay(ctx, whole+suffix, text)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := fold(ctx, whole); err != nil {
		return nil, &FormatError{fmt.Errorf("%s: %w", path, err)}
	}
	return read(ctx, whole)
}

func read(ctx context.Context, path string) ([]byte, error) {
	f, err := until.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(text) > MaxFile {
		err = &FormatError{fmt.Errorf("%s: has more than %d bytes", path, MaxFile)}
	}
	return text, err
}

// lay makes a file that need not last.
func lay(ctx context.Context, path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, until.Reader(ctx, bytes.NewReader(text)))
	return err
}

// fold makes the journals of a database part of it.
func fold(ctx context.Context, path string) error {
	db, err := seize(ctx, path)
	if err != nil {
		return err
	}
	if err := until.Try(ctx, db.Close); err != nil { // which takes a write-ahead log in
		return err
	}
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return errors.New("its write-ahead log cannot be taken in")
	}
	return nil
}

// severalMagic ends a rollback journal that names another one, of a change to
// several databases at once. pkg makes no such change, and SQLite would open
// the file of that name.
const severalMagic = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"

// alone wants a journal that names no other.
func alone(journal string) error {
	f, err := os.Open(journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := make([]byte, len(severalMagic))
	if n, err := f.ReadAt(end, max(0, info.Size()-int64(len(end)))); n < len(end) {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	if string(end) == severalMagic {
		return errors.New("its journal names a journal of several databases, wanted one of its own")
	}
	return nil
}

// seize opens a database and undoes what a writer that was killed has left. Until
// it is closed no other process can read or write there. The schema, which may be
// anybody's, is not read but by a statement of the caller's.
func seize(ctx context.Context, path string, statements ...string) (*sql.DB, error) {
	if err := alone(path + "-journal"); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=rw&_busy_timeout="+fmt.Sprint(lockStep.Milliseconds()))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	for _, statement := range append(append([]string{"PRAGMA locking_mode = EXCLUSIVE"}, statements...), "BEGIN EXCLUSIVE") {
		if err := insist(ctx, db, statement); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// A lock of another process is waited for lockPatience long, in steps between which a
// signal ends the wait: SQLite itself goes on waiting.
const (
	lockPatience = 5 * time.Second
	lockStep     = 50 * time.Millisecond
)

// insist executes a statement, after others are done with the database.
func insist(ctx context.Context, db *sql.DB, statement string) error {
	for tries := lockPatience / lockStep; ; tries-- {
		_, err := db.ExecContext(ctx, statement)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !busy(err) || tries == 0 {
			return err
		}
	}
}

// noLog takes a write-ahead log in for good. For that SQLite reads the schema.
const noLog = "PRAGMA journal_mode = DELETE"

// Write puts the bytes of a database at path, complete or not at all. An
// older database there keeps its mode and its journals go; while a pkg is at
// work on it that is an error, and so is anything there but a regular file.
func Write(ctx context.Context, path string, image []byte) error {
	mode := fs.FileMode(0o644) // pkg refuses a database that others can write
	switch info, err := os.Lstat(path); {
	case err == nil && !info.Mode().IsRegular():
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("is no regular file")}
	case err == nil && info.Size() > 0:
		mode = info.Mode().Perm()
		old, err := Read(ctx, path)
		if err != nil {
			return err
		}
		if _, err := Schema(old); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		db, err := seize(ctx, path, noLog)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		defer db.Close()
		// What is left of a journal after that is stale, and must not be there
		// when another database takes the place.
		if err := os.Remove(path + "-journal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".orlop-part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	defer part.Close()
	disk := until.NewDisk(ctx, part)
	if _, err := disk.Write(image); err != nil {
		return err
	}
	if err := errors.Join(part.Chmod(mode), disk.Finish(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

// FormatError is a database that is damaged, or none of pkg's.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return "pkg database: " + e.Err.Error() }

// Wrong reports that bytes are there and wrong.
func (*FormatError) Wrong() bool { return true }

// Unwrap returns the fault itself.
func (e *FormatError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *FormatError) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), "pkg database", "", ""
}
