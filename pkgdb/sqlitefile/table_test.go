// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// table says how a table of a test is made, and what its columns are.
type table struct {
	statements []string
	columns    []sqlitefile.Column
}

const count = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT %d) "

// tables have all that a file format has for rows. The table is t.
var tables = map[string]table{
	"nothing": {[]string{"CREATE TABLE t (a)"}, []sqlitefile.Column{{Name: "a"}}},
	"numbers": {[]string{
		"CREATE TABLE t (id INTEGER PRIMARY KEY, a, b DOUBLE, c INT)",
		"INSERT INTO t VALUES (-9223372036854775808, 0, 0, 0), (-1, 1, 1, 1), (0, -1, -1, -1), (7, 127, 1.5, NULL), (128, 128, -0.0, 'x'), (9223372036854775807, NULL, 'y', x'00ff')",
		fmt.Sprintf(count+"INSERT INTO t (id, a, b, c) SELECT 1000 + x, 1 << x, 1 << x, -1 << x FROM n", 64),
		"INSERT INTO t VALUES (5000, 9e999, -9e999, 1e100)",
	}, []sqlitefile.Column{{Name: "id", Type: "INTEGER", Number: true}, {Name: "a"}, {Name: "b", Type: "DOUBLE"}, {Name: "c", Type: "INT"}}},
	"many rows": {[]string{"PRAGMA page_size = 512", "CREATE TABLE t (a TEXT UNIQUE, b)", fmt.Sprintf(count+"INSERT INTO t SELECT 'row ' || (x * 7919 %% 2000), CASE WHEN x %% 3 THEN 'same' END FROM n", 2000), "DELETE FROM t WHERE rowid % 7 = 0"},
		[]sqlitefile.Column{{Name: "a", Type: "TEXT"}, {Name: "b"}}},
	"long rows": {[]string{"PRAGMA page_size = 512", "CREATE TABLE t (a, b)", fmt.Sprintf(count+"INSERT INTO t SELECT hex(zeroblob(x * 37)), zeroblob(x) FROM n", 60)},
		[]sqlitefile.Column{{Name: "a"}, {Name: "b"}}},
	"large pages": {[]string{"PRAGMA page_size = 65536", "CREATE TABLE t (a, b)", fmt.Sprintf(count+"INSERT INTO t SELECT x, hex(zeroblob(x * 5000)) FROM n", 12)},
		[]sqlitefile.Column{{Name: "a"}, {Name: "b"}}},
	"added columns": {[]string{
		"CREATE TABLE t (a)", "INSERT INTO t VALUES (1)", "ALTER TABLE t ADD COLUMN b TEXT DEFAULT 5", "INSERT INTO t VALUES (2, 3)",
		"ALTER TABLE t ADD COLUMN c REAL DEFAULT 7", "ALTER TABLE t ADD COLUMN d INTEGER DEFAULT '8'", "ALTER TABLE t ADD COLUMN e", "INSERT INTO t VALUES (3, 4, 5, 6, 7)",
	}, []sqlitefile.Column{{Name: "a"}, {Name: "b", Type: "TEXT"}, {Name: "c", Type: "REAL"}, {Name: "d", Type: "INTEGER"}, {Name: "e"}}},
	"texts": {[]string{"CREATE TABLE t (a TEXT)", "INSERT INTO t VALUES (''), (CAST(x'00' AS TEXT)), (CAST(x'ff' AS TEXT)), ('é'), (x''), (1)"}, []sqlitefile.Column{{Name: "a", Type: "TEXT"}}},
}

// bySQLite are the rows of t as SQLite reads them.
func bySQLite(ctx context.Context, db *sql.DB, columns []sqlitefile.Column, where string, args ...any) ([][]sqlitefile.Value, error) {
	var names []string
	for _, c := range columns {
		names = append(names, "+"+sqlitefile.Quoted(c.Name))
	}
	result, err := db.QueryContext(ctx, "SELECT "+strings.Join(names, ", ")+" FROM t"+where, args...)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	var list [][]sqlitefile.Value
	for result.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := result.Scan(into...); err != nil {
			return nil, err
		}
		var values []sqlitefile.Value
		for _, v := range row {
			values = append(values, sqlitefile.ValueOf(v))
		}
		list = append(list, values)
	}
	return list, result.Err()
}

// byTable are the rows of t as they are read without SQLite, which only says what
// short rows lack.
func byTable(ctx context.Context, image *sqlitefile.Image, db *sql.DB, columns []sqlitefile.Column) ([][]sqlitefile.Value, error) {
	entries, err := sqlitefile.Schema(image)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(entries, func(e sqlitefile.Entry) bool { return e.Kind == "table" && e.Name == "t" })
	if at < 0 {
		return nil, errors.New("there is no table t")
	}
	file, err := sqlitefile.NewFile(image)
	if err != nil {
		return nil, err
	}
	t, err := file.Table(ctx, entries[at].Root, columns)
	if err != nil {
		return nil, err
	}
	if id, least, short := t.Short(); short {
		rows, err := bySQLite(ctx, db, columns, " WHERE rowid = ?", id)
		if err != nil || len(rows) != 1 {
			return nil, fmt.Errorf("got %d rows of one number, %w", len(rows), err)
		}
		for i := least; i < len(columns); i++ {
			t.Fill(i, rows[0][i])
		}
	}
	var list [][]sqlitefile.Value
	for n := range t.Len() {
		var values []sqlitefile.Value
		for i := range columns {
			values = append(values, t.Value(n, i))
		}
		list = append(list, values)
	}
	return list, file.Err()
}

// images are the same bytes in memory and in a file.
func images(t testing.TB, text []byte) map[string]*sqlitefile.Image {
	file := sqlitefile.InFile(t, text)
	t.Cleanup(func() { file.Close() })
	return map[string]*sqlitefile.Image{"in memory": sqlitefile.NewImage(text), "in a file": file}
}

