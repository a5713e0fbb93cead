// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// sound is a database without a fault.
func sound(t *testing.T) []byte {
	t.Helper()
	pkgs := installed()
	pkgs[0].Contents["/etc/c"] = []byte("text")
	var files pkgfile.Files
	for i, f := range pkgs[0].Files.All() {
		if i == 1 {
			f.Sum = string(sum.Of(sum.SHA256, []byte("text")))
		}
		files.Append(f)
	}
	pkgs[0].Files = files
	pkgs[0].Provides, pkgs[0].Requires = []string{"v", "w"}, []string{"r", "v"}
	pkgs[1].Users = []string{"u"}
	image := mustWrite(t, pkgs, 100)
	if faults := content(t, image).Check(t.Context()); len(faults) > 0 {
		t.Fatalf("a sound database: %v", faults)
	}
	return image
}

// TestMutations changes one row at a time, in the ways that pkg's own commands
// mostly overlook, and wants check or diff to name what was changed.
func TestMutations(t *testing.T) {
	t.Parallel()
	base := sound(t)
	const digest = "a-1: manifest digest is"
	for _, tt := range []struct{ statement, check, diff string }{
		{"UPDATE files SET sha256 = '1$0000412c21cd20b0c5a29c08cc8d657b6eca1ea04175d461d63060e3d86caa8f' WHERE path = '/bin/a'", "", "a file /bin/a: sum 1$36a9412c21cd20b0c5a29c08cc8d657b6eca1ea04175d461d63060e3d86caa8f -> 1$0000"},
		{"UPDATE files SET sha256 = '9$00' WHERE path = '/bin/a'", `a-1: /bin/a: sum is "9$00"`, "file /bin/a: sum"},
		{"UPDATE files SET sha256 = NULL WHERE path = '/bin/a'", `a-1: /bin/a: sum is "", wanted a typed sum`, "file /bin/a: sum 1$36a9"},
		{"UPDATE files SET perm = 420 WHERE path = '/bin/a'", "", "a file /bin/a: mode 4755 -> 0644"},
		{"UPDATE files SET perm = '0755x' WHERE path = '/bin/a'", `its perm is "0755x", wanted a number`, "file /bin/a: mode 4755 -> 0755x"},
		{"UPDATE files SET perm = '4755' WHERE path = '/bin/a'", "a-1: /bin/a: mode is 011223", "file /bin/a: mode 4755 -> 11223"},
		{"UPDATE files SET perm = 65535 WHERE path = '/bin/a'", "a-1: /bin/a: mode is 0177777, wanted at most 07777", "mode 4755 -> 177777"},
		{"UPDATE files SET uname = 'games' WHERE path = '/bin/a'", "", "file /bin/a: uname root -> games"},
		{"UPDATE files SET gname = '' WHERE path = '/bin/a'", `a-1: /bin/a: owner is "root":"", wanted a user and a group`, `file /bin/a: gname wheel -> ""`},
		{"UPDATE files SET fflags = 0 WHERE path = '/bin/a'", "", "file /bin/a: flags schg -> none"},
		{"UPDATE files SET mtime = 51 WHERE path = '/bin/a'", "", "file /bin/a: time 1970-01-01T00:00:50Z -> 1970-01-01T00:00:51Z"},
		{"UPDATE files SET symlink_target = 'bin/b' WHERE path = '/l'", "", "file /l: link bin/a -> bin/b"},
		{"INSERT INTO files (path, sha256, package_id) VALUES ('/extra', '" + sha + "', 1)", "", "a + file /extra"},
		{"UPDATE files SET path = 'bin/a' WHERE path = '/bin/a'", `a-1: bin/a: path is "bin/a", wanted an absolute one`, "a - file /bin/a"},
		{"DELETE FROM files WHERE path = '/bin/a'", "", "a - file /bin/a"},
		{"INSERT INTO files (path, sha256, package_id) VALUES ('/orphan', '" + sha + "', 99)", "its package is 99, which is not in packages", "?99"},
		{"DELETE FROM pkg_directories WHERE package_id = 2", "", "b - directory /bin"},
		{"DELETE FROM directories", "its directory is 1, which is not in directories", `directory "?1"`},
		{"UPDATE directories SET perm = 448", "", "directory /bin: mode 4755 -> 0700"},
		{"UPDATE deps SET name = 'c'", "a-1: dependency c is absent, wanted an installed package", "a + dependency c 2"},
		{"UPDATE deps SET version = '3'", "", "a dependency b: version 2 -> 3"},
		{"DELETE FROM deps", digest, "a - dependency b 2"},
		{"UPDATE packages SET manifestdigest = '2$2$zzz' WHERE name = 'a'", `a-1: manifest digest is "2$2$zzz"`, "a package: manifest digest"},
		{"UPDATE packages SET manifestdigest = NULL WHERE name = 'a'", "a-1: manifest digest is null", "a package: manifest digest"},
		{"UPDATE packages SET flatsize = 8 WHERE name = 'a'", "", "a package: flatsize 7 -> 8"},
		{"UPDATE packages SET flatsize = -8 WHERE name = 'a'", "a: flatsize is -8, wanted a number", "a package: flatsize 7 -> -8"},
		{"UPDATE packages SET automatic = 1 WHERE name = 'a'", "", "a package: automatic no -> yes"},
		{"UPDATE packages SET automatic = 7 WHERE name = 'a'", "a: automatic is 7, wanted 0 or 1", "a package: automatic no -> 7"},
		{"UPDATE packages SET locked = 1 WHERE name = 'a'", "", "a package: locked no -> yes"},
		{"UPDATE packages SET vital = 0 WHERE name = 'a'", digest, "a package: vital yes -> no"},
		{"UPDATE packages SET arch = 'FreeBSD:14:amd64' WHERE name = 'a'", digest, "a package: abi FreeBSD:15:amd64 -> FreeBSD:14:amd64"},
		{"UPDATE packages SET version = '14' WHERE name = 'a'", "a-14: manifest digest is", "a package: version 1 -> 14"},
		{"UPDATE packages SET name = 'z' WHERE name = 'a'", "z-1: manifest digest is", "a - package 1"},
		{"UPDATE packages SET licenselogic = 5 WHERE name = 'a'", "a: licenselogic is 5, wanted 0, 1, 38 or 124", "a package: license logic or -> 5"},
		{"UPDATE packages SET time = NULL WHERE name = 'a'", "a: time is null, wanted a number", "a package: time 1970-01-01T00:01:40Z -> none"},
		{"UPDATE packages SET message = NULL WHERE name = 'a'", "", "a package: message"},
		{"DELETE FROM packages WHERE name = 'b'", "which is not in packages", "b - package 2"},
		{"DELETE FROM pkg_shlibs_provided", digest, "a - shlib provided p.so"},
		{"DELETE FROM pkg_shlibs_required", digest, "a - shlib required l.so.1"},
		{"DELETE FROM pkg_shlibs_required_ignore", "", "a - shlib required and ignored i.so"},
		{"DELETE FROM pkg_annotation WHERE tag_id = (SELECT annotation_id FROM annotation WHERE annotation = 'repository') AND package_id = 1", "", "a - annotation repository FreeBSD-base"},
		{"UPDATE annotation SET annotation = 'tiny' WHERE annotation = 'minimal'", "", "a annotation set: value minimal -> tiny"},
		{"UPDATE config_files SET content = NULL", "a-1: /etc/c: configuration text is absent", "a config file /etc/c: content text -> none"},
		{"UPDATE config_files SET content = 'test'", "a-1: /etc/c: sum of the configuration text is 1$", "a config file /etc/c: content text -> test"},
		{"UPDATE config_files SET path = '/etc/d'", "a-1: /etc/d: config file is not a file of the package", "a + config file /etc/d"},
		{"UPDATE pkg_lock SET exclusive = 1", "pkg_lock: exclusive is 1, wanted 0", "lock: exclusive 0 -> 1"},
		{"INSERT INTO pkg_lock_pid VALUES (4711)", `table pkg_lock_pid: row {"pid": 4711}: a process holds the lock`, "+ process that holds the lock 4711"},
		{"UPDATE pkg_option SET value = 'off'", digest, "a option DOCS: value on -> off"},
		{"DELETE FROM pkg_provides", digest, "a - provides v"},
		{"DELETE FROM pkg_requires", digest, "a - requires r"},
		{"INSERT INTO provides (provide) VALUES ('v')", `table provides: row {"provide": "v"}: occurs twice`, ""},
		{"INSERT INTO requires (require) VALUES ('r')", `table requires: row {"require": "r"}: occurs twice`, ""},
		{"UPDATE script SET script = 'echo' || char(10) || 'rm'", "", `a script post-install: text, line 2, none -> rm`},
		{"UPDATE pkg_lua_script SET type = 3", "", "a + lua script post-deinstall"},
		{"UPDATE pkg_script SET type = 77 WHERE type = 0", "its type is 77, which is not known", "a + script 77"},
		{"DELETE FROM pkg_licenses", "", "a - license BSD"},
		{"DELETE FROM pkg_categories", "", "a - category base"},
		{"DELETE FROM pkg_users WHERE package_id = 1", digest, "a - user u"},
		{"DELETE FROM pkg_groups", digest, "a - group g"},
		{"DROP INDEX files_package_id", "index files_package_id is missing, wanted one in schema 42", ""},
		{"DROP INDEX deps_unique", "index deps_unique is missing", ""},
	} {
		c := content(t, alter(t, base, tt.statement))
		var faults, changes []string
		for _, err := range c.Check(t.Context()) {
			faults = append(faults, err.Error())
		}
		for _, change := range diff(t, content(t, base), c) {
			changes = append(changes, strings.TrimPrefix(change.Package+" "+change.String(), " "))
		}
		for _, side := range []struct {
			name, want string
			found      []string
		}{{"check", tt.check, faults}, {"diff", tt.diff, changes}} {
			all := strings.Join(side.found, "\n")
			if side.want == "" && len(side.found) > 0 {
				t.Errorf("%s: %s finds %s", tt.statement, side.name, all)
			}
			if !strings.Contains(all, side.want) {
				t.Errorf("%s: %s finds %q, want %s", tt.statement, side.name, all, side.want)
			}
		}
	}
}

