// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// TestColumns reads rows that lack columns which were added later, and columns that
// are, or only seem to be, the number of a row.
func TestColumns(t *testing.T) {
	t.Parallel()
	base := mustWrite(t, installed(), 100)
	for _, tt := range []struct {
		statements []string
		want       []string
	}{
		{[]string{"ALTER TABLE pkg_lock ADD COLUMN a TEXT DEFAULT 5", "ALTER TABLE pkg_lock ADD COLUMN b REAL DEFAULT 7", "ALTER TABLE pkg_lock ADD COLUMN c INTEGER DEFAULT '8'", "ALTER TABLE pkg_lock ADD COLUMN d"},
			[]string{`pkg_lock {"a": "5", "advisory": 0, "b": 7, "c": 8, "d": null, "exclusive": 0, "read": 0}`}},
		{[]string{"CREATE TABLE mine (a INTEGER PRIMARY KEY DESC, b)", "INSERT INTO mine VALUES (5, 'x'), (3, NULL)"},
			[]string{`mine {"a": 3, "b": null}`, `mine {"a": 5, "b": "x"}`}},
		{[]string{"CREATE TABLE mine (a Integer, b, PRIMARY KEY (A DESC))", "INSERT INTO mine VALUES (5, 'x'), (3, 1.5)"},
			[]string{`mine {"a": 3, "b": 1.5}`, `mine {"a": 5, "b": "x"}`}},
		{[]string{"CREATE TABLE mine (a INT PRIMARY KEY, b DOUBLE)", "INSERT INTO mine VALUES (5, 2), (NULL, x'00ff')"},
			[]string{`mine {"a": 5, "b": 2}`, `mine {"a": null, "b": {"blob": "00ff"}}`}},
		{[]string{"CREATE TABLE mine (a INTEGER(8) PRIMARY KEY, rowid, oid)", "INSERT INTO mine VALUES (5, 'r', 'o')", "ALTER TABLE mine ADD COLUMN b DEFAULT 'y'"},
			[]string{`mine {"a": 5, "b": "y", "oid": "o", "rowid": "r"}`}},
		{[]string{"INSERT INTO pkg_lock_pid VALUES (77)"}, []string{`pkg_lock_pid {"pid": 77}`}},
	} {
		table, _, _ := strings.Cut(tt.want[0], " ")
		var got []string
		for _, line := range dump(t, alter(t, base, tt.statements...)) {
			if strings.HasPrefix(line, table+" ") {
				got = append(got, line)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.statements, got, tt.want)
		}
	}
}

// TestUnread tells a database that cannot be read here from one that is wrong: its
// file is closed, there is no folder for a copy. Nothing is left of any copy.
func TestUnread(t *testing.T) {
	text := mustWrite(t, many(9_000), 100)
	text = append(text, make([]byte, 8<<20)...) // too large for memory; SQLite takes no notice of the end
	large := func() *Image {
		image, err := Collect(t.Context(), bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return image
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	open, closed := large(), large()
	c, err := contentIn(t.Context(), open)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing", left, err)
	}
	open.Close()
	closed.Close()
	_, unopened := Open(t.Context(), closed)
	_, uninstalled := c.Installed(t.Context())
	_, unencoded := c.Encode(t.Context(), dir, DefaultSchema)
	_, undumped := c.Dump(t.Context())
	open = large()
	defer open.Close()
	t.Setenv("TMPDIR", dir+"/none")
	_, uncopied := Open(t.Context(), open)
	for name, err := range map[string]error{"Open": unopened, "Installed": uninstalled, "Encode": unencoded, "Dump": undumped, "Check": last(c.Check(t.Context())), "a copy": uncopied} {
		_, is := errors.AsType[*fs.PathError](err)
		if _, format := errors.AsType[*sqlitefile.FormatError](err); !is || format {
			t.Errorf("%s: got %.300v, want an error of a file", name, err)
		}
	}
}
