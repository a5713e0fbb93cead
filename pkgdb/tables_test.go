// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"slices"
	"strings"
	"testing"
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
