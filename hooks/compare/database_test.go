// SPDX-License-Identifier: BSD-2-Clause

package compare_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/artifact/artifacttest"
	"github.com/orlop/orlop/hooks/compare"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/tree"
)

// withDatabase is an image of one layer with a pkg database.
func withDatabase(t testing.TB, db []byte) *artifact.Artifact {
	t.Helper()
	d := artifacttest.Describe(t, "layer l")
	d.Add(tree.Node{Path: pkgdb.Path, Mode: 0o644, Uname: "root", Gname: "wheel", Time: 100}, string(db))
	return artifacttest.Read(t, d.Source())
}

// edited is a database after SQL has been at it.
func edited(t testing.TB, image []byte, statements ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	text, err := os.ReadFile(path)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}

// TestDatabases compares databases that say the same of every package: fields of the
// header are reported by name, then pages; and that they differ in nothing but form is
// true as long as their rows are the same.
func TestDatabases(t *testing.T) {
	t.Parallel()
	base := artifacttest.Database(t, artifacttest.Read(t, artifacttest.Describe(t, "layer l\npackage p 1 files=/a").Source()))
	put := func(at int, with ...byte) []byte {
		b := bytes.Clone(base)
		copy(b[at:], with)
		return b
	}
	for name, tt := range map[string]struct {
		now  []byte
		want string
		form bool
	}{
		"counter": {put(24, 0, 0, 1, 0), "the same rows in other bytes|header: change counter is 256, was 1", true},
		"several fields": {put(92, 0, 0, 0, 9, 0, 0, 0, 8),
			"the same rows in other bytes|header: change counter of the version number is 9, was 1|header: version number of SQLite is 8, was 3053004", true},
		"a field of one byte": {put(18, 2, 2), "the same rows in other bytes|header: write version is 2, was 1|header: read version is 2, was 1", true},
		"the last field":      {put(68, 'o', 'r', 'l', 'o'), "the same rows in other bytes|header: application id is 1869769839, was 0", true},
		"other pages":         {edited(t, base, "PRAGMA page_size = 8192", "VACUUM"), "the same rows in other pages, ", true},
		"a row of none":       {edited(t, base, "INSERT INTO categories (name) VALUES ('unused')"), `rows that no package refers to|+ categories {"name": "unused"}`, false},
		"two rows of none": {edited(t, base, "INSERT INTO users (name) VALUES ('u')", "INSERT INTO groups (name) VALUES ('g')"),
			`rows that no package refers to|+ groups {"name": "g"}|+ users {"name": "u"}`, false},
	} {
		a, b := withDatabase(t, base), withDatabase(t, tt.now)
		list := compare.Artifacts(t.Context(), a, b)
		more, err := compare.Explain(t.Context(), a, b, list, 0)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, d := range more[len(list):] {
			if d.Subject == pkgdb.Path {
				found = true
				if got := strings.Join(append([]string{d.Change}, d.Detail...), "|"); !strings.HasPrefix(got, tt.want) || strings.HasPrefix(tt.want, "the same rows in other b") && got != tt.want {
					t.Errorf("%s: got %s, want %s", name, got, tt.want)
				}
			}
		}
		if only, err := compare.OnlyForm(t.Context(), a, b); !found || only != tt.form || err != nil {
			t.Errorf("%s: told %t, only form %t, %v, want %t", name, found, only, err, tt.form)
		}
	}
}

// TestDatabasePages tells the page and the byte from which it differs: in a free place
// of the last page that has one.
func TestDatabasePages(t *testing.T) {
	t.Parallel()
	base := artifacttest.Database(t, artifacttest.Read(t, artifacttest.Describe(t, "layer l\npackage p 1 files=/a").Source()))
	now := bytes.Clone(base)
	at := 4096*40 + 2000 // between the pointers of page 41 and its cells
	if now[at] != 0 {
		t.Fatalf("byte %d is not free", at)
	}
	now[at] = 7
	a, b := withDatabase(t, base), withDatabase(t, now)
	list := compare.Artifacts(t.Context(), a, b)
	more, err := compare.Explain(t.Context(), a, b, list, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := compare.Difference{Part: compare.PartBytes, Subject: pkgdb.Path, Change: "the same rows in other bytes", Detail: []string{"page 41, from byte 2000 on"}}
	if d := cmp.Diff(want, more[len(list)]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestDatabaseBesides is form no longer where anything else of the layer differs.
func TestDatabaseBesides(t *testing.T) {
	t.Parallel()
	base := artifacttest.Database(t, artifacttest.Read(t, artifacttest.Describe(t, "layer l\npackage p 1 files=/a").Source()))
	now := bytes.Clone(base)
	now[27] = 9
	for _, tt := range []struct {
		change func(n *tree.Node)
		want   bool
	}{
		{func(*tree.Node) {}, true}, {func(n *tree.Node) { n.Time++ }, false}, {func(n *tree.Node) { n.Mode = 0o600 }, false}, {func(n *tree.Node) { n.Uname = "x" }, false},
	} {
		n := tree.Node{Path: pkgdb.Path, Mode: 0o644, Uname: "root", Gname: "wheel", Time: 100}
		tt.change(&n)
		d := artifacttest.Describe(t, "layer l")
		d.Add(n, string(now))
		if only, err := compare.OnlyForm(t.Context(), withDatabase(t, base), artifacttest.Read(t, d.Source())); err != nil || only != tt.want {
			t.Errorf("%+v: got %t, %v, want %t", n, only, err, tt.want)
		}
	}
}
