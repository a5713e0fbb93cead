// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile_test

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// onDisk is what SQLite makes of statements in a file of its own, and what it says of
// its schema.
func onDisk(t testing.TB, statements ...string) (image []byte, schema []sqlitefile.Entry) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	exec(t, db, append([]string{"PRAGMA synchronous = OFF", "PRAGMA journal_mode = OFF"}, statements...)...)
	result, err := db.Query("SELECT type, name, tbl_name, rootpage, coalesce(sql, '') FROM sqlite_schema")
	if err != nil {
		t.Fatal(err)
	}
	for result.Next() {
		var e sqlitefile.Entry
		if err := result.Scan(&e.Kind, &e.Name, &e.Table, &e.Root, &e.Sql); err != nil {
			t.Fatal(err)
		}
		schema = append(schema, e)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	image, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return image, schema
}

// many are so many statements that create tables.
func many(n int) []string {
	statements := []string{"BEGIN"}
	for i := range n {
		statements = append(statements, fmt.Sprintf("CREATE TABLE table_number_%d (a TEXT PRIMARY KEY, b)", i))
	}
	return append(statements, "COMMIT")
}

// TestSchema reads schemas as SQLite does: of one page and of trees of pages, with
// rows that go on in other pages, in pages of every size.
func TestSchema(t *testing.T) {
	t.Parallel()
	long := "CREATE TABLE long (a /* " + strings.Repeat("x", 10_000) + " */)"
	for name, statements := range map[string][]string{
		"one table":                       {"CREATE TABLE t (a)"},
		"every kind":                      {"CREATE TABLE t (a UNIQUE)", "CREATE INDEX i ON t (a)", "CREATE VIEW v AS SELECT a FROM t", "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END"},
		"small pages":                     append([]string{"PRAGMA page_size = 512"}, many(200)...),
		"large pages":                     append([]string{"PRAGMA page_size = 65536"}, many(200)...),
		"a long statement":                {long, "CREATE TABLE é (ü)"},
		"a long statement in small pages": {"PRAGMA page_size = 512", long},
		"dropped tables":                  {"PRAGMA page_size = 512", "CREATE TABLE a (a)", "CREATE TABLE b (b)", "DROP TABLE a", "CREATE TABLE c (c)"},
		"statistics":                      {"CREATE TABLE t (a)", "CREATE INDEX i ON t (a)", "INSERT INTO t VALUES (1)", "ANALYZE"},
	} {
		image, want := onDisk(t, statements...)
		got, err := sqlitefile.Schema(sqlitefile.NewImage(image))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: (-want +got):\n%s", name, d)
		}
	}
}

// TestSchemaOfLengths has statements of every length around the one from which a row
// goes on in another page.
func TestSchemaOfLengths(t *testing.T) {
	t.Parallel()
	for n := 420; n < 1500; n++ {
		if n > 460 && n%508 > 40 {
			continue
		}
		image, want := onDisk(t, "PRAGMA page_size = 512", "CREATE TABLE t (a /* "+strings.Repeat("x", n)+" */)")
		got, err := sqlitefile.Schema(sqlitefile.NewImage(image))
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%d: %v (-want +got):\n%s", n, err, d)
		}
	}
}

