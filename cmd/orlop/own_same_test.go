// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// ofFolder is a definition with files of its folder.
const ofFolder = `image app {
	packages = [ base, shop ]
	tree "/usr/local/www/site" { local = site; owner = www }
	file "/usr/local/bin/run" { local = run.sh }
	edit "/usr/local/etc/shop.ini" { append = [ "last = 1" ] }
}
`

// checkoutOf writes a folder of a definition, its files in some order and with some umask.
func checkoutOf(t *testing.T, dir string, umask fs.FileMode, reverse bool) string {
	t.Helper()
	names := []string{"site/index.html", "site/css/a.css", "site/css/b c.css", "site/new\nline", "run.sh", "app.ucl"}
	if reverse {
		slices.Reverse(names)
	}
	for i, name := range names {
		path, text, mode := filepath.Join(dir, name), "text of "+name, fs.FileMode(0o666)
		switch name {
		case "app.ucl":
			text = ofFolder
		case "run.sh":
			text, mode = "#!/bin/sh\n", 0o777
		}
		when := time.Unix(int64(1_000_000_000+i*umaskSeconds(umask)), 0)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err == nil {
			err = os.Chmod(path, mode&^umask)
		}
		if err == nil {
			err = os.Chtimes(path, when, when)
		}
		if err == nil && filepath.Dir(path) != dir {
			err = os.Chmod(filepath.Dir(path), 0o777&^umask)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "app.ucl")
}

func umaskSeconds(umask fs.FileMode) int { return 1 + int(umask)*1000 }

// TestOwnSame builds from two checkouts that nobody made alike: image and lock are the
// same, and so is what the flags of the command line stand for.
func TestOwnSame(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	var first []string
	for _, c := range []struct {
		dir     string
		umask   fs.FileMode
		reverse bool
	}{{"a", 0o022, false}, {"b/deep/er", 0o077, true}, {"c", 0, true}} {
		definition := checkoutOf(t, filepath.Join(t.TempDir(), c.dir), c.umask, c.reverse)
		out := t.TempDir()
		if status, said := orlop(t, "build", "-q", "--repo", repo, "-o", out, "--image-file", definition, "app"); status != 0 {
			t.Fatal(said)
		}
		archive := filepath.Join(out, "container-image-app.txz")
		sums := []string{fileSum(t, archive), fileSum(t, strings.TrimSuffix(archive, ".txz")+".lock.json")}
		if first == nil {
			first = sums
		}
		if !slices.Equal(sums, first) {
			t.Errorf("umask %03o: found %v, wanted %v", c.umask, sums, first)
		}
	}
}

// TestOwnFlags copies files and folders from elsewhere by flags. The definition that they
// stand for makes the same image, also onto standard output.
func TestOwnFlags(t *testing.T) {
	t.Parallel()
	repo, dir, out := t.TempDir(), t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	checkoutOf(t, filepath.Join(dir, "elsewhere"), 0o022, false)
	in := filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--name", "app", "--package", "base", "--package", "shop", "--copy", "../elsewhere/site:/usr/local/www/site", "--copy", "../elsewhere/run.sh:/usr/local/bin/run", "--entrypoint", "/usr/local/bin/run"}
	run := func(dir string, args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "orlop", args...)
		cmd.Dir = dir
		var said bytes.Buffer
		cmd.Stderr = &said
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v: %s", args, err, said.String())
		}
		return text
	}
	printed := run(in, append([]string{"build", "--print-definition"}, flags...)...)
	beside := filepath.Join(dir, "elsewhere", "printed.ucl")
	if err := os.WriteFile(beside, printed, 0o600); err != nil {
		t.Fatal(err)
	}
	run(in, append([]string{"build", "-q", "--repo", repo, "-o", out}, flags...)...)
	want := fileSum(t, filepath.Join(out, "container-image-app.txz"))
	run(in, "build", "-q", "--repo", repo, "-o", out, "--image-file", beside, "app")
	if got := fileSum(t, filepath.Join(out, "container-image-app.txz")); got != want {
		t.Errorf("the definition makes %s, the flags %s:\n%s", got, want, printed)
	}
	stream := filepath.Join(out, "stream")
	if err := os.WriteFile(stream, run(in, append([]string{"build", "-q", "--repo", repo, "-o", "-"}, flags...)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fileSum(t, stream); got != want {
		t.Errorf("the stream is %s, the file %s", got, want)
	}
}

// TestOwnMoved changes what is in the definition's folder between a lock and a build.
func TestOwnMoved(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	for name, tt := range map[string]struct {
		change func(dir string) error
		status int
		want   string
	}{
		"nothing":   {func(string) error { return nil }, 0, ""},
		"times":     {func(dir string) error { return os.Chtimes(dir+"/run.sh", time.Time{}, time.Unix(1, 0)) }, 0, ""},
		"a file":    {func(dir string) error { return os.WriteFile(dir+"/site/css/a.css", []byte("x"), 0o600) }, 5, "/usr/local/www/site/css/a.css: is sha256 2d7116"},
		"a mode":    {func(dir string) error { return os.Chmod(dir+"/run.sh", 0o644) }, 5, "/usr/local/bin/run: is sha256"},
		"a new one": {func(dir string) error { return os.WriteFile(dir+"/site/new", nil, 0o600) }, 5, "/usr/local/www/site/new: is in the definition's folder, is not in the lock"},
		"one less":  {func(dir string) error { return os.Remove(dir + "/site/index.html") }, 5, "/usr/local/www/site/index.html: is not in the definition's folder"},
		"a link for a file": {func(dir string) error {
			return os.Symlink("index.html", dir+"/site/l")
		}, 5, "/usr/local/www/site/l: is in the definition's folder"},
		"one that is named": {func(dir string) error { return os.Remove(dir + "/run.sh") }, 4, "local run.sh: no such file or directory"},
	} {
		dir, out := t.TempDir(), t.TempDir()
		definition := checkoutOf(t, dir, 0o022, false)
		if status, said := orlop(t, "lock", "-q", "--repo", repo, "-o", out, "--image-file", definition, "app"); status != 0 {
			t.Fatal(said)
		}
		if err := tt.change(dir); err != nil {
			t.Fatal(err)
		}
		made := t.TempDir()
		status, said := orlop(t, "build", "-q", "--repo", repo, "-o", made, "--image-file", definition, "--lock", filepath.Join(out, "container-image-app.lock.json"))
		if status != tt.status || !strings.Contains(said, tt.want) {
			t.Errorf("%s: status %d, wanted %d and %q: %s", name, status, tt.status, tt.want, said)
		}
		if left, err := os.ReadDir(made); status != 0 && (err != nil || len(left) > 0) {
			t.Errorf("%s: left %v (%v)", name, left, err)
		}
	}
}

// TestOwnRebuild makes an image again without the folder of its definition: the files come
// from the image itself, and nobody vouches for them.
func TestOwnRebuild(t *testing.T) {
	t.Parallel()
	repo, dir, out := t.TempDir(), t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	definition := checkoutOf(t, dir, 0o022, false)
	if status, said := orlop(t, "build", "-q", "--repo", repo, "-o", out, "--image-file", definition, "app"); status != 0 {
		t.Fatal(said)
	}
	archive := filepath.Join(out, "container-image-app.txz")
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--image-file", definition}, 0, ""},
		{nil, 4, "/usr/local/bin/run"},
		{[]string{"--trust-lock"}, 0, ""},
	} {
		status, said := orlop(t, append(append([]string{"verify", "-q", "--rebuild", "--repo", repo}, tt.args...), archive)...)
		if status != tt.status || !strings.Contains(said, tt.want) {
			t.Errorf("%q: status %d, wanted %d and %q: %s", tt.args, status, tt.status, tt.want, said)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "l.lock.json") // no image is beside it
	text, err := os.ReadFile(strings.TrimSuffix(archive, ".txz") + ".lock.json")
	if err == nil {
		err = os.WriteFile(elsewhere, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if status, said := orlop(t, "build", "-q", "--repo", repo, "-o", t.TempDir(), "--lock", elsewhere); status != 4 || !strings.Contains(said, "--image-file names its definition") {
		t.Errorf("from a lock alone: status %d: %s", status, said)
	}
}

// TestOwnUnreadable builds from a folder with a file that only root can read.
func TestOwnUnreadable(t *testing.T) {
	t.Parallel()
	repo, dir, out := t.TempDir(), t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	definition := checkoutOf(t, dir, 0o022, false)
	if err := os.Chmod(filepath.Join(dir, "site/css/a.css"), 0); err != nil {
		t.Fatal(err)
	}
	want, message, files := 1, "site/css/a.css: permission denied", 0
	if os.Geteuid() == 0 {
		want, message, files = 0, "", 2
	}
	status, said := orlop(t, "build", "-q", "--repo", repo, "-o", out, "--image-file", definition, "app")
	if status != want || !strings.Contains(said, message) {
		t.Errorf("status %d: %s", status, said)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != files {
		t.Errorf("found %v (%v)", left, err)
	}
}

// TestOwnCRLF notes a script that a checkout has given other ends of lines.
func TestOwnCRLF(t *testing.T) {
	t.Parallel()
	repo, dir := t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	definition := checkoutOf(t, dir, 0o022, false)
	if err := os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh\r\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	status, said := orlop(t, "build", "--repo", repo, "-o", t.TempDir(), "--image-file", definition, "app")
	if !strings.Contains(said, "/usr/local/bin/run: its first line ends in CR LF, so no program runs it") {
		t.Errorf("status %d, said %s", status, said)
	}
}
