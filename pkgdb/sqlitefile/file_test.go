// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// busy is a database in a file that another process, as it were, has open: what it
// writes is in a journal.
func busy(t testing.TB, path, mode string, statements ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	exec(t, db, append([]string{"PRAGMA journal_mode = " + mode, "PRAGMA synchronous = OFF", "PRAGMA wal_autocheckpoint = 0"}, statements...)...)
	return db
}

// copied is a folder with the files of a database as they are, as after a crash.
func copied(t testing.TB, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "local.sqlite")
	for suffix, text := range around(t, path) {
		put(t, to+suffix, text)
	}
	return to
}

// around are a database and what lies beside it, by what follows its name.
func around(t testing.TB, path string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(e.Name(), filepath.Base(path))] = string(text)
	}
	return files
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// written is a database of rows in a file.
func written(t testing.TB, rows ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "local.sqlite")
	put(t, path, string(sample(t, rows...)))
	return path
}

// inLog is a database whose last row is in a write-ahead log only.
func inLog(t testing.TB) string {
	path := written(t, "a")
	busy(t, path, "WAL", "INSERT INTO t VALUES ('b')")
	return copied(t, path)
}

// inJournal is a database of a writer that was killed in the middle of a change: the
// row before it is in the journal only.
func inJournal(t testing.TB) string {
	path := written(t, "a")
	db := busy(t, path, "DELETE", "PRAGMA cache_size = 1", "BEGIN", "UPDATE t SET name = 'changed'", "CREATE TABLE more (a)")
	exec(t, db, "PRAGMA cache_spill = 1")
	for range 50 {
		exec(t, db, "INSERT INTO more VALUES ('"+strings.Repeat("x", 3000)+"')")
	}
	return copied(t, path)
}

// TestRead takes in what the journals hold, and leaves all files as they are.
func TestRead(t *testing.T) {
	t.Parallel()
	inNoFile := filepath.Join(t.TempDir(), "local.sqlite") // a new one, of which the file has no table yet
	busy(t, inNoFile, "WAL", "CREATE TABLE t (name TEXT)", "INSERT INTO t VALUES ('a')")
	young := copied(t, inNoFile)
	empty := written(t, "a")
	put(t, empty+"-journal", "")
	put(t, empty+"-wal", "")
	short := written(t, "a") // of which nothing was written but the beginning of a header
	put(t, short+"-journal", "\xd9\xd5\x05")
	stale := written(t, "a") // of a writer that has put its journal out of use
	put(t, stale+"-journal", strings.Repeat("\x00", 512))
	for name, tt := range map[string]struct {
		path string
		want []string
	}{
		"no journal": {written(t, "a", "b"), []string{"a", "b"}}, "empty journals": {empty, []string{"a"}}, "a cut journal": {short, []string{"a"}}, "a stale journal": {stale, []string{"a"}},
		"a write-ahead log": {inLog(t), []string{"a", "b"}}, "a hot journal": {inJournal(t), []string{"a"}}, "all but the header in a log": {young, []string{"a"}},
	} {
		before := around(t, tt.path)
		image, err := sqlitefile.Read(t.Context(), tt.path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := rows(t, text(t, image)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
		if d := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(around(t, tt.path)))); d != "" || !maps.Equal(before, around(t, tt.path)) {
			t.Errorf("%s: the files have changed (-want +got):\n%s", name, d)
		}
	}
}

// TestReadJournalMatters proves that the cases of TestRead are none without their
// journals.
func TestReadJournalMatters(t *testing.T) {
	t.Parallel()
	log, journal := inLog(t), inJournal(t)
	if err := errors.Join(os.Remove(log+"-wal"), os.Remove(journal+"-journal")); err != nil {
		t.Fatal(err)
	}
	image, err := sqlitefile.Read(t.Context(), log)
	if err != nil || !slices.Equal(rows(t, text(t, image)), []string{"a"}) {
		t.Errorf("without its log: got %v, want the first row only", err)
	}
	if image, err = sqlitefile.Read(t.Context(), journal); err != nil {
		t.Fatal(err)
	}
	if db, err := sqlitefile.Open(t.Context(), image); err == nil {
		defer db.Close()
		if got := query(t, db, "SELECT name FROM t"); slices.Equal(got, []string{"a"}) {
			t.Errorf("without its journal: got %q, want what the writer had begun", got)
		}
	}
}

// TestReadLeavesNoCopy takes journals in somewhere else, of which nothing stays.
func TestReadLeavesNoCopy(t *testing.T) {
	dir := t.TempDir()
	path := inLog(t)
	t.Setenv("TMPDIR", dir)
	if _, err := sqlitefile.Read(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing", left, err)
	}
}