// TestSchemaBounds refuses more rows and bytes than any pkg has, and takes the most.
func TestSchemaBounds(t *testing.T) {
	t.Parallel()
	const wanted = "schema: has more than 1000 rows or 1048576 bytes"
	comment := func(n int) string { return "CREATE TABLE t (a /* " + strings.Repeat("x", n) + " */)" }
	for name, tt := range map[string]struct {
		statements []string
		want       string
	}{
		"rows":                  {many(500), ""}, // each with the index of its key
		"too many rows":         {append(many(500), "CREATE TABLE more (a)"), wanted},
		"bytes":                 {[]string{comment(1<<20 - 100)}, ""},
		"too many bytes":        {[]string{comment(1 << 20)}, wanted},
		"too many bytes of two": {[]string{comment(600_000), strings.Replace(comment(600_000), "TABLE t", "TABLE u", 1)}, wanted},
	} {
		image, _ := onDisk(t, tt.statements...)
		_, err := sqlitefile.Schema(sqlitefile.NewImage(image))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

// TestSchemaRefuses changes one thing of a database. Whatever SQLite might read in
// another way is refused.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	small, _ := onDisk(t, "CREATE TABLE t (a)")
	tree, _ := onDisk(t, append([]string{"PRAGMA page_size = 512"}, many(40)...)...)
	statistics, entries := onDisk(t, "CREATE TABLE t (a)", "CREATE INDEX i ON t (a)", "INSERT INTO t VALUES (1)", "ANALYZE")
	root := int(entries[len(entries)-1].Root)
	first := int(binary.BigEndian.Uint16(small[108:])) // the cell of t: length, number, record
	header := first + 2                                // of the record: its length, five types
	put := func(base []byte, at int, bytes ...byte) []byte {
		b := append([]byte(nil), base...)
		copy(b[at:], bytes)
		return b
	}
	for name, tt := range map[string]struct {
		image []byte
		want  string
	}{
		"nothing":             {nil, "is not an SQLite database"},
		"a text":              {[]byte("SQLite format 4\x00"), "is not an SQLite database"},
		"half a header":       {small[:99], "header: has 99 bytes, wanted 100"},
		"pages of 256 bytes":  {put(small, 16, 1, 0), "header: pages of 256 bytes with 0 reserved ones are not possible"},
		"pages of 4097":       {put(small, 16, 0x10, 1), "header: pages of 4097 bytes with 0 reserved ones are not possible"},
		"reserved bytes":      {put(tree, 20, 33), "header: pages of 512 bytes with 33 reserved ones are not possible"},
		"UTF-16":              {put(small, 56, 0, 0, 0, 2), "header: text encoding is 2, wanted 1, UTF-8"},
		"no encoding":         {put(small, 56, 0, 0, 0, 0), "header: text encoding is 0, wanted 1, UTF-8"},
		"a cut page":          {small[:4000], "schema: page 1 is not in the file"},
		"an index":            {put(small, 100, 10), "schema: page 1 is of type 10, wanted a table's, 5 or 13"},
		"many cells":          {put(small, 103, 0xff, 0xff), "schema: page 1 has no room for 65535 cells"},
		"a cell at the end":   {put(small, 108, 0x0f, 0xfd), "schema: page 1: cell 0 is outside the page"},
		"a page not there":    {put(tree, 108, 0, 0, 0xff, 0xff), "schema: page 65535 is not in the file"},
		"a large page":        {put(tree, 108, 0xff, 0xff, 0xff, 0xff), "schema: page 2147483647 is not in the file"},
		"page 0":              {put(tree, 108, 0, 0, 0, 0), "schema: page 0 is not in the file"},
		"a circle":            {put(tree, 108, 0, 0, 0, 1), "schema: page 1 is used twice"},
		"a long cell":         {put(small, first, 0xff, 0xff, 0x7f), "schema: has more than 1000 rows or 1048576 bytes"},
		"a cut record":        {put(small, header, 0x7f), "schema: a record is cut off"},
		"an empty header":     {put(small, header, 0), "schema: a record is cut off"},
		"four values":         {put(small, header, 5), "schema: a row has 4 values, wanted 5"},
		"a blob":              {put(small, header+1, 0x16), "schema: a value is of type 22, wanted a text or number"},
		"a real number":       {put(small, header+1, 7), "schema: a value is of type 7, wanted a text or number"},
		"a long value":        {put(small, header+1, 0x7f), "schema: a record is cut off"},
		"no kind":             {put(small, header+1, 0), `schema: row [<nil> "t" `},
		"a number for a name": {put(small, header+2, 8), "schema: row ["},
		"a text for a page":   {put(small, header+4, 0x0f), "schema: row ["},
		"an empty statement":  {put(small, header+5, 0x0d), "schema: row ["},
		"statistics":          {put(statistics, (root-1)*4096, 0), fmt.Sprintf("table sqlite_stat1: page %d is of type 0, wanted a table's, 5 or 13", root)},
	} {
		list, err := sqlitefile.Schema(sqlitefile.NewImage(tt.image))
		if list != nil || err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, %v, want %s", name, list, err, tt.want)
		}
	}
}

