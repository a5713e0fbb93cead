// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sum"
)

// localCase is a definition with a package beside it, and a repository.
type localCase struct {
	repo, own, image string // the package is own/pkgs/tool-9.pkg
	text             []byte // of the package
}

func newLocalCase(t *testing.T) *localCase {
	t.Helper()
	l := &localCase{repo: t.TempDir(), own: t.TempDir()}
	file := func(name, body string) []pkgtest.File {
		return []pkgtest.File{{Path: "/usr/local/share/" + name, Body: body, Mode: 0o644}}
	}
	pkgtest.WriteRepo(l.repo, pkgtest.Package{Name: "lib", Files: file("lib", "lib")}, pkgtest.Package{Name: "tool", Version: "10", Files: file("tool", "another")},
		pkgtest.Package{Name: "above", Deps: []string{"tool"}})
	l.text = pkgtest.Package{Name: "tool", Version: "9", Deps: []string{"lib"}, Files: file("tool", "own")}.Archive()
	l.image = l.write(t, "own.ucl", "image x { packages = [ ./pkgs/tool-9.pkg, above ] }\n")
	l.write(t, "pkgs/tool-9.pkg", string(l.text))
	return l
}

// write writes a file beside the definition.
func (l *localCase) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(l.own, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// build builds an image, and returns its archive.
func (l *localCase) build(t *testing.T, args ...string) string {
	t.Helper()
	out := t.TempDir()
	if status, said := orlop(t, append([]string{"build", "-q", "--repo", "ports=" + l.repo, "--cache", t.TempDir(), "-o", out}, args...)...); status != 0 {
		t.Fatal(said)
	}
	return filepath.Join(out, "container-image-x.txz")
}

// TestLocalPackage builds an image with a package beside its definition: it wins over
// the repository's newer one, also as a dependency, and the lock has its sha256.
func TestLocalPackage(t *testing.T) {
	t.Parallel()
	l := newLocalCase(t)
	archive := l.build(t, "--image-file", l.image, "x")
	lock, err := os.ReadFile(strings.TrimSuffix(archive, ".txz") + ".lock.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"path": "pkgs/tool-9.pkg"`, `"sum": "` + sum.HexSHA256(l.text) + `"`, `"version": "9"`, `"repository": ""`, `"./pkgs/tool-9.pkg"`} {
		if !strings.Contains(string(lock), want) {
			t.Errorf("the lock has no %s:\n%s", want, lock)
		}
	}
	for _, not := range []string{l.own, `"version": "10"`, `"name": ""`} {
		if strings.Contains(string(lock), not) {
			t.Errorf("the lock has %s", not)
		}
	}
	if status, said := orlop(t, "verify", archive); status != 0 {
		t.Errorf("verify: status %d: %s", status, said)
	}
	sameArchive(t, archive, l.build(t, "--image-file", l.image, "x"), "again")
}

// sameArchive compares two archives.
func sameArchive(t *testing.T, want, got, what string) {
	t.Helper()
	a, errA := os.ReadFile(want)
	b, errB := os.ReadFile(got)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("%s: it is another archive (%v, %v)", what, errA, errB)
	}
}

// TestLocalPackageAgain makes an image again only if the user gives the very file.
func TestLocalPackageAgain(t *testing.T) {
	t.Parallel()
	l := newLocalCase(t)
	archive := l.build(t, "--image-file", l.image, "x")
	lock := strings.TrimSuffix(archive, ".txz") + ".lock.json"
	other := l.write(t, "other/tool-9.pkg", string(pkgtest.Package{Name: "tool", Version: "9"}.Archive()))
	renamed := l.write(t, "renamed.pkg", string(l.text))
	moved := t.TempDir()
	if err := os.WriteFile(moved+"/own.ucl", []byte("image x { packages = [ ./pkgs/tool-9.pkg, above ] }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lacks := "tool-9: the file pkgs/tool-9.pkg with the sha256 " + sum.HexSHA256(l.text) + " is not given; name it with --package"
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"the definition's folder", []string{"--image-file", l.image}, 0, ""},
		{"by name, and the definition", []string{"--image-file", moved + "/own.ucl", "--package", renamed}, 0, ""},
		{"by name, the definition is the lock's", []string{"--package", renamed}, 4, "unvouched: the definition of image x is the lock's"},
		{"not given", nil, 4, lacks},
		{"another of the same name and version", []string{"--package", other}, 4, lacks},
	} {
		args := append([]string{"verify", "--rebuild", "-q", "--repo", "ports=" + l.repo, "--cache", t.TempDir(), archive}, tt.args...)
		if status, said := orlop(t, args...); status != tt.status || !strings.Contains(said, tt.want) {
			t.Errorf("%s: status %d, wanted %d and %s: %s", tt.name, status, tt.status, tt.want, said)
		}
	}
	sameArchive(t, archive, l.build(t, "--lock", lock, "--package", renamed), "from the lock")
	for name, want := range map[string]string{other: lacks, "tool": "--package tool: the lock decides that"} {
		if status, said := orlop(t, "build", "-q", "--repo", "ports="+l.repo, "--cache", t.TempDir(), "-o", t.TempDir(), "--lock", lock, "--package", name); status == 0 || !strings.Contains(said, want) {
			t.Errorf("from the lock, with %s: status %d: %s", name, status, said)
		}
	}
}

