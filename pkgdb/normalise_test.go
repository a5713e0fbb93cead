// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// alter runs statements on a database in a file and returns its new bytes.
func alter(t *testing.T, image []byte, statements ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range append([]string{"PRAGMA synchronous = OFF"}, statements...) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	image, err = os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func mustNormalise(t *testing.T, image []byte, schema Schema) []byte {
	t.Helper()
	epoch := int64(100)
	out, err := Normalise(t.Context(), t.TempDir(), sqlitefile.NewImage(image), schema, &epoch)
	if err != nil {
		t.Fatal(err)
	}
	return bytesOf(t, out)
}

// upgrades are what pkg does when it opens an older database, step by step
// (libpkg/private/db_upgrades.h, in other words).
var upgrades = map[Schema][]string{
	37: {
		"ALTER TABLE files ADD COLUMN uname TEXT", "ALTER TABLE files ADD COLUMN gname TEXT", "ALTER TABLE files ADD COLUMN perm INTEGER",
		"ALTER TABLE files ADD COLUMN fflags INTEGER", "ALTER TABLE files ADD COLUMN mtime INTEGER", "ALTER TABLE files ADD COLUMN symlink_target TEXT",
		"ALTER TABLE directories ADD COLUMN uname TEXT", "ALTER TABLE directories ADD COLUMN gname TEXT",
		"ALTER TABLE directories ADD COLUMN perm INTEGER", "ALTER TABLE directories ADD COLUMN fflags INTEGER",
	},
	38: {
		"CREATE TABLE pkg_shlibs_required_ignore (package_id INTEGER NOT NULL, shlib_id INTEGER NOT NULL, UNIQUE (package_id, shlib_id))",
		"CREATE TABLE pkg_shlibs_provided_ignore (package_id INTEGER NOT NULL, shlib_id INTEGER NOT NULL, UNIQUE (package_id, shlib_id))",
	},
	39: {
		"CREATE INDEX provides_provide ON provides(provide)", "CREATE INDEX pkg_provides_provide_id ON pkg_provides(provide_id)",
		"CREATE INDEX requires_require ON requires(require)", "CREATE INDEX pkg_requires_require_id ON pkg_requires(require_id)",
		"CREATE INDEX config_files_package_id ON config_files(package_id)",
	},
	42: {
		"DROP INDEX pkg_script_package_id", "DROP INDEX pkg_directories_package_id",
		old[0],
		"CREATE INDEX pkg_shlibs_required_shlib_id ON pkg_shlibs_required(shlib_id)",
		"CREATE INDEX pkg_shlibs_required_ignore_shlib_id ON pkg_shlibs_required_ignore(shlib_id)",
		"CREATE INDEX pkg_shlibs_provided_shlib_id ON pkg_shlibs_provided(shlib_id)",
		"CREATE INDEX pkg_shlibs_provided_ignore_shlib_id ON pkg_shlibs_provided_ignore(shlib_id)",
	},
}

// plain are packages that every schema can record whole.
func plain() []Installed {
	pkgs := installed()
	for i := range pkgs {
		m := pkgs[i].Manifest
		m.ShlibsRequiredIgnore, m.ShlibsProvidedIgnore = nil, nil
		var files pkgfile.Files
		for _, f := range m.Files.All() {
			files.Append(pkgfile.File{Path: f.Path, Sum: f.Sum})
		}
		m.Files = files
		for j := range m.Dirs {
			m.Dirs[j] = pkgfile.Dir{Path: m.Dirs[j].Path}
		}
		m.Config = nil
	}
	return pkgs
}

// TestSchemas writes each schema and wants what pkg's own has: the tables and
// indexes of its statements, its number and its cookie.
func TestSchemas(t *testing.T) {
	t.Parallel()
	// Digests of the normal form. A change of one is a change of format.
	want := map[Schema]string{
		36: "e2f650b8982437e2e2bdaa44337448745fa75aabf477765e5c35a444a1d60365",
		37: "2ea9cb962c13b6675e89fff9911dfeb0380da2d1e76b347e5e8d9a1fed4f3c2c",
		38: "1537a94298f7c3ad63fe8408fdec82a884423c9535fff1fdec1f4cb938a592d8",
		39: "33fbdd5f776e050f9913cfdbcab06dfe8c49716672d03ccf85e9f305d7bf92bf",
		42: "adcd5372f5acf708d2013127037975c1b1366a5af3b6d6ae66a79040f195be81",
	}
	cookies := map[Schema]uint32{36: 56, 37: 56, 38: 60, 39: 67, 42: 56} // of databases that pkg 2.2.2 … 2.8.4 made
	for _, schema := range Schemas {
		image := written(t, plain(), 100, schema)
		if got := sha256.Sum256(image); hex.EncodeToString(got[:]) != want[schema] {
			t.Errorf("schema %d: got %x, want %s", schema, got, want[schema])
		}
		if got := binary.BigEndian.Uint32(image[60:]); got != uint32(schema) {
			t.Errorf("user_version: got %d, want %d", got, schema)
		}
		if got := binary.BigEndian.Uint32(image[40:]); got != cookies[schema] {
			t.Errorf("schema %d: cookie: got %d, want %d", schema, got, cookies[schema])
		}
		if c := content(t, image); len(c.Check(t.Context())) != 0 {
			t.Errorf("schema %d: %v", schema, c.Check(t.Context()))
		}
		if again := mustNormalise(t, image, schema); !bytes.Equal(again, image) {
			t.Errorf("schema %d: the normal form of a normal form is another one", schema)
		}
	}
}

// TestGoldenNormal normalises databases that two versions of pkg(8) wrote;
// testdata/README says how. .ci/run does it on a big-endian machine, too.
func TestGoldenNormal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		schema Schema
		want   string // a change of one is a change of format
	}{
		{"pkg-2.7.5", 39, "ee2e8227fe2102e3b110ad502539a3f1733c699b6f964be889bf43a33357766f"},
		{"pkg-2.7.5", 42, "ad0d429e5840a1f820ea919f7493f15062fb3e88634539ec303a17159aa89cfa"},
		{"pkg-2.8.99", 39, "6c7ce6322bdc806e59db81a7ca45bd958c53fd4aac66b702ae6dae9edd3e369c"},
		{"pkg-2.8.99", 42, "98038dc50da0592001570042482fc54a088347c549b1dccf4ba26b2a18b76041"},
	} {
		f, err := os.Open("testdata/" + tt.name + ".sqlite.zst")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		plain, err := packing.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		image, err := io.ReadAll(plain)
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(mustNormalise(t, image, tt.schema)); hex.EncodeToString(got[:]) != tt.want {
			t.Errorf("%s in schema %d: got %x, want %s", tt.name, tt.schema, got, tt.want)
		}
	}
}

