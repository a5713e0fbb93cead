// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/elf/elftest"
)

// webPackages are a server, what it needs, and what it could do without.
func webPackages() []pkgtest.Package {
	type file = pkgtest.File
	program := elftest.File{Interpreter: "/libexec/ld-elf.so.1", Needed: []string{"libweb.so.1"}}
	library := elftest.File{Needed: []string{"libdeep.so.2"}}
	return []pkgtest.Package{
		{Name: "base", Files: []file{{Path: "/libexec/ld-elf.so.1", Body: string(elftest.File{}.Bytes()), Mode: 0o555}, {Path: "/bin/sh", Body: "sh", Mode: 0o555},
			{Path: "/usr/share/old/a", Body: "a"}, {Path: "/usr/share/old/b", Body: "b"}, {Path: "/var/fixed", Body: "x", Flags: "schg"}}},
		{Name: "web", Deps: []string{"lib", "perl"}, Files: []file{
			{Path: "/usr/local/sbin/web", Body: string(program.Bytes()), Mode: 0o555},
			{Path: "/usr/local/sbin/web-tool", HardLink: "/usr/local/sbin/web", Mode: 0o555},
			{Path: "/usr/local/sbin/web-zool", HardLink: "/usr/local/sbin/web", Mode: 0o555},
			{Path: "/usr/local/share/doc/web/a.txt", Body: "a"}, {Path: "/usr/local/share/doc/web/b.txt", Body: "b"},
			{Path: "/usr/local/etc/web.conf", Body: "conf", Config: true},
		}},
		{Name: "lib", Deps: []string{"deep"}, Files: []file{{Path: "/usr/local/lib/libweb.so.1.2", Body: string(library.Bytes())}, {Path: "/usr/local/lib/libweb.so.1", Symlink: "libweb.so.1.2"}}},
		{Name: "deep", Files: []file{{Path: "/usr/local/lib/libdeep.so.2", Body: string(elftest.File{Needed: []string{}}.Bytes())}, {Path: "/usr/local/include/deep.h", Body: "h"}}},
		{Name: "perl", Files: []file{{Path: "/usr/local/bin/perl", Body: "perl", Mode: 0o555}}},
	}
}

// TestDepartures leaves out packages and files in every way, on a parent of the same run
// and on an archive, and wants exactly that to be right.
func TestDepartures(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, webPackages()...)
	base := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", repo, "-o", base, "--name", "low", "--package", "base"); status != 0 {
		t.Fatal(said)
	}
	all := []string{"/usr/local/bin/perl", "/usr/local/etc/web.conf", "/usr/local/include/deep.h", "/usr/local/lib/libdeep.so.2", "/usr/local/lib/libweb.so.1", "/usr/local/lib/libweb.so.1.2",
		"/usr/local/sbin/web", "/usr/local/sbin/web-tool", "/usr/local/sbin/web-zool", "/usr/local/share/doc/web/a.txt", "/usr/local/share/doc/web/b.txt"}
	but := func(gone ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(path string) bool { return slices.Contains(gone, path) })
	}
	for _, tt := range []struct {
		name, keys string
		status     int
		want       string // of the message
		files      []string
		alone      int // status of verify without the lock
	}{
		{"nothing", "", 0, "", all, 0},
		{"a package", `without { perl = "no scripts" }`, 0, "", but("/usr/local/bin/perl"), 5},
		{"packages", `without { "p*" = "no scripts" }`, 0, "", but("/usr/local/bin/perl"), 5},
		{"a package that nothing needs", `without { base = "x" }`, 3, "without base, but nothing", nil, 0},
		{"a package without a reason", `without { perl = "" }`, 2, "perl has no reason", nil, 0},
		{"a library", `without { deep = "x" }`, 5, "needs libdeep.so.2", nil, 0},
		{"files", `remove = [ "/usr/local/share/doc/**", "/usr/local/include/deep.h" ]`, 0, "", but("/usr/local/share/doc/web/a.txt", "/usr/local/share/doc/web/b.txt", "/usr/local/include/deep.h"), 5},
		{"a folder", `remove = [ "/usr/local/share/doc" ]`, 0, "", but("/usr/local/share/doc/web/a.txt", "/usr/local/share/doc/web/b.txt"), 5},
		{"the first name of a file", `remove = [ "/usr/local/sbin/web" ]`, 0, "", but("/usr/local/sbin/web"), 5},
		{"two names of a file", `remove = [ "/usr/local/sbin/web", "/usr/local/sbin/web-tool" ]`, 0, "", but("/usr/local/sbin/web", "/usr/local/sbin/web-tool"), 5},
		{"nothing there", `remove = [ "/usr/local/share/doc/other" ]`, 3, "remove: /usr/local/share/doc/other: is not in the image", nil, 0},
		{"a relative path", `remove = [ "usr" ]`, 2, `remove: found "usr"`, nil, 0},
		{"of the parent", `remove = [ "/bin/sh" ]`, 0, "", all, 5},
		{"a folder of the parent", `remove = [ "/usr/share/old" ]`, 0, "", all, 5},
		{"all in a folder of the parent", `remove = [ "/usr/share/old/**" ]`, 0, "", all, 5},
		{"an immutable file of the parent", `remove = [ "/var/fixed" ]`, 3, "but it is immutable in the first", nil, 0},
		{"only a program", `only { programs = [ "/usr/local/sbin/web-tool" ]; paths = [ "/usr/local/etc/**" ] }; pkg-database = keep`, 0, "",
			[]string{"/usr/local/etc/web.conf", "/usr/local/lib/libdeep.so.2", "/usr/local/lib/libweb.so.1", "/usr/local/lib/libweb.so.1.2", "/usr/local/sbin/web", "/usr/local/sbin/web-tool"}, 5},
		{"only a program, without a database", `only { programs = [ "/usr/local/sbin/web" ] }; pkg-database = none`, 0, "",
			[]string{"/usr/local/lib/libdeep.so.2", "/usr/local/lib/libweb.so.1", "/usr/local/lib/libweb.so.1.2", "/usr/local/sbin/web"}, 5},
		{"only, unsaid", `only { programs = [ "/usr/local/sbin/web" ] }`, 2, "pkg-database is not said", nil, 0},
		{"only what is not there", `only { programs = [ "/usr/local/sbin/no" ] }; pkg-database = keep`, 3, "/usr/local/sbin/no: is not in the image", nil, 0},
		{"only paths that are not there", `only { paths = [ "/no" ] }; pkg-database = keep`, 3, "only: /no: is not in the image", nil, 0},
		{"no database", `pkg-database = none`, 0, "", all, 5},
	} {
		for _, on := range []string{filepath.Join(base, "container-image-low.txz"), "low"}[:departBases] {
			checkDeparture(t, repo, on, tt.name, tt.keys, tt.status, tt.want, tt.files, tt.alone)
		}
	}
}