// TestTable reads rows as SQLite does.
func TestTable(t *testing.T) {
	t.Parallel()
	for name, tt := range tables {
		text, _ := onDisk(t, tt.statements...)
		for where, image := range images(t, text) {
			db, err := sqlitefile.Open(t.Context(), image)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if !asMade(t.Context(), db, tt.columns) {
				t.Errorf("%s %s: has other columns than those of the test", name, where)
			}
			want, err := bySQLite(t.Context(), db, tt.columns, "")
			if err != nil {
				t.Fatal(err)
			}
			got, err := byTable(t.Context(), image, db, tt.columns)
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%s %s: %v (-want +got):\n%.2000s", name, where, err, d)
			}
		}
	}
}

// TestTableInAnyOrder reads values in another order than the file has them.
func TestTableInAnyOrder(t *testing.T) {
	t.Parallel()
	tt := tables["many rows"]
	text, entries := onDisk(t, tt.statements...)
	for where, image := range images(t, text) {
		file, err := sqlitefile.NewFile(image)
		if err != nil {
			t.Fatal(err)
		}
		table, err := file.Table(t.Context(), entries[0].Root, tt.columns)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for n := range table.Len() {
			rows = append(rows, table.Value(n, 0).Text)
		}
		for i := range rows {
			n := i * 7919 % len(rows)
			if got := table.Value(n, 0).Text; got != rows[n] || file.Err() != nil {
				t.Fatalf("%s: row %d is %q, %v, was %q", where, n, got, file.Err(), rows[n])
			}
		}
	}
}

// TestTableEnds reads no further than its context, and reports a page that is gone.
func TestTableEnds(t *testing.T) {
	t.Parallel()
	tt := tables["many rows"]
	text, entries := onDisk(t, tt.statements...)
	image := sqlitefile.InFile(t, text)
	file, err := sqlitefile.NewFile(image)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := file.Table(ctx, entries[0].Root, tt.columns); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if file, err = sqlitefile.NewFile(image); err != nil {
		t.Fatal(err)
	}
	table, err := file.Table(t.Context(), entries[0].Root, tt.columns)
	if err != nil {
		t.Fatal(err)
	}
	image.Close()
	if v := table.Value(0, 0); v != (sqlitefile.Value{}) || file.Err() == nil {
		t.Errorf("of a closed file: got %v, %v", v, file.Err())
	}
	if _, err := file.Table(t.Context(), entries[0].Root, tt.columns); err == nil {
		t.Error("read the pages of a table twice")
	}
}

// FuzzTable changes bytes of a database, "OFFSET HEX" a line. What SQLite finds
// sound and is read here as well has the same rows.
func FuzzTable(f *testing.F) {
	var names []string
	texts := map[string][]byte{}
	for name, tt := range tables {
		names = append(names, name)
		texts[name], _ = onDisk(f, tt.statements...)
	}
	slices.Sort(names)
	for i := range names {
		f.Add(uint8(i), "")
		f.Add(uint8(i), "4096 0d\n4100 01\n")
		f.Add(uint8(i), "4090 01\n8190 07\n")
	}
	f.Fuzz(func(t *testing.T, base uint8, changes string) {
		tt := tables[names[int(base)%len(names)]]
		text := slices.Clone(texts[names[int(base)%len(names)]])
		for line := range strings.Lines(changes) {
			var at uint32
			var b []byte
			if n, _ := fmt.Sscanf(line, "%d %x", &at, &b); n == 2 {
				copy(text[at%uint32(len(text)):], b)
			}
		}
		image := sqlitefile.NewImage(text)
		entries, err := sqlitefile.Schema(image)
		if err != nil || !slices.ContainsFunc(entries, func(e sqlitefile.Entry) bool { return e.Name == "t" && strings.HasPrefix(e.Sql, "CREATE TABLE t (") }) {
			return
		}
		db, err := sqlitefile.Open(t.Context(), image)
		if err != nil {
			return
		}
		defer db.Close()
		if !asMade(t.Context(), db, tt.columns) {
			return
		}
		got, err := byTable(t.Context(), image, db, tt.columns)
		if err != nil {
			return
		}
		want, err := bySQLite(t.Context(), db, tt.columns, "")
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("SQLite reads other rows, %v (-SQLite +got):\n%.2000s", err, d)
		}
	})
}

// asMade reports whether SQLite finds a database sound and t with its columns.
func asMade(ctx context.Context, db *sql.DB, columns []sqlitefile.Column) bool {
	check, err := one(ctx, db, "PRAGMA integrity_check")
	if err != nil || !slices.Equal(check, []string{"ok"}) {
		return false
	}
	names, err := one(ctx, db, "SELECT name || '|' || type || '|' || hidden FROM pragma_table_xinfo('t')")
	var want []string
	for _, c := range columns {
		want = append(want, c.Name+"|"+c.Type+"|0")
	}
	return err == nil && slices.Equal(names, want)
}

// one is the first column of a result.
func one(ctx context.Context, db *sql.DB, text string) ([]string, error) {
	result, err := db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	var list []string
	for result.Next() {
		var text string
		if err := result.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, result.Err()
}

func TestValueFloat(t *testing.T) {
	t.Parallel()
	for v, want := range map[sqlitefile.Value]float64{
		{}: 0, {Kind: sqlitefile.Integer, Number: -3}: -3, {Kind: sqlitefile.Text, Text: "5"}: 0,
		sqlitefile.ValueOf(1.5): 1.5, sqlitefile.ValueOf(math.NaN()): 0,
	} {
		if got := v.Float(); got != want {
			t.Errorf("%v: got %v, want %v", v, got, want)
		}
	}
}
