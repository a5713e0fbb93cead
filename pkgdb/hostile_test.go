// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// patience is more than any database of these tests takes that is not read
// without end. It is no measure of speed.
const patience = time.Minute

// rewritten gives an object of the schema another statement.
func rewritten(name, sql string) []string {
	return []string{"PRAGMA writable_schema = ON", fmt.Sprintf("UPDATE sqlite_schema SET sql = '%s' WHERE name = '%s'", strings.ReplaceAll(sql, "'", "''"), name)}
}

// TestHostile gives Open what would run expressions of a stranger, each of them
// for hours, and wants their names instead.
func TestHostile(t *testing.T) {
	t.Parallel()
	const (
		long    = "length(printf('%.*c', 1000000000, 'x'))"
		endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS path FROM n"
		notPkgs = " is not as pkg makes one: found "
		lua     = "CREATE TABLE lua_script(lua_script_id INTEGER PRIMARY KEY, lua_script TEXT NOT NULL UNIQUE"
	)
	base := mustWrite(t, installed(), 100)
	for _, tt := range []struct {
		want       string
		statements []string
	}{
		{`index "pkg_digest_id"` + notPkgs + `"("`, rewritten("pkg_digest_id", "CREATE INDEX pkg_digest_id ON packages("+long+")")},
		{`index "evil"` + notPkgs + `"("`, []string{"CREATE INDEX evil ON files(length(path))"}},
		{`index "evil"` + notPkgs + `"+"`, []string{"CREATE INDEX evil ON files(path, perm + 1)"}},
		{`index "evil"` + notPkgs + `"WHERE"`, []string{"CREATE INDEX evil ON files(path) WHERE length(path) > 3"}},
		{`index "evil" is on "nosuch", which is not a column of table "files"`, []string{`CREATE INDEX evil ON files("nosuch")`}},
		{`table "lua_script"` + notPkgs + `"CHECK"`, rewritten("lua_script", lua+" CHECK ("+long+" > 0))")},
		{`table "lua_script"` + notPkgs + `"CHECK"`, rewritten("lua_script", lua+", CHECK ("+long+" > 0))")},
		{`table "lua_script"` + notPkgs + `"CHECK"`, rewritten("lua_script", lua+", CONSTRAINT c CHECK ("+long+" > 0))")},
		{`table "lua_script"` + notPkgs + `"-"`, rewritten("lua_script", lua+" -- )\nCHECK ("+long+" > 0))")},
		{`table "lua_script"` + notPkgs + `"/"`, rewritten("lua_script", lua+" /* ) */ CHECK ("+long+" > 0))")},
		{`table "mine"` + notPkgs + `"CHECK"`, []string{"CREATE TABLE mine (x CHECK (length(x) > 0))"}},
		{`table "files"` + notPkgs + `"AS"`, []string{"ALTER TABLE files ADD COLUMN evil AS (length(path))"}},
		{`table "files"` + notPkgs + `"GENERATED"`, []string{"ALTER TABLE files ADD COLUMN evil INTEGER GENERATED ALWAYS AS (length(path)) VIRTUAL"}},
		{`table "mine"` + notPkgs + `"random"`, []string{"CREATE TABLE mine (x DEFAULT (random()))"}},
		{`table "mine"` + notPkgs + `"WITHOUT"`, []string{"CREATE TABLE mine (x PRIMARY KEY) WITHOUT ROWID"}},
		{`table "mine"` + notPkgs + `"mine"`, []string{"CREATE TABLE 'mine' (x)"}},
		{`table "evil"` + notPkgs + `"VIRTUAL"`, []string{"CREATE VIRTUAL TABLE evil USING fts4(x)"}},
		{`view "mine" is not one of pkg's`, []string{"CREATE VIEW mine AS " + endless}},
		{`view "flavors" is not one of pkg's`, []string{"DROP VIEW flavors", "CREATE VIEW flavors AS " + endless}},
		{`table "lua_script" has a statement that makes the view "lua_script"`, rewritten("lua_script", "CREATE VIEW lua_script AS "+endless)},
		{`view "flavors" has a statement that makes the view "files"`, rewritten("flavors", "CREATE VIEW files AS "+endless)},
		{`trigger "evil" is not one of pkg's`, []string{"CREATE TRIGGER evil AFTER INSERT ON files BEGIN " + endless + "; END"}},
		{`trigger "pkg_shlibs_insert" is not one of pkg's`, []string{"CREATE TRIGGER pkg_shlibs_insert AFTER INSERT ON files BEGIN SELECT 1; END"}},
		{`table "sqlite_stat1" is not one of pkg's`, append([]string{"ANALYZE"}, rewritten("sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat,more)")...)},
		{`table sqlite_stat1: has more than 1000 rows`, []string{"ANALYZE", "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 2000) INSERT INTO sqlite_stat1 SELECT 'files', NULL, x FROM n"}},
		{`table "evil" has a statement that makes the table "lua_script"`, []string{"PRAGMA writable_schema = ON", "UPDATE sqlite_schema SET name = 'evil' WHERE name = 'lua_script'"}},
		{`index "files_package_id" has no statement`, []string{"PRAGMA writable_schema = ON", "UPDATE sqlite_schema SET sql = NULL WHERE name = 'files_package_id'"}},
		{`table "lua_script" begins in page 1`, []string{"PRAGMA writable_schema = ON", "UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'lua_script'"}},
		{`table "lua_script" occurs twice`, []string{"PRAGMA writable_schema = ON", "INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name = 'lua_script'"}},
		{`schema: a value is of type`, []string{"PRAGMA writable_schema = ON", "UPDATE sqlite_schema SET sql = CAST(sql AS BLOB) WHERE name = 'lua_script'"}},
		{`schema: has more than 1000 rows`, []string{"PRAGMA writable_schema = ON", "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 2000) INSERT INTO sqlite_schema SELECT 'view', 'v' || x, 'v' || x, 0, 'CREATE VIEW v' || x || ' AS SELECT 1' FROM n"}},
	} {
		image := alter(t, base, tt.statements...)
		for name, read := range map[string]func(context.Context) error{
			"Open": func(ctx context.Context) error { _, err := Open(ctx, sqlitefile.NewImage(image)); return err },
			"Normalise": func(ctx context.Context) error {
				_, err := Normalise(ctx, t.TempDir(), sqlitefile.NewImage(image), 42, nil)
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			err := read(ctx)
			cancel()
			var format *sqlitefile.FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %s: got %v, want %s", name, tt.statements, err, tt.want)
			}
		}
	}
}

