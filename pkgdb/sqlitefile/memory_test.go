// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// created makes a database.
func created(t testing.TB, statements ...string) *sqlitefile.Draft {
	t.Helper()
	draft, err := sqlitefile.New(t.Context(), t.TempDir(), statements, 42)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { draft.Close() })
	return draft
}

func draw(t testing.TB, draft *sqlitefile.Draft, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := draft.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func exec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func settled(t testing.TB, draft *sqlitefile.Draft, statements int) []byte {
	t.Helper()
	image, err := draft.Settle(t.Context(), statements)
	if err != nil {
		t.Fatal(err)
	}
	return text(t, image)
}

// text are the bytes of an image, which is closed.
func text(t testing.TB, image *sqlitefile.Image) []byte {
	t.Helper()
	text, err := image.Bytes(t.Context())
	if err := errors.Join(err, image.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}

// sample is a database of one table with some rows.
func sample(t testing.TB, rows ...string) []byte {
	t.Helper()
	draft := created(t, "CREATE TABLE t (name TEXT)")
	for _, row := range rows {
		draw(t, draft, "INSERT INTO t VALUES ('"+row+"')")
	}
	return settled(t, draft, 1)
}

// rows are those of table t in the bytes of a database.
func rows(t testing.TB, image []byte) []string {
	t.Helper()
	db, err := sqlitefile.Open(t.Context(), sqlitefile.NewImage(image))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return query(t, db, "SELECT name FROM t")
}

// query is the first column of a result.
func query(t testing.TB, db *sql.DB, text string) []string {
	t.Helper()
	result, err := db.Query(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer result.Close()
	var list []string
	for result.Next() {
		var text string
		if err := result.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list
}

// TestNewRefuses names the statement that SQLite does not take, and leaves nothing.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := sqlitefile.New(t.Context(), dir, []string{"CREATE TABLE t (a)", "CREATE NONSENSE"}, 1); err == nil || !strings.HasPrefix(err.Error(), "CREATE NONSENSE: ") {
		t.Errorf("got %v, want an error that names the statement", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing", left, err)
	}
	if _, err := sqlitefile.New(t.Context(), filepath.Join(dir, "none"), nil, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no folder: got %v", err)
	}
}

// TestDraftLeavesNothing looks at the folder while a draft is made and afterwards.
func TestDraftLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	draft, err := sqlitefile.New(t.Context(), dir, []string{"CREATE TABLE t (name TEXT)"}, 42)
	if err != nil {
		t.Fatal(err)
	}
	image, err := draft.Settle(t.Context(), 1)
	if err := errors.Join(err, draft.Close()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing", left, err)
	}
	if got := text(t, image); len(got) != 2*4096 || int64(len(got)) != image.Size() {
		t.Errorf("got %d of %d bytes without the folder, want two pages", len(got), image.Size())
	}
}

// TestInsert adds values of every kind, and names the row that does not fit.
func TestInsert(t *testing.T) {
	t.Parallel()
	draft := created(t, "CREATE TABLE t (a, b UNIQUE)")
	values := []sqlitefile.Value{{}, {Kind: sqlitefile.Integer, Number: -7}, {Kind: sqlitefile.Real, Number: 0x3ff8 << 48}, {Kind: sqlitefile.Text, Text: "t\x00\xff"}, {Kind: sqlitefile.Text}, {Kind: sqlitefile.Blob, Text: "b"}, {Kind: sqlitefile.Blob}}
	if n, err := draft.Insert(t.Context(), "t", 2, len(values), func(n int, row []sqlitefile.Value) { row[0], row[1] = values[0], values[n] }); n != len(values) || err != nil {
		t.Fatalf("got %d rows, %v", n, err)
	}
	n, err := draft.Insert(t.Context(), "t", 2, 3, func(n int, row []sqlitefile.Value) {
		row[1] = sqlitefile.Value{Kind: sqlitefile.Integer, Number: int64(-n) - 6}
	})
	if n != 1 || !sqlitefile.Unfit(err) || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("got %d rows, %v, want one and that the next is there already", n, err)
	}
	if n, err := draft.Insert(t.Context(), "t", 2, 300, func(n int, row []sqlitefile.Value) { // several rows a statement
		row[0], row[1] = sqlitefile.Value{}, sqlitefile.Value{Kind: sqlitefile.Integer, Number: int64(-n - 1000)}
		if n == 200 {
			row[1].Number = -1003
		}
	}); n != 200 || !sqlitefile.Unfit(err) || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("got %d rows, %v, want that the 201st is there already", n, err)
	}
	draw(t, draft, "DELETE FROM t WHERE b <= -1000")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := draft.Insert(ctx, "t", 2, 3, func(n int, row []sqlitefile.Value) { row[1] = sqlitefile.Value{} }); n != 0 || err != context.Canceled {
		t.Errorf("after the end of the context: got %d rows, %v", n, err)
	}
	db, err := sqlitefile.Open(t.Context(), sqlitefile.NewImage(settled(t, draft, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if d := cmp.Diff([]string{"NULL", "-7", "1.5", "t\x00\xff", "", "b", "", "-6"}, query(t, db, "SELECT CASE WHEN b IS NULL THEN 'NULL' ELSE b END FROM t ORDER BY rowid")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestOpenIsOneDatabase wants two users at once to see the same one: a second
// connection would be an empty database of its own.
func TestOpenIsOneDatabase(t *testing.T) {
	t.Parallel()
	opened, err := sqlitefile.Open(t.Context(), sqlitefile.NewImage(sample(t, "a")))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if most := opened.Stats().MaxOpenConnections; most != 1 {
		t.Errorf("got %d connections, want 1", most)
	}
}

// TestSettleHeader looks at each field of the header that is made constant, and at
// those that others decide (https://www.sqlite.org/fileformat2.html, 1.3).
func TestSettleHeader(t *testing.T) {
	t.Parallel()
	db := created(t, "CREATE TABLE t (name TEXT)")
	draw(t, db, "INSERT INTO t VALUES ('x')", "CREATE TABLE u (a)", "DROP TABLE u", "DELETE FROM t")
	image := settled(t, db, 7)
	for _, f := range []struct {
		name     string
		at, size int
		want     uint64
	}{
		{"page size", 16, 2, 4096}, {"write version", 18, 1, 1}, {"read version", 19, 1, 1}, {"reserved bytes", 20, 1, 0},
		{"change counter", 24, 4, 1}, {"pages", 28, 4, 2}, {"first free page", 32, 4, 0}, {"free pages", 36, 4, 0},
		{"schema cookie", 40, 4, 7}, {"encoding", 56, 4, 1}, {"user version", 60, 4, 42}, {"vacuum", 64, 4, 0}, {"application", 68, 4, 0},
		{"change counter of the version", 92, 4, 1}, {"version", 96, 4, 3_053_004},
	} {
		field := append(make([]byte, 8), image[f.at:f.at+f.size]...)
		if got := binary.BigEndian.Uint64(field[len(field)-8:]); got != f.want {
			t.Errorf("%s: got %d, want %d", f.name, got, f.want)
		}
	}
	if len(image) != 2*4096 {
		t.Errorf("got %d bytes, want two pages", len(image))
	}
}

// TestSettleForgets gives the same bytes for the same rows, whatever was there
// before, and keeps nothing of it.
func TestSettleForgets(t *testing.T) {
	t.Parallel()
	plain := created(t, "CREATE TABLE t (name TEXT)")
	draw(t, plain, "INSERT INTO t VALUES ('kept')")
	eventful := created(t, "CREATE TABLE t (name TEXT)")
	draw(t, eventful, "INSERT INTO t VALUES ('kept')", "CREATE TABLE gone (secret)")
	for i := range 300 {
		draw(t, eventful, fmt.Sprintf("INSERT INTO gone VALUES ('secret %d')", i), fmt.Sprintf("INSERT INTO t VALUES ('secret %d')", i))
	}
	draw(t, eventful, "DROP TABLE gone", "DELETE FROM t WHERE name LIKE 'secret%'")
	want, got := settled(t, plain, 1), settled(t, eventful, 1)
	if !bytes.Equal(want, got) {
		t.Errorf("got %d bytes, want the same %d as of a database without a history", len(got), len(want))
	}
	if bytes.Contains(got, []byte("secret")) {
		t.Error("what was deleted is still there")
	}
}

func TestSettleEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if image, err := created(t, "CREATE TABLE t (name TEXT)").Settle(ctx, 1); !errors.Is(err, context.Canceled) || image != nil {
		t.Errorf("got %v, %v, want %v", image, err, context.Canceled)
	}
	if image, err := created(t).Settle(t.Context(), 0); err == nil && image.Size() < 100 {
		t.Errorf("got %d bytes and no error of a database without a page", image.Size())
	}
}

// TestOpenConfines prepares what only reads, and nothing else: neither what writes
// nor what leads out of the database.
func TestOpenConfines(t *testing.T) {
	t.Parallel()
	base := sample(t, "a", "b")
	image := bytes.Clone(base)
	db, err := sqlitefile.Open(t.Context(), sqlitefile.NewImage(image))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for text, want := range map[string][]string{
		"SELECT name FROM t ORDER BY name DESC":    {"b", "a"},
		"SELECT name FROM sqlite_schema":           {"t"},
		"PRAGMA integrity_check":                   {"ok"},
		"SELECT name FROM pragma_table_xinfo('t')": {"name"},
	} {
		if d := cmp.Diff(want, query(t, db, text)); d != "" {
			t.Errorf("%s: (-want +got):\n%s", text, d)
		}
	}
	for _, text := range []string{
		"INSERT INTO t VALUES ('c')", "UPDATE t SET name = ''", "DELETE FROM t", "DROP TABLE t", "CREATE TABLE u (a)", "CREATE TEMP TABLE u (a)",
		"CREATE VIEW v AS SELECT 1", "ALTER TABLE t ADD b", "ANALYZE", "VACUUM", "VACUUM INTO 'x'", "ATTACH ':memory:' AS x", "BEGIN",
		"PRAGMA query_only = OFF", "PRAGMA trusted_schema = ON", "PRAGMA writable_schema = ON", "PRAGMA journal_mode = WAL", "PRAGMA user_version",
		"SELECT load_extension('x')", "SELECT length(name) FROM t", "SELECT randomblob(5)", "SELECT count(*) FROM t",
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT n FROM r",
		"SELECT * FROM pragma_database_list",
	} {
		result, err := db.Query(text)
		if err == nil {
			for result.Next() {
			}
			err = errors.Join(result.Err(), result.Close())
		}
		if err == nil {
			t.Errorf("%s: got no error", text)
		}
	}
	if got := query(t, db, "SELECT name FROM t"); !slices.Equal(got, []string{"a", "b"}) || !bytes.Equal(image, base) {
		t.Errorf("afterwards there are %q, want a and b", got)
	}
}

// TestOpenBounds refuses values and statements that are longer than any of pkg's.
func TestOpenBounds(t *testing.T) {
	t.Parallel()
	db, err := sqlitefile.Open(t.Context(), sqlitefile.NewImage(sample(t, "a")))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	deep := strings.Repeat("(", 60) + "1" + strings.Repeat("+1)", 60)
	for name, text := range map[string]string{
		"columns": "SELECT " + strings.Repeat("name, ", 250) + "name FROM t", "a deep expression": "SELECT " + deep,
		"compounds": "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 20), "a long statement": "SELECT 1 --" + strings.Repeat("x", 2<<20),
	} {
		if result, err := db.Query(text); err == nil {
			result.Close()
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestOpenLog opens a database that says it has a write-ahead log, and leaves the
// caller's bytes alone.
func TestOpenLog(t *testing.T) {
	t.Parallel()
	image := sample(t, "a")
	image[18], image[19] = 2, 2
	before := bytes.Clone(image)
	if got := rows(t, image); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %q, want a", got)
	}
	if !bytes.Equal(before, image) {
		t.Error("the caller's bytes have changed")
	}
}

// TestOpenEnds gives up where its context has ended.
func TestOpenEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if db, err := sqlitefile.Open(ctx, sqlitefile.NewImage(sample(t, "a"))); err == nil {
		db.Close()
		t.Error("got no error after the end of the context")
	}
}