func checkDeparture(t *testing.T, repo, on, name, keys string, status int, want string, files []string, alone int) {
	t.Helper()
	dir := t.TempDir()
	definition := filepath.Join(dir, "web.ucl")
	text := "image low { packages = [ base ] }\nimage web { parent = \"" + on + "\"; packages = [ web ]; " + keys + " }\n"
	if err := os.WriteFile(definition, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, said := orlop(t, "build", "-q", "--repo", repo, "-o", dir, "--image-file", definition, "web")
	if got != status || !strings.Contains(said, want) {
		t.Errorf("%s on %s: status %d, said %s\nwanted %d, %s", name, on, got, said, status, want)
		return
	}
	if status != 0 {
		return
	}
	archive := filepath.Join(dir, "container-image-web.txz")
	_, listed, _ := capture(t, "ls", "--files", archive)
	var found []string
	for line := range strings.Lines(listed) {
		fields := strings.Fields(line)
		for _, field := range fields {
			if strings.HasPrefix(field, "/usr/local/") && !slices.Contains(found, field) {
				found = append(found, field)
			}
		}
	}
	slices.Sort(found)
	found = slices.DeleteFunc(found, func(path string) bool {
		return !slices.ContainsFunc(webPackages(), func(p pkgtest.Package) bool {
			return slices.ContainsFunc(p.Files, func(f pkgtest.File) bool { return f.Path == path })
		})
	})
	if !slices.Equal(found, files) {
		t.Errorf("%s on %s: found %v\nwanted %v", name, on, found, files)
	}
	checkRebuilt(t, name, repo, on, definition, archive)
	copied := filepath.Join(t.TempDir(), "copy.txz")
	bytes, err := os.ReadFile(archive)
	if err == nil {
		err = os.WriteFile(copied, bytes, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if status, said := orlop(t, "verify", "-q", copied); status != alone {
		t.Errorf("%s on %s: verify without the lock: status %d, wanted %d; said %s", name, on, status, alone, said)
	}
	if status, said := orlop(t, "verify", "-q", "--allow-departures", copied); status != 0 {
		t.Errorf("%s on %s: verify --allow-departures: status %d, said %s", name, on, status, said)
	}
}

// checkRebuilt verifies an image on a parent of the same run, low, or on an archive, and
// makes it again.
func checkRebuilt(t *testing.T, name, repo, on, definition, archive string) {
	t.Helper()
	if status, said := orlop(t, "verify", "-q", archive); status != 0 {
		t.Errorf("%s on %s: verify: status %d, said %s", name, on, status, said)
	}
	rebuild := []string{"verify", "-q", "--rebuild", "--repo", repo, "--image-file", definition}
	if on != "low" {
		rebuild = append(rebuild, "--parent", on)
	}
	if status, said := orlop(t, append(rebuild, archive)...); status != 0 {
		t.Errorf("%s on %s: rebuild: status %d, said %s", name, on, status, said)
	}
}