// TestCircles gives Open trees in which SQLite would walk in circles before it
// answers its first query.
func TestCircles(t *testing.T) {
	t.Parallel()
	const headerSize = 100 // bytes
	base := mustWrite(t, installed(), 100)
	cell := int(binary.BigEndian.Uint16(base[headerSize+12:]))
	for _, tt := range []struct {
		at, page int
		want     string
	}{
		{cell, 1, "page 1 is used twice"},
		{headerSize + 8, 1, "page 1 is used twice"},
		{cell, int(binary.BigEndian.Uint32(base[headerSize+8:])), "is used twice"},
		{cell, len(base), fmt.Sprintf("page %d is not in the file", len(base))},
		{cell, 0, "page 0 is not in the file"},
	} {
		image := slices.Clone(base)
		binary.BigEndian.PutUint32(image[tt.at:], uint32(tt.page))
		if _, err := Open(t.Context(), sqlitefile.NewImage(image)); err == nil || !strings.Contains(err.Error(), "schema: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("page %d at %d: got %v, want %s", tt.page, tt.at, err, tt.want)
		}
	}
	for at, want := range map[int]string{16: "header: pages of", 20: "header: pages of", 59: "header: text encoding is 3"} {
		image := slices.Clone(base)
		image[at] = map[int]byte{16: 3, 20: 0xff, 59: 3}[at]
		if at == 20 {
			image[16], image[17] = 2, 0
		}
		if _, err := Open(t.Context(), sqlitefile.NewImage(image)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("header byte %d: got %v, want %s", at, err, want)
		}
	}
}