// TestInverse reads packages back from what was written of them.
func TestInverse(t *testing.T) {
	t.Parallel()
	image := sound(t)
	pkgs, err := content(t, image).Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pkgs[0].Messages = []pkgfile.Message{{Text: "hello", Type: "install"}} // which are not read
	again := mustWrite(t, pkgs, 100)
	for _, change := range diff(t, content(t, image), content(t, again)) {
		t.Error(change.Package, change)
	}
}

// TestJournals reads databases that another process left with changes beside
// them, and replaces them.
func TestJournals(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"WAL", "PERSIST"} {
		file := filepath.Join(t.TempDir(), "a db?#%41.sqlite")
		if err := os.WriteFile(file, sound(t), 0o640); err != nil {
			t.Fatal(err)
		}
		db := held(t, file)
		for _, s := range []string{"COMMIT", "PRAGMA locking_mode = NORMAL", "PRAGMA journal_mode = " + mode, "PRAGMA wal_autocheckpoint = 0", "UPDATE packages SET version = '5' WHERE name = 'b'"} {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(s, err)
			}
		}
		image, err := sqlitefile.Read(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		text := bytesOf(t, image)
		pkgs, err := content(t, text).Installed(t.Context())
		if err != nil || pkgs[1].Version != "5" {
			t.Errorf("%s: got version %v, %v, want 5", mode, pkgs[1].Version, err)
		}
		if mode == "WAL" {
			if _, err := os.Stat(file + "-wal"); err != nil {
				t.Error("there is no write-ahead log to read")
			}
		}
		db.Close()
		normal := mustNormalise(t, text, 42)
		if err := sqlitefile.Write(t.Context(), file, sqlitefile.NewImage(normal)); err != nil {
			t.Fatal(err)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
		if err != nil || len(left) != 1 {
			t.Errorf("%s: left %v", mode, left)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode() != 0o640 {
			t.Errorf("mode: got %v, %v, want 0640", info.Mode(), err)
		}
	}
}

// TestWriteFileBusy wants a database alone that another process writes to.
func TestWriteFileBusy(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(file, sound(t), 0o644); err != nil {
		t.Fatal(err)
	}
	defer held(t, file).Close()
	if err := sqlitefile.Write(t.Context(), file, sqlitefile.NewImage([]byte("x"))); err == nil || !strings.Contains(fmt.Sprint(err), "locked") {
		t.Errorf("got %v, want that the database is locked", err)
	}
}

// held is a database that another process writes to.
func held(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=rw")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, s := range []string{"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(s, err)
		}
	}
	return db
}