// branch makes page n one that has no rows but those of other pages.
func branch(image []byte, n int, children ...int) {
	const size = 512
	page, head := image[(n-1)*size:][:size], 0
	if n == 1 {
		head = 100
	}
	page[head] = 5
	last := len(children) - 1
	binary.BigEndian.PutUint16(page[head+3:], uint16(last))
	binary.BigEndian.PutUint32(page[head+8:], uint32(children[last]))
	for i, child := range children[:last] {
		at := head + 12 + 2*last + 5*i // a cell: the page, and a key
		binary.BigEndian.PutUint16(page[head+12+2*i:], uint16(at))
		binary.BigEndian.PutUint32(page[at:], uint32(child))
	}
}

// TestSchemaTrees bounds trees whose pages hold nothing: how deep and how large they
// are.
func TestSchemaTrees(t *testing.T) {
	t.Parallel()
	const size = 512
	small, _ := onDisk(t, "PRAGMA page_size = 512", "CREATE TABLE t (a)")
	empty := func(pages int) []byte {
		image := append(bytes.Clone(small[:size]), make([]byte, (pages-1)*size)...)
		for n := 2; n <= pages; n++ {
			image[(n-1)*size] = 13
		}
		return image
	}
	chain := func(levels int, more ...int) []byte { // the last of each page's children, or a first one
		image := empty(levels + len(more)*levels)
		for n := 1; n < levels; n++ {
			children := []int{n + 1}
			for range more {
				children = append(children, levels+n)
			}
			branch(image, n, children...)
		}
		return image
	}
	wide := func(pages int) []byte {
		image := empty(pages)
		for n := 1; 50*(n-1)+2 <= pages; n++ {
			var children []int
			for child := 50*(n-1) + 2; child <= min(50*n+1, pages); child++ {
				children = append(children, child)
			}
			branch(image, n, children...)
		}
		return image
	}
	for name, tt := range map[string]struct {
		image []byte
		want  string
	}{
		"20 levels":           {chain(20), ""},
		"21 levels":           {chain(21), "schema: page 21 is more than 20 levels deep"},
		"20 levels, by cells": {chain(20, 1), ""},
		"21 levels, by cells": {chain(21, 1), "schema: page 21 is more than 20 levels deep"},
		"10000 pages":         {wide(10_000), ""},
		"10001 pages":         {wide(10_001), "schema: has more than 10000 pages"},
	} {
		list, err := sqlitefile.Schema(sqlitefile.NewImage(tt.image))
		if len(list) > 0 || tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("%s: got %v, %v, want %s", name, list, err, tt.want)
		}
	}
}

// TestSchemaOfDamage changes each byte of two small databases and cuts them at each
// length. What is read of it, SQLite reads as well; and nothing is read beyond the
// end.
func TestSchemaOfDamage(t *testing.T) {
	t.Parallel()
	small, _ := onDisk(t, "PRAGMA page_size = 512", "CREATE TABLE t (a)", "CREATE TABLE u (a)")
	tree, _ := onDisk(t, append([]string{"PRAGMA page_size = 512"}, many(5)...)...)
	for _, base := range [][]byte{small, tree} {
		for at := range base {
			for _, bit := range []byte{1, 0x80, 0xff} {
				image := bytes.Clone(base)
				image[at] ^= bit
				if list, err := sqlitefile.Schema(sqlitefile.NewImage(image)); err == nil && len(list) > 1000 {
					t.Errorf("byte %d: got %d rows", at, len(list))
				}
			}
		}
		for n := range 511 {
			if list, err := sqlitefile.Schema(sqlitefile.NewImage(base[:n])); err == nil {
				t.Errorf("%d bytes: got %v and no error", n, list)
			}
		}
	}
}