// TestOldStatements reads what pkg wrote in its time, and what SQLite made of it.
func TestOldStatements(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ sql, want string }{
		{"CREATE TABLE licenses (id INTERGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)", "table licenses [id name]"},
		{`CREATE TABLE "pkg_directories" (package_id INTEGER REFERENCES "packages"(id) ON DELETE CASCADE ON UPDATE CASCADE, try INTEGER, PRIMARY KEY (package_id, try))`, "table pkg_directories [package_id try]"},
		{"CREATE TABLE packages (id INTEGER PRIMARY KEY,origin TEXT UNIQUE NOT NULL,desc TEXT NOT NULL,licenselogic INTEGER NOT NULL DEFAULT(1), vital INTEGER NOT NULL DEFAULT 0, dep_formula TEXT NULL)", "table packages [id origin desc licenselogic vital dep_formula]"},
		{"CREATE TABLE pkg_lock (exclusive INTEGER(1),advisory INTEGER(1),read INTEGER(8))", "table pkg_lock [exclusive advisory read]"},
		{"CREATE INDEX packages_uid ON packages(name, origin COLLATE NOCASE)", "index packages_uid [name origin]"},
		{"create unique index packages_unique ON packages(origin, name)", "index packages_unique [origin name]"},
		{`CREATE TABLE t ("a""b" VARCHAR(10, 2) DEFAULT -1, [c d] DEFAULT 'x''y' COLLATE nocase)`, `table t [a"b c d]`},
	} {
		d, err := define(tt.sql)
		if err != nil {
			t.Errorf("%s: %v", tt.sql, err)
		} else if got := fmt.Sprint(d.kind, " ", d.name, " ", d.columns); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.sql, got, tt.want)
		}
	}
}

// FuzzDefine wants SQLite to read a table as it is read here, and to compute
// none of its columns.
func FuzzDefine(f *testing.F) {
	for _, schema := range Schemas {
		statements, err := schema.statements()
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range statements {
			f.Add(s)
		}
	}
	for _, s := range append(slices.Clone(old), "CREATE TABLE t (a CHECK (a > 1))", "CREATE TABLE t (a AS (1))", "CREATE TABLE t (a INTEGER GENERATED ALWAYS AS (1), b)",
		"CREATE TABLE t (a DEFAULT (1), 'b')", "CREATE TABLE t (a, -- b\nc)", "CREATE TABLE t (a /* b */)", "CREATE TABLE t (\"a\"\"b\", [c])", "CREATE TABLE t (a DEFAULT '(')", "CREATE TABLE t (a INTEGER PRIMARY KEY DESC)",
		"CREATE TABLE t (a INTEGER, PRIMARY KEY (A DESC))", "CREATE TABLE t (a INTEGER(1) PRIMARY KEY)", "CREATE TABLE t (a integer, b, PRIMARY KEY (a, b))", "CREATE TABLE t (a INT PRIMARY KEY)") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := define(text)
		if err != nil || d.kind != "table" || strings.ContainsRune(text, 0) {
			return
		}
		db, err := sql.Open("sqlite3", ":memory:")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		if _, err := db.Exec(text); err != nil {
			return // SQLite takes less
		}
		var columns []string
		err = each(t.Context(), db, "SELECT name, hidden FROM pragma_table_xinfo(?)", func(scan scanner) error {
			var name string
			var hidden int
			err := scan(&name, &hidden)
			if columns = append(columns, name); hidden != 0 {
				t.Errorf("%s: column %s is computed", text, name)
			}
			return err
		}, d.name)
		if err != nil || !slices.Equal(columns, d.columns) {
			t.Errorf("%s: got %v, SQLite has %v, %v", text, d.columns, columns, err)
		}
		for i, c := range d.forms() {
			if number, ok := isNumber(db, d.name, c.Name, 7000+10*i); ok && number != c.Number {
				t.Errorf("%s: column %s is the number of a row: got %t, SQLite has %t", text, c.Name, c.Number, number)
			}
		}
	})
}

// isNumber tries whether a column is the number of a row. It is false where that
// cannot be seen.
func isNumber(db *sql.DB, table, column string, n int) (number, ok bool) {
	if strings.EqualFold(column, "rowid") {
		return false, false
	}
	if _, err := db.Exec("INSERT INTO "+sqlitefile.Quoted(table)+" ("+sqlitefile.Quoted(column)+") VALUES (?)", n); err != nil {
		return false, false
	}
	row := 0
	if err := db.QueryRow("SELECT max(rowid) FROM " + sqlitefile.Quoted(table)).Scan(&row); err != nil {
		return false, false
	}
	return row == n, true
}
