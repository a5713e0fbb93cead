// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

const sha = "1$36a9412c21cd20b0c5a29c08cc8d657b6eca1ea04175d461d63060e3d86caa8f"

func ptr[T any](v T) *T { return &v }

// installed are two packages that between them use every table.
func installed() []Installed {
	attr := pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o4755}
	a := &pkgfile.Manifest{
		Name: "a", Version: "1", Origin: "o/a", Comment: "c", Desc: "d", Maintainer: "m", WWW: "w", ABI: "FreeBSD:15:amd64", Prefix: "/",
		FlatSize: 7, LicenseLogic: "or", Licenses: []string{"BSD", "MIT"}, Categories: []string{"base"}, Users: []string{"u"}, Groups: []string{"g"},
		ShlibsRequired: []string{"l.so.1"}, ShlibsRequiredIgnore: []string{"i.so"}, ShlibsProvided: []string{"p.so"}, ShlibsProvidedIgnore: []string{"q.so"},
		Provides: []string{"v"}, Requires: []string{"r"}, Vital: true,
		Deps: []pkgfile.Dep{{Name: "b", Origin: "o/b", Version: "2"}}, Options: []pkgfile.Pair{{Name: "DOCS", Value: "on"}},
		Annotations: []pkgfile.Pair{{Name: "set", Value: "minimal"}},
		Files: pkgfile.FilesOf(
			pkgfile.File{Path: "/bin/a", Sum: sha, Attr: attr, Flags: ptr(uint32(0x20000)), Time: ptr(int64(50))},
			pkgfile.File{Path: "/etc/c", Sum: sha, Attr: attr, Time: ptr(int64(500)), IsConfig: true},
			pkgfile.File{Path: "/l", Sum: sha, Attr: attr, Time: ptr(int64(5)), IsLink: true, Link: "bin/a"},
			pkgfile.File{Path: "/old", Sum: sha},
		),
		Dirs: []pkgfile.Dir{{Path: "/bin", Attr: attr}}, Config: []string{"/etc/c"},
		Scripts:    []pkgfile.Script{{Phase: "post-install", Text: "echo"}, {Phase: "pre-install", Text: "echo"}},
		LuaScripts: []pkgfile.Script{{Phase: "post-install", Text: "print()"}},
		Messages:   []pkgfile.Message{{Text: "hello", Type: "install"}},
	}
	b := &pkgfile.Manifest{Name: "b", Version: "2", Origin: "o/b", ABI: "FreeBSD:15:*", Prefix: "/", Dirs: []pkgfile.Dir{{Path: "/bin", Attr: attr}}}
	return []Installed{
		{Manifest: a, Repository: "FreeBSD-base", Contents: map[string][]byte{"/etc/c": []byte("text\x00cut off")}},
		{Manifest: b, Repository: "FreeBSD-base", Automatic: true},
	}
}

func mustWrite(t *testing.T, pkgs []Installed, epoch int64) []byte {
	t.Helper()
	return written(t, pkgs, epoch, DefaultSchema)
}

// written are the bytes of a database.
func written(t testing.TB, pkgs []Installed, epoch int64, schema Schema) []byte {
	t.Helper()
	image, err := Write(t.Context(), t.TempDir(), pkgs, epoch, schema)
	if err != nil {
		t.Fatal(err)
	}
	return bytesOf(t, image)
}