// TestMigrated brings a database up as pkg does, and wants the normal form of
// one that never was older.
func TestMigrated(t *testing.T) {
	t.Parallel()
	for i, from := range Schemas {
		image := written(t, plain(), 100, from)
		for _, to := range Schemas[i:] {
			if to != from {
				image = alter(t, image, append(upgrades[to], fmt.Sprintf("PRAGMA user_version = %d", to))...)
			}
			fresh := mustNormalise(t, image, to)
			direct := written(t, plain(), 100, to)
			if from == 36 && to != 36 { // which knew no attributes: they are NULL for good
				direct = mustNormalise(t, alter(t, direct, "UPDATE files SET perm = NULL, fflags = NULL, mtime = NULL", "UPDATE directories SET perm = NULL, fflags = NULL"), to)
			}
			if !bytes.Equal(fresh, direct) {
				t.Errorf("from %d to %d: normal form differs from a fresh one's", from, to)
			}
			if c := content(t, image); len(c.Check(t.Context())) != 0 && to == 42 {
				t.Errorf("from %d to %d: check of a sound database: %v", from, to, c.Check(t.Context()))
			}
		}
	}
}

// TestTraces leaves in a database what pkg and SQLite leave, none of it part
// of what is installed.
func TestTraces(t *testing.T) {
	t.Parallel()
	want := mustWrite(t, installed(), 100)
	for name, statements := range map[string][]string{
		"write-ahead log":   {"PRAGMA journal_mode = WAL", "UPDATE packages SET time = 5"},
		"install time":      {"UPDATE packages SET time = 1234567890"},
		"pid":               {"INSERT INTO pkg_lock_pid VALUES (4711)"},
		"locks":             {"UPDATE pkg_lock SET exclusive = 1, read = 2"},
		"no lock row":       {"DELETE FROM pkg_lock"},
		"freed pages":       {"CREATE TABLE filler (x)", "INSERT INTO filler VALUES (zeroblob(100000))", "DROP TABLE filler"},
		"gaps in ids":       renumber("40 + %s * 7"),
		"other order":       renumber("3 - %s"),
		"unused names":      {"INSERT INTO shlibs (name) VALUES ('gone.so')", "INSERT INTO annotation (annotation) VALUES ('gone')", "INSERT INTO directories (path) VALUES ('/gone')"},
		"texts twice":       {"INSERT INTO provides (provide) VALUES ('v')", "INSERT INTO pkg_provides SELECT 1, max(id) FROM provides"},
		"missing indexes":   {"DROP INDEX deps_unique", "DROP INDEX files_package_id"},
		"old tables":        {"CREATE TABLE mtree (id INTEGER PRIMARY KEY, content TEXT)", "INSERT INTO mtree VALUES (1, 'x')", "CREATE TABLE option_desc (option_desc_id INTEGER PRIMARY KEY, option_desc TEXT)"},
		"old view":          {old[1], old[2], old[3], old[4]},
		"old column":        {"ALTER TABLE packages ADD COLUMN infos TEXT"},
		"statistics":        {"ANALYZE"},
		"another page size": {"PRAGMA page_size = 8192", "VACUUM"},
	} {
		image := alter(t, want, statements...)
		if !strings.Contains(name, "log") && bytes.Equal(image, want) {
			t.Errorf("%s: left no trace", name)
		}
		if !bytes.Equal(mustNormalise(t, image, 42), want) {
			t.Errorf("%s: shows in the normal form", name)
		}
	}
}

