// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/define"
)

func fileSum(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// orlop runs the program within the test.
func orlop(t *testing.T, args ...string) (status int, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	status = run(t.Context(), append([]string{"orlop"}, args...), &out, &said, func(string) (string, bool) { return "", false })
	return status, said.String()
}

// TestDamage builds an image of a package that is wrong in one way: the status
// and the message must be right, and nothing may be left.
func TestDamage(t *testing.T) {
	t.Parallel()
	type file = pkgtest.File
	good := file{Path: "/bin/a", Body: "hello"}
	one := func(files ...file) []pkgtest.Package { return []pkgtest.Package{{Name: "p", Files: files}} }
	changed := func(change func([]byte) []byte) []pkgtest.Package {
		return []pkgtest.Package{{Name: "p", Files: []file{good}, Bytes: change}}
	}
	tests := []struct {
		name   string
		pkgs   []pkgtest.Package
		status int
		want   string
	}{
		{"flipped byte", changed(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), 5, "p-1.0: p-1.0.pkg: sum is 2$"},
		{"truncated package", changed(func(b []byte) []byte { return b[:len(b)-1] }), 5, "p-1.0: p-1.0.pkg: size is "},
		{"wrong sum", one(file{Path: "/bin/a", Body: "hello", Sum: "1$" + strings.Repeat("0", 64)}), 5, "p-1.0: /bin/a: contents: sum is 1$2cf24"},
		{"extra member", one(good, file{Path: "/bin/b", Extra: true}), 5, "p-1.0: /bin/b: is in the archive, but not in the manifest"},
		{"absent member", one(good, file{Path: "/bin/b", Absent: true}), 5, "p-1.0: /bin/b: is in the manifest, but not in the archive"},
		{"member name with ..", one(file{Path: "/bin/../../etc/passwd", Body: "x"}), 5, "p-1.0: /bin/../../etc/passwd: path has the component .."},
		{"relative member name", one(file{Path: "bin/a", Body: "x"}), 5, "p-1.0: bin/a: path is not absolute"},
		{"hard link to outside", one(file{Path: "/bin/b", HardLink: "/etc/passwd", Sum: "1$" + strings.Repeat("0", 64)}), 5, `p-1.0: /bin/b: is a hard link to "/etc/passwd"`},
		{"entry below a symlink", one(file{Path: "/x", Symlink: "/etc"}, file{Path: "/x/passwd", Body: "x"}), 3, "/x: in both p and p: a link in the first, a directory that holds /x/passwd in the second"},
		{"unknown owner", one(file{Path: "/bin/a", Body: "x", Uname: "stranger"}), 3, `p: /bin/a: user "stranger" is not in the image's accounts`},
		{"unknown group", one(file{Path: "/bin/a", Body: "x", Gname: "strangers"}), 3, `p: /bin/a: group "strangers" is not in the image's accounts`},
		{"absent package", []pkgtest.Package{{Name: "p", Catalogue: func(m map[string]any) { m["repopath"] = "gone.pkg" }}}, 4, "p-1.0: gone.pkg of repository "},
		{"path that leaves the repository", []pkgtest.Package{{Name: "p", Catalogue: func(m map[string]any) { m["repopath"] = "../p.pkg" }}}, 5, `repopath "../p.pkg" is not a clean path inside the repository`},
		{"other version in the package", []pkgtest.Package{{Name: "p", Catalogue: func(m map[string]any) { m["version"] = "2.0" }}}, 5, "p-2.0: its manifest says p-1.0 for FreeBSD:15:amd64, the catalogue p-2.0"},
		{"two owners", append(one(good), pkgtest.Package{Name: "q", Files: []file{good}}), 3, "/bin/a: in both p and q: only one can own a file"},
		{"directories that disagree", []pkgtest.Package{{Name: "p", Dirs: []file{{Path: "/d", Mode: 0o755}}}, {Name: "q", Dirs: []file{{Path: "/d", Mode: 0o700}}}}, 3, "/d: in both p and q: directory is 0755 root:wheel in the first, 0700 root:wheel in the second"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			repo, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
			pkgtest.WriteRepo(repo, tt.pkgs...)
			args := []string{"build", "-q", "--repo", repo, "-o", out, "--revision", "15.0", "--branch", "RELEASE", "--name", "x"}
			for _, p := range tt.pkgs {
				args = append(args, "--package", p.Name)
			}
			status, said := orlop(t, args...)
			if status != tt.status || !strings.Contains(said, tt.want) {
				t.Errorf("status %d, wanted %d; said %s\nwanted %s", status, tt.status, said, tt.want)
			}
			if left, _ := os.ReadDir(out); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

// TestDamageAll reports independent faults together, and the gravest decides.
func TestDamageAll(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo,
		pkgtest.Package{Name: "p", Bytes: func(b []byte) []byte { b[9] ^= 1; return b }},
		pkgtest.Package{Name: "q", Catalogue: func(m map[string]any) { m["repopath"] = "gone.pkg" }})
	status, said := orlop(t, "build", "-q", "--repo", repo, "-o", t.TempDir(), "--revision", "15.0", "--branch", "RELEASE", "--name", "x", "--package", "*")
	if status != 5 || !strings.Contains(said, "orlop: p-1.0: ") || !strings.Contains(said, "orlop: q-1.0: ") {
		t.Errorf("status %d, said %s", status, said)
	}
}

// TestFullDisk builds into a file system with too little room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", dir).Run(); err != nil {
		t.Skip("only root on Linux can mount a small tmpfs; CI is")
	}
	defer exec.Command("umount", dir).Run()
	status, said := orlop(t, append([]string{"build", "-q", "--exceptions", "sample/exceptions.ucl", "--repo", "sample", "-o", dir}, define.StandardNames()...)...)
	if status != 1 || !strings.Contains(said, "no space left on device") {
		t.Errorf("status %d, said %s", status, said)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestVerifyDamage flips one bit of an archive at many places: none may pass.
func TestVerifyDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--exceptions", "sample/exceptions.ucl", "--repo", "sample", "-o", dir, "--format", "tar", "static"); status != 0 {
		t.Fatal(said)
	}
	path := filepath.Join(dir, "container-image-static.tar")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		at := len(whole) * i / 60
		if padding(whole, at) {
			continue // between two entries, where nothing depends on a byte
		}
		bad := bytes.Clone(whole)
		bad[at] ^= 4
		file := filepath.Join(t.TempDir(), fmt.Sprintf("%d.tar", i))
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if status, said := orlop(t, "verify", file); status != 5 || !strings.HasPrefix(said, "orlop: "+file+": ") {
			t.Errorf("byte %d: status %d, said %s", at, status, said)
		}
	}
}

// padding reports whether a byte lies in a run of zeros that fills a block.
func padding(b []byte, at int) bool {
	end := min(len(b), (at/512+1)*512)
	return len(bytes.Trim(b[at:end], "\x00")) == 0
}
