// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/orlop/orlop/pkgdb/until"
)

// MaxFile bounds a database, in bytes. That of a desktop with a thousand packages
// takes about 100 MB.
const MaxFile = 1 << 30

// journals are the files that SQLite may leave next to a database, with changes
// to apply or to undo.
var journals = []string{"-wal", "-journal"}

// Read returns the database in a file, with its journals applied. The files stay
// unchanged. A file that has nothing of a database is not reported as a damaged
// one.
func Read(ctx context.Context, path string) (*Image, error) {
	image, err := read(ctx, path)
	if err != nil {
		return nil, err
	}
	is, err := isDatabase(image)
	// A new database may still be only in its journal.
	if err == nil && pending(path) && (image.Size() == 0 || is) {
		if image, err = readWhole(ctx, path, image); err == nil {
			is, err = isDatabase(image)
		}
	}
	if err == nil && !is {
		err = fmt.Errorf("%s: is not an SQLite database, wanted pkg's local.sqlite", path)
	}
	if err != nil {
		image.Close()
		return nil, err
	}
	return image, nil
}

// isDatabase reports whether an image begins like a database.
func isDatabase(image *Image) (bool, error) {
	head, err := headerOf(image)
	return begins(head), err
}

// pending reports whether journals of a database hold something.
func pending(path string) bool {
	return slices.ContainsFunc(journals, func(suffix string) bool {
		info, err := os.Stat(path + suffix)
		return err == nil && info.Size() > 0
	})
}

// readWhole applies journals to a copy of a database, whose image it closes.
func readWhole(ctx context.Context, path string, image *Image) (*Image, error) {
	defer image.Close()
	beside := map[string]*Image{}
	defer func() {
		for _, journal := range beside {
			journal.Close()
		}
	}()
	for _, suffix := range journals {
		journal, err := read(ctx, path+suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		beside[suffix] = journal
	}
	whole, err := Fold(ctx, image, beside)
	if format, is := errors.AsType[*FormatError](err); is {
		err = &FormatError{fmt.Errorf("%s: %w", path, format.Err)}
	}
	return whole, err
}

// Fold returns a database with its journals applied. They are named by what SQLite adds to
// the name of the database: "-wal" or "-journal".
func Fold(ctx context.Context, image *Image, beside map[string]*Image) (*Image, error) {
	dir, err := os.MkdirTemp("", "orlop-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	whole := filepath.Join(dir, "db")
	if err := lay(ctx, whole, image); err != nil {
		return nil, err
	}
	for suffix, journal := range beside {
		if err := lay(ctx, whole+suffix, journal); err != nil {
			return nil, err
		}
	}
	if err := fold(ctx, whole); err != nil {
		return nil, &FormatError{err}
	}
	return read(ctx, whole)
}

func read(ctx context.Context, path string) (*Image, error) {
	f, err := until.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	image, err := Collect(ctx, f)
	if large, ok := errors.AsType[*FormatError](err); ok {
		err = &FormatError{fmt.Errorf("%s: %w", path, large.Err)}
	}
	return image, err
}

// lay writes a temporary file.
func lay(ctx context.Context, path string, image *Image) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, until.Reader(ctx, image.Reader()))
	return err
}

// fold merges the journals of a database into it.
func fold(ctx context.Context, path string) error {
	db, err := seize(ctx, path)
	if err != nil {
		return err
	}
	if err := until.Try(ctx, db.Close); err != nil { // which checkpoints a write-ahead log
		return err
	}
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return errors.New("its write-ahead log cannot be checkpointed")
	}
	return nil
}

// superMagic ends a rollback journal that names a super-journal, of a change to
// several databases at once. pkg makes no such change, and SQLite would open the
// file of that name.
const superMagic = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"

// alone requires a journal that names no other.
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
	end := make([]byte, len(superMagic))
	if n, err := f.ReadAt(end, max(0, info.Size()-int64(len(end)))); n < len(end) {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	if string(end) == superMagic {
		return errors.New("its journal names a super-journal of several databases, wanted none")
	}
	return nil
}

// seize opens a database and undoes what a killed writer left. Until it is
// closed no other process can read or write it. The schema, which is untrusted,
// is read only by the caller's statements.
func seize(ctx context.Context, path string, statements ...string) (*sql.DB, error) {
	if err := alone(path + "-journal"); err != nil {
		return nil, err
	}
	db, err := connect(fileName(path) + "?mode=rw&_busy_timeout=" + fmt.Sprint(lockStep.Milliseconds()))
	if err != nil {
		return nil, err
	}
	for _, statement := range append(append([]string{"PRAGMA locking_mode = EXCLUSIVE"}, statements...), "BEGIN EXCLUSIVE") {
		if err := insist(ctx, db, statement); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// The wait for a lock of another process lasts at most lockPatience, in steps
// between which a signal ends it: SQLite itself goes on waiting.
const (
	lockPatience = 5 * time.Second
	lockStep     = 50 * time.Millisecond
)

// insist executes a statement, waiting for other users of the database.
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

// noLog checkpoints and removes a write-ahead log. For that SQLite reads the
// schema.
const noLog = "PRAGMA journal_mode = DELETE"

// Write puts the bytes of a database at path, completely or not at all. An older
// database there keeps its mode and loses its journals; if a pkg is working on
// it that is an error, and so is anything there but a regular file.
func Write(ctx context.Context, path string, image *Image) error {
	mode := fs.FileMode(0o644) // pkg refuses a database that others can write
	switch info, err := os.Lstat(path); {
	case err == nil && !info.Mode().IsRegular():
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("is not a regular file")}
	case err == nil && info.Size() > 0:
		mode = info.Mode().Perm()
		old, err := Read(ctx, path)
		if err != nil {
			return err
		}
		_, err = Schema(old)
		if err = errors.Join(err, old.Close()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		db, err := seize(ctx, path, noLog)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		defer db.Close()
		// What is left of a journal after that is stale, and must be gone when
		// another database takes its place.
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
	if _, err := io.Copy(disk, image.Reader()); err != nil {
		return err
	}
	if err := errors.Join(part.Chmod(mode), disk.Finish(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

// FormatError is a database that is damaged, or not pkg's.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return "pkg database: " + e.Err.Error() }

// Wrong reports that the bytes exist and are wrong.
func (*FormatError) Wrong() bool { return true }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *FormatError) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), "pkg database", "", ""
}