// renumber gives packages other numbers, in all tables.
func renumber(to string) []string {
	fresh, err := DefaultSchema.fresh()
	if err != nil {
		panic(err)
	}
	statements := []string{"PRAGMA foreign_keys = OFF"}
	for _, table := range fresh.tables {
		column := "package_id"
		if table == "packages" {
			column = "id"
		}
		if slices.Contains(fresh.columns[table], column) { // by way of numbers that nobody has
			statements = append(statements, fmt.Sprintf("UPDATE %s SET %s = -1000 - %s", table, column, column),
				fmt.Sprintf("UPDATE %s SET %s = "+to, table, column, "(-1000 - "+column+")"))
		}
	}
	return statements
}

// TestHomeless gives databases what the normal form has no place for.
func TestHomeless(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		want      string
		schema    Schema
		statement []string
	}{
		{`schema 35 is not known, wanted one of 36, 37, 38, 39, 42`, 42, []string{"PRAGMA user_version = 35"}},
		{`table "mine" is not one of pkg's`, 42, []string{"CREATE TABLE mine (x)"}},
		{`view "mine" is not one of pkg's`, 42, []string{"CREATE VIEW mine AS SELECT 1"}},
		{`trigger "mine" is not one of pkg's`, 42, []string{"CREATE TRIGGER mine AFTER INSERT ON files BEGIN SELECT 1; END"}},
		{`table packages: row {`, 42, []string{"UPDATE packages SET mtree_id = 7 WHERE name = 'a'"}},
		{`its infos has no place in schema 42`, 42, []string{"ALTER TABLE packages ADD COLUMN infos TEXT", "UPDATE packages SET infos = 'x'"}},
		{`table files has no column mtime`, 42, []string{"ALTER TABLE files DROP COLUMN mtime"}},
		{`table pkg_categories: row {"category": "base", "package": "?77"}: its package is 77, which is not in packages`, 42, []string{"UPDATE pkg_categories SET package_id = 77"}},
		{`row {"content": "text", "package": null, "path": "/etc/c"}: has no package`, 42, []string{"UPDATE config_files SET package_id = NULL"}},
		{`table pkg_option_default: row {"default_value": "on", "option": "DOCS", "package": "a"}: has no place in schema 42`, 42,
			[]string{"CREATE TABLE pkg_option_default (package_id INTEGER, option_id INTEGER, default_value TEXT)", "INSERT INTO pkg_option_default VALUES (1, 1, 'on')"}},
		{`table files: row {`, 36, nil},
		{`table pkg_shlibs_required_ignore: row {"package": "a", "shlib": "i.so"}: has no place in schema 37`, 37, nil},
		{`conflict is 99, which is not in packages`, 42, []string{"INSERT INTO pkg_conflicts VALUES (1, 99)"}},
	} {
		image := alter(t, mustWrite(t, installed(), 100), tt.statement...)
		_, err := Normalise(t.Context(), t.TempDir(), sqlitefile.NewImage(image), tt.schema, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.statement, err, tt.want)
		}
	}
}

// TestHistory installs, upgrades, replaces and removes at random, as pkg does
// row by row, and wants the normal form of what is there in the end.
func TestHistory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories) {
		random := rand.New(rand.NewPCG(seed, 1))
		now := map[string]Installed{}
		image := mustWrite(t, nil, 100)
		var log []string
		for range 12 {
			name := string(rune('a' + random.IntN(5)))
			p := randomPackage(random, name)
			statements := []string{"PRAGMA foreign_keys = ON", fmt.Sprintf("DELETE FROM packages WHERE name = '%s'", name)}
			delete(now, name)
			if random.IntN(3) > 0 {
				now[name] = p
				statements = append(statements, "ATTACH '"+writeTemp(t, mustWrite(t, []Installed{p}, 100))+"' AS one")
				statements = append(statements, play...)
				statements = append(statements, "DETACH one")
			}
			if random.IntN(4) == 0 {
				statements = append(statements, "DELETE FROM shlibs WHERE id NOT IN (SELECT shlib_id FROM pkg_shlibs_required UNION SELECT shlib_id FROM pkg_shlibs_provided UNION SELECT shlib_id FROM pkg_shlibs_required_ignore UNION SELECT shlib_id FROM pkg_shlibs_provided_ignore)")
			}
			image = alter(t, image, statements...)
			log = append(log, fmt.Sprint(name, len(statements)))
		}
		var pkgs []Installed
		for _, p := range now {
			pkgs = append(pkgs, p)
		}
		got := mustNormalise(t, image, 42)
		if !bytes.Equal(got, mustWrite(t, pkgs, 100)) {
			t.Fatalf("seed %d: %v: normal form differs", seed, log)
		}
		if !bytes.Equal(got, mustNormalise(t, got, 42)) {
			t.Fatalf("seed %d: is not stable", seed)
		}
		if faults := content(t, got).Check(t.Context()); len(faults) > 0 {
			t.Fatalf("seed %d: %v", seed, faults)
		}
	}
}