// TestReadRefuses tells a database that is damaged from what is none, and from what
// is not there.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	several := inJournal(t)
	journal, err := os.ReadFile(several + "-journal")
	if err != nil {
		t.Fatal(err)
	}
	put(t, several+"-journal", string(journal)+"name\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
	text := filepath.Join(t.TempDir(), "text")
	put(t, text, "no database\n")
	put(t, text+"-journal", "no journal")
	nothing := filepath.Join(t.TempDir(), "nothing")
	put(t, nothing, "")
	for name, tt := range map[string]struct {
		path, want string
		damaged    bool
	}{
		"a journal of several databases": {several, "its journal names a super-journal of several databases, wanted none", true},
		"a text":                         {text, text + ": is not an SQLite database, wanted pkg's local.sqlite", false},
		"an empty file":                  {nothing, nothing + ": is not an SQLite database, wanted pkg's local.sqlite", false},
		"a folder":                       {t.TempDir(), "is a directory", false},
		"nothing":                        {filepath.Join(t.TempDir(), "x"), "no such file or directory", false},
	} {
		image, err := sqlitefile.Read(t.Context(), tt.path)
		if image != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, %v, want %s", name, image, err, tt.want)
		}
		if _, wrong := errors.AsType[*sqlitefile.FormatError](err); wrong != tt.damaged {
			t.Errorf("%s: got a %T", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{written(t, "a"), inLog(t)} {
		if _, err := sqlitefile.Read(ctx, path); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end of the context: got %v", err)
		}
	}
}

func TestFormatError(t *testing.T) {
	t.Parallel()
	bang := errors.New("bang")
	err := &sqlitefile.FormatError{Err: bang}
	what, where, found, wanted := err.Parts()
	if err.Error() != "pkg database: bang" || !errors.Is(err, bang) || !err.Wrong() || what != "bang" || where != "pkg database" || found+wanted != "" {
		t.Errorf("got %v, %q, %q", err, what, where)
	}
}

// TestWrite puts a database where none is, an empty file, or an older one whose mode
// it takes over; journals go.
func TestWrite(t *testing.T) {
	t.Parallel()
	private, open := written(t, "a"), written(t, "a")
	if err := errors.Join(os.Chmod(private, 0o600), os.Chmod(open, 0o666)); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "local.sqlite")
	put(t, empty, "")
	logged := inLog(t)
	if err := os.Chmod(logged, 0o640); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path string
		mode fs.FileMode
	}{
		"a new one": {filepath.Join(t.TempDir(), "local.sqlite"), 0o644}, "an empty file": {empty, 0o644}, "a private one": {private, 0o600},
		"an open one": {open, 0o666}, "one with a log": {logged, 0o640}, "one with a journal": {inJournal(t), 0o600},
	} {
		want := sample(t, "new")
		if err := sqlitefile.Write(t.Context(), tt.path, sqlitefile.NewImage(want)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(map[string]string{"": string(want)}, around(t, tt.path)); d != "" {
			t.Errorf("%s: the folder has other files (-want +got):\n%.500s", name, d)
		}
		if info, err := os.Stat(tt.path); err != nil || info.Mode() != tt.mode {
			t.Errorf("%s: mode is %v, want %v", name, info.Mode(), tt.mode)
		}
	}
}

// TestWriteRefuses leaves whatever is there as it is.
func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link, dangling, folder := filepath.Join(dir, "link"), filepath.Join(dir, "dangling"), filepath.Join(dir, "folder")
	text, damaged := filepath.Join(dir, "text"), filepath.Join(dir, "damaged")
	target := written(t, "a")
	if err := errors.Join(os.Symlink(target, link), os.Symlink("nowhere", dangling), os.Mkdir(folder, 0o755)); err != nil {
		t.Fatal(err)
	}
	put(t, text, "a text\n")
	image := sample(t, "a")
	image[100] = 10
	put(t, damaged, string(image))
	for path, want := range map[string]string{
		link: "is not a regular file", dangling: "is not a regular file", folder: "is not a regular file", text: "is not an SQLite database, wanted pkg's local.sqlite",
		damaged: "schema: page 1 is of type 10", filepath.Join(dir, "x/y"): "no such file or directory",
	} {
		if err := sqlitefile.Write(t.Context(), path, sqlitefile.NewImage(sample(t, "new"))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	for path, want := range map[string]string{text: "a text\n", damaged: string(image), target: string(sample(t, "a"))} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: has changed, %v", path, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 5 {
		t.Errorf("got %v, %v, want no further files", entries, err)
	}
}

// TestWriteWaits waits for a pkg that is at work on the database, until that is done
// or a signal comes.
func TestWriteWaits(t *testing.T) {
	t.Parallel()
	path := written(t, "a")
	db := busy(t, path, "DELETE", "BEGIN EXCLUSIVE", "INSERT INTO t VALUES ('b')")
	before := around(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := sqlitefile.Write(ctx, path, sqlitefile.NewImage(sample(t, "new"))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked: got %v, want %v", err, context.DeadlineExceeded)
	}
	if !maps.Equal(before, around(t, path)) {
		t.Error("locked: the files have changed")
	}
	done := make(chan error)
	go func() {
		time.Sleep(100 * time.Millisecond)
		_, err := db.Exec("COMMIT")
		done <- errors.Join(err, db.Close())
	}()
	if err := sqlitefile.Write(t.Context(), path, sqlitefile.NewImage(sample(t, "new"))); err != nil {
		t.Errorf("locked for a while: got %v", err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, sample(t, "new")) {
		t.Errorf("got %d bytes, %v, want the new ones", len(got), err)
	}
}

// TestWriteEnds leaves the older database, and no part of the new one, where its
// context has ended.
func TestWriteEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := written(t, "a")
	before := around(t, path)
	for _, name := range []string{path, filepath.Join(filepath.Dir(path), "new")} {
		if err := sqlitefile.Write(ctx, name, sqlitefile.NewImage(sample(t, "new"))); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	}
	if d := cmp.Diff(before, around(t, path)); d != "" {
		t.Errorf("(-want +got):\n%.500s", d)
	}
}