// TestLocalPackageNamed takes a file that the command line names, wherever it is.
func TestLocalPackageNamed(t *testing.T) {
	t.Parallel()
	l := newLocalCase(t)
	archive := l.build(t, "--name", "x", "--package", filepath.Join(l.own, "pkgs/tool-9.pkg"), "--package", "above")
	lock, err := os.ReadFile(strings.TrimSuffix(archive, ".txz") + ".lock.json")
	if err != nil || !strings.Contains(string(lock), `"path": "tool-9.pkg"`) || strings.Contains(string(lock), l.own) {
		t.Errorf("got the lock %v\n%s", err, lock)
	}
}

// TestLocalPackageRefused takes only regular files in the definition's folder, that fit.
func TestLocalPackageRefused(t *testing.T) {
	t.Parallel()
	l := newLocalCase(t)
	archive := func(p pkgtest.Package) string { return string(p.Archive()) }
	l.write(t, "arm.pkg", archive(pkgtest.Package{Name: "arm", ABI: "FreeBSD:15:aarch64"}))
	l.write(t, "needs.pkg", archive(pkgtest.Package{Name: "needs", Deps: []string{"gone"}}))
	l.write(t, "tool-8.pkg", archive(pkgtest.Package{Name: "tool", Version: "8"}))
	l.write(t, "text.pkg", "no package")
	if err := os.Symlink("tool-8.pkg", filepath.Join(l.own, "link.pkg")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(l.own, "fifo.pkg"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		packages string
		status   int
		want     string
	}{
		{"./absent.pkg", 4, "local package absent.pkg: no such file or directory"},
		{"./link.pkg", 4, "local package link.pkg: is a symbolic link"},
		{"./fifo.pkg", 4, "local package fifo.pkg: is a FIFO"},
		{"./text.pkg", 5, "text.pkg: "},
		{"../tool.pkg", 2, "is outside of the definition's folder; name it with --package"},
		{"/tool.pkg", 2, "is outside of the definition's folder; name it with --package"},
		{"./pkgs/../tool-8.pkg", 2, "is not a clean path of one file inside the definition's folder"},
		{`"./[t]ool-8.pkg"`, 2, "is not a clean path of one file inside the definition's folder"},
		{"./arm.pkg", 3, "arm is only available for FreeBSD:15:aarch64, wanted FreeBSD:15:amd64"},
		{"./needs.pkg", 3, "needs-1.0 depends on gone: gone is in no repository"},
		{"./tool-8.pkg, ./pkgs/tool-9.pkg", 2, "the local packages tool-8.pkg and pkgs/tool-9.pkg are both tool, wanted one of them"},
	} {
		file := l.write(t, "refused.ucl", "image x { packages = [ "+tt.packages+" ] }\n")
		args := []string{"plan", "--repo", l.repo, "--cache", t.TempDir(), "--abi", "FreeBSD:15:amd64", "--image-file", file, "x"}
		if status, said := orlop(t, args...); status != tt.status || !strings.Contains(said, tt.want) {
			t.Errorf("%s: status %d, wanted %d and %q: %s", tt.packages, status, tt.status, tt.want, said)
		}
	}
}