// play adds the one package of the attached database, as pkg would: its row
// gets a new number, names that are known are used again.
var play = func() []string {
	s := []string{"INSERT INTO packages SELECT (SELECT ifnull(max(id), 0) + 1 FROM packages)" + columnsOf("packages", "id") + " FROM one.packages"}
	me := "(SELECT max(id) FROM main.packages)"
	for _, t := range []string{"files", "config_files", "deps"} {
		list := strings.TrimPrefix(columnsOf(t, "package_id"), ", ")
		s = append(s, fmt.Sprintf("INSERT INTO %s (%s, package_id) SELECT %s, %s FROM one.%s", t, list, list, me, t))
	}
	for _, n := range references[2:] { // all but those to packages
		if strings.Contains(n.table, "desc") {
			continue
		}
		list := strings.TrimPrefix(columnsOf(n.table, n.key), ", ")
		s = append(s, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM one.%s AS o WHERE o.%s NOT IN (SELECT %s FROM main.%s) ORDER BY o.%s DESC",
			n.table, list, list, n.table, n.text, n.text, n.table, n.text))
	}
	fresh, err := DefaultSchema.fresh()
	if err != nil {
		panic(err)
	}
	for _, table := range fresh.tables {
		if !strings.HasPrefix(table, "pkg_") || strings.HasPrefix(table, "pkg_lock") || table == "pkg_conflicts" {
			continue
		}
		var values []string
		for _, c := range fresh.columns[table] {
			switch ref := referenceOf(table, c); {
			case c == "package_id":
				values = append(values, me)
			case ref != nil:
				values = append(values, fmt.Sprintf("(SELECT m.%s FROM main.%s AS m JOIN one.%s AS o ON m.%s = o.%s WHERE o.%s = x.%s)", ref.key, ref.table, ref.table, ref.text, ref.text, ref.key, c))
			default:
				values = append(values, c)
			}
		}
		s = append(s, fmt.Sprintf("INSERT INTO %s SELECT %s FROM one.%s AS x", table, strings.Join(values, ", "), table))
	}
	return s
}()

// columnsOf lists a table's columns but one, each after a comma.
func columnsOf(table, but string) string {
	fresh, err := DefaultSchema.fresh()
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	for _, c := range fresh.columns[table] {
		if c != but {
			b.WriteString(", " + sqlitefile.Quoted(c))
		}
	}
	return b.String()
}

func writeTemp(t *testing.T, image []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "one")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// randomPackage owns files of its own, and shares names and a directory.
func randomPackage(random *rand.Rand, name string) Installed {
	some := func(prefix string) []string {
		var list []string
		for i := range random.IntN(4) {
			list = append(list, fmt.Sprint(prefix, random.IntN(3), i))
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	attr := pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o755}
	m := &pkgfile.Manifest{
		Name: name, Version: fmt.Sprint(random.IntN(9)), Origin: "o/" + name, ABI: "FreeBSD:15:amd64", Prefix: "/", FlatSize: random.Int64N(999),
		Licenses: some("l"), Categories: some("c"), Users: some("u"), Groups: some("g"), ShlibsRequired: some("r.so."), ShlibsProvided: some("p.so."),
		Provides: some("v"), Requires: some("q"), Dirs: []pkgfile.Dir{{Path: "/shared", Attr: attr}}, LicenseLogic: "and",
	}
	for _, s := range some("s") {
		m.Files.Append(pkgfile.File{Path: "/" + name + "/" + s, Sum: sha, Attr: attr, Time: ptr(random.Int64N(99))})
		m.Options = append(m.Options, pkgfile.Pair{Name: s, Value: "on"})
		m.Annotations = append(m.Annotations, pkgfile.Pair{Name: s, Value: name})
		m.Scripts = []pkgfile.Script{{Phase: "post-install", Text: s}}
	}
	return Installed{Manifest: m, Repository: "r", Automatic: random.IntN(2) == 0, Locked: random.IntN(2) == 0}
}
