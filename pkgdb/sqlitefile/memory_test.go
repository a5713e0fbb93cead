// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// created makes a database in memory.
func created(t testing.TB, statements ...string) *sql.DB {
	t.Helper()
	db, err := sqlitefile.New(statements, 42)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func settled(t testing.TB, db *sql.DB, statements int) []byte {
	t.Helper()
	image, err := sqlitefile.Settle(t.Context(), db, statements)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// sample is a database of one table with some rows.
func sample(t testing.TB, rows ...string) []byte {
	t.Helper()
	db := created(t, "CREATE TABLE t (name TEXT)")
	for _, row := range rows {
		exec(t, db, "INSERT INTO t VALUES ('"+row+"')")
	}
	return settled(t, db, 1)
}

// rows are those of table t in the bytes of a database.
func rows(t testing.TB, image []byte) []string {
	t.Helper()
	db, err := sqlitefile.Open(t.Context(), image)
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

// TestNew makes what pkg makes: pages, encoding and version are not SQLite's choice.
func TestNew(t *testing.T) {
	t.Parallel()
	db := created(t, "CREATE TABLE t (name TEXT)", "CREATE INDEX i ON t (name)")
	for pragma, want := range map[string]string{"page_size": "4096", "auto_vacuum": "0", "encoding": "UTF-8", "secure_delete": "1", "user_version": "42"} {
		if got := query(t, db, "PRAGMA "+pragma); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q, want %s", pragma, got, want)
		}
	}
	if got := query(t, db, "SELECT name FROM sqlite_schema"); !slices.Equal(got, []string{"t", "i"}) {
		t.Errorf("got %q, want t and i", got)
	}
	if _, err := sqlitefile.New([]string{"CREATE TABLE t (a)", "CREATE NONSENSE"}, 1); err == nil || !strings.HasPrefix(err.Error(), "CREATE NONSENSE: ") {
		t.Errorf("got %v, want an error that names the statement", err)
	}
}

// TestNewIsOneDatabase wants two users at once to see the same one: a second
// connection would be an empty database of its own.
func TestNewIsOneDatabase(t *testing.T) {
	t.Parallel()
	db := created(t, "CREATE TABLE t (name TEXT)")
	if most := db.Stats().MaxOpenConnections; most != 1 {
		t.Errorf("got %d connections, want 1", most)
	}
	image := sample(t, "a")
	opened, err := sqlitefile.Open(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if most := opened.Stats().MaxOpenConnections; most != 1 {
		t.Errorf("opened: got %d connections, want 1", most)
	}
}

// TestSettleHeader looks at each field of the header that is made constant, and at
// those that others decide (https://www.sqlite.org/fileformat2.html, 1.3).
func TestSettleHeader(t *testing.T) {
	t.Parallel()
	db := created(t, "CREATE TABLE t (name TEXT)")
	exec(t, db, "INSERT INTO t VALUES ('x')", "CREATE TABLE u (a)", "DROP TABLE u", "DELETE FROM t")
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
	exec(t, plain, "INSERT INTO t VALUES ('kept')")
	eventful := created(t, "CREATE TABLE t (name TEXT)")
	exec(t, eventful, "INSERT INTO t VALUES ('kept')", "CREATE TABLE gone (secret)")
	for i := range 300 {
		exec(t, eventful, fmt.Sprintf("INSERT INTO gone VALUES ('secret %d')", i), fmt.Sprintf("INSERT INTO t VALUES ('secret %d')", i))
	}
	exec(t, eventful, "DROP TABLE gone", "DELETE FROM t WHERE name LIKE 'secret%'")
	want, got := settled(t, plain, 1), settled(t, eventful, 1)
	if !bytes.Equal(want, got) {
		t.Errorf("got %d bytes, want the same %d as of a database without a history", len(got), len(want))
	}
	if bytes.Contains(got, []byte("secret")) {
		t.Error("what was deleted is still there")
	}
	if again := settled(t, eventful, 1); !bytes.Equal(got, again) {
		t.Error("settled twice, it has other bytes")
	}
}

func TestSettleEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if image, err := sqlitefile.Settle(ctx, created(t, "CREATE TABLE t (name TEXT)"), 1); !errors.Is(err, context.Canceled) || image != nil {
		t.Errorf("got %d bytes, %v, want %v", len(image), err, context.Canceled)
	}
	if image, err := sqlitefile.Settle(t.Context(), created(t), 0); err == nil && len(image) < 100 {
		t.Errorf("got %d bytes and no error of a database without a page", len(image))
	}
}

// TestOpenConfines prepares what only reads, and nothing else: neither what writes
// nor what leads out of the database.
func TestOpenConfines(t *testing.T) {
	t.Parallel()
	base := sample(t, "a", "b")
	image := bytes.Clone(base)
	db, err := sqlitefile.Open(t.Context(), image)
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
	db, err := sqlitefile.Open(t.Context(), sample(t, "a"))
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
	if db, err := sqlitefile.Open(ctx, sample(t, "a")); err == nil {
		db.Close()
		t.Error("got no error after the end of the context")
	}
}