// bytesOf are the bytes of an image, which is closed.
func bytesOf(t testing.TB, image *Image) []byte {
	t.Helper()
	text, err := image.Bytes(t.Context())
	if err := errors.Join(err, image.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}

func content(t *testing.T, image []byte) *Content {
	t.Helper()
	db, err := Open(t.Context(), sqlitefile.NewImage(image))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Content(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dumped(t *testing.T, c *Content) []Line {
	t.Helper()
	lines, err := c.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func diff(t *testing.T, a, b *Content) []Change {
	t.Helper()
	changes, err := Diff(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func dump(t *testing.T, image []byte) []string {
	t.Helper()
	var lines []string
	for _, line := range dumped(t, content(t, image)) {
		lines = append(lines, line.String())
	}
	return lines
}

// TestWrite looks at the rows that no golden has.
func TestWrite(t *testing.T) {
	t.Parallel()
	lines := dump(t, mustWrite(t, installed(), 100))
	for _, want := range []string{
		`config_files {"content": "text", "package": "a", "path": "/etc/c"}`,
		`files {"fflags": 131072, "gname": "wheel", "mtime": 50, "package": "a", "path": "/bin/a", "perm": 2541, "sha256": "` + sha + `", "symlink_target": null, "uname": "root"}`,
		`files {"fflags": 0, "gname": "wheel", "mtime": 100, "package": "a", "path": "/etc/c", "perm": 2541, "sha256": "` + sha + `", "symlink_target": null, "uname": "root"}`,
		`files {"fflags": 0, "gname": null, "mtime": 0, "package": "a", "path": "/old", "perm": 0, "sha256": "` + sha + `", "symlink_target": null, "uname": null}`,
		`pkg_shlibs_required_ignore {"package": "a", "shlib": "i.so"}`,
		`pkg_shlibs_provided_ignore {"package": "a", "shlib": "q.so"}`,
		`pkg_script {"package": "a", "script": "echo", "type": 0}`,
		`pkg_script {"package": "a", "script": "echo", "type": 1}`,
		`pkg_directories {"directory": "/bin", "package": "b", "try": 1}`,
		`deps {"name": "b", "origin": "o/b", "package": "a", "version": "2"}`,
		`pkg_lock {"advisory": 0, "exclusive": 0, "read": 0}`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no row %s", want)
		}
	}
	if !strings.Contains(strings.Join(lines, "\n"), `"message": "[{\"message\":\"hello\",\"type\":\"install\"}]"`) {
		t.Error("no message")
	}
}

// TestWriteLocal writes no repository of a package that comes from none, as pkg add of
// a file does.
func TestWriteLocal(t *testing.T) {
	t.Parallel()
	pkgs := installed()
	pkgs[0].Repository = ""
	lines := strings.Join(dump(t, mustWrite(t, pkgs, 100)), "\n")
	for tag, want := range map[string]int{"repository": 1, "repo_type": 1, "set": 1} {
		if got := strings.Count(lines, `pkg_annotation {"package": "a", "tag": "`+tag+`"`) + strings.Count(lines, `pkg_annotation {"package": "b", "tag": "`+tag+`"`); got != want {
			t.Errorf("%s: got %d rows, want %d:\n%s", tag, got, want, lines)
		}
	}
}

// TestGoldenDigest fails when anything that decides the file's bytes changes:
// the schema, the order of rows, SQLite. That is a new format.
func TestGoldenDigest(t *testing.T) {
	t.Parallel()
	image := mustWrite(t, installed(), 100)
	const want = "6f0b103f19b652e767d912fbc4e0dba9ad611cf37534bc42938dd6c4b46a1975"
	if got := sha256.Sum256(image); hex.EncodeToString(got[:]) != want {
		t.Errorf("got %x, want %s", got, want)
	}
	pkgs := installed()
	slices.Reverse(pkgs)
	if !bytes.Equal(image, mustWrite(t, pkgs, 100)) {
		t.Error("the order of packages shows")
	}
	for _, f := range []struct {
		at   int
		want uint32
	}{{24, 1}, {36, 0}, {40, 56}, {60, 42}, {92, 1}, {96, 3_053_004}} {
		if got := binary.BigEndian.Uint32(image[f.at:]); got != f.want {
			t.Errorf("header bytes at %d: got %d, want %d", f.at, got, f.want)
		}
	}
	if image[18] != 1 || image[19] != 1 {
		t.Errorf("journal bytes: got %d, %d, want 1, 1", image[18], image[19])
	}
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	pkgs, err := content(t, mustWrite(t, installed(), 100)).Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range pkgs {
		got = append(got, fmt.Sprint(p.Name, " ", p.Version, " ", p.Automatic, " ", p.Files.Len(), " ", len(p.Dirs)))
	}
	if d := cmp.Diff([]string{"a 1 false 4 1", "b 2 true 0 1"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if f := pkgs[0].Files.At(3); f.Known || f.Path != "/old" {
		t.Errorf("got %+v", f)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	whole := mustWrite(t, installed(), 100)
	for _, image := range [][]byte{nil, []byte("SQLite format 3\x00"), whole[:5000], bytes.Repeat([]byte("x"), 9000)} {
		_, err := Open(t.Context(), sqlitefile.NewImage(image))
		var format *sqlitefile.FormatError
		if !errors.As(err, &format) {
			t.Errorf("%d bytes: got %v, want a FormatError", len(image), err)
		}
	}
}

// FuzzOpen changes bytes of a database, "OFFSET HEX" a line: of one of ours, of an
// old one in small pages with statistics, whose schema needs interior and overflow
// pages, or of one that is empty. What can be read has no difference from itself,
// and a normal form that stays.
func FuzzOpen(f *testing.F) {
	var images [][]byte
	for _, base := range []struct {
		pkgs       []Installed
		schema     Schema
		statements []string
	}{{installed(), DefaultSchema, nil}, {installed(), 36, []string{"PRAGMA page_size = 512", "ANALYZE", "VACUUM"}}, {nil, 39, []string{"PRAGMA page_size = 1024", "VACUUM"}}} {
		image := written(f, base.pkgs, 100, base.schema)
		file := filepath.Join(f.TempDir(), "db")
		if err := os.WriteFile(file, image, 0o600); err != nil {
			f.Fatal(err)
		}
		db, err := sql.Open("sqlite3", "file:"+file)
		if err != nil {
			f.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		for _, s := range base.statements {
			if _, err := db.Exec(s); err != nil {
				f.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			f.Fatal(err)
		}
		if image, err = os.ReadFile(file); err != nil {
			f.Fatal(err)
		}
		images = append(images, image)
	}
	f.Add(uint8(1), "100 0d\n103 0000\n", uint32(0))
	f.Fuzz(func(t *testing.T, base uint8, changes string, cut uint32) {
		image := slices.Clone(images[int(base)%len(images)])
		image = image[:len(image)-int(cut%uint32(len(image)))]
		for line := range strings.Lines(changes) {
			var at uint32
			var text []byte
			if n, _ := fmt.Sscanf(line, "%d %x", &at, &text); n == 2 {
				copy(image[at%uint32(len(image)):], text)
			}
		}
		db, err := Open(t.Context(), sqlitefile.NewImage(image))
		if err != nil {
			_, damaged := errors.AsType[*sqlitefile.FormatError](err)
			_, unknown := errors.AsType[*SchemaError](err)
			if !damaged && !unknown {
				t.Errorf("got %v, want a FormatError", err)
			}
			return
		}
		defer db.Close()
		c, err := db.Content(t.Context())
		if err != nil {
			return
		}
		c.Installed(t.Context())
		c.Check(t.Context())
		first, err := c.Dump(t.Context())
		if err != nil {
			return
		}
		if second, err := c.Dump(t.Context()); err != nil || !slices.EqualFunc(first, second, func(a, b Line) bool { return a.String() == b.String() }) {
			t.Errorf("dumped otherwise the second time, %v", err)
		}
		if changes, err := Diff(t.Context(), c, c); err == nil && len(changes) > 0 {
			t.Errorf("differs from itself: %v", changes)
		}
		normal, err := Normalise(t.Context(), t.TempDir(), sqlitefile.NewImage(image), DefaultSchema, nil)
		if err != nil {
			return
		}
		defer normal.Close()
		again, err := Normalise(t.Context(), t.TempDir(), normal, DefaultSchema, nil)
		if err != nil {
			t.Fatalf("the normal form has none: %v", err)
		}
		defer again.Close()
		if at, err := normal.Difference(t.Context(), again); err != nil || at >= 0 {
			t.Errorf("the normal form of the normal form differs at %d, %v", at, err)
		}
	})
}
