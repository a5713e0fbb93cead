// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci/layout"
)

// writing are commands that write into a folder, but for repository, folder and
// image.
var writing = map[string][]string{
	"build": {"build", "-q", "--exceptions", "sample/exceptions.ucl"},
	"dir":   {"build", "-q", "--exceptions", "sample/exceptions.ucl", "--format", "dir"},
	"lock":  {"lock", "-q"},
	"plan":  {"plan", "-q"},
}

// into completes one of them.
func into(name, repo, dir string, rest ...string) []string {
	return slices.Concat(writing[name], []string{"--repo", repo, "-o", dir}, rest)
}

// TestOutputsKilled ends runs while they wait for a repository. A signal leaves
// nothing, not even the folders that were made; what SIGKILL leaves the next run
// removes.
func TestOutputsKilled(t *testing.T) {
	t.Parallel()
	for name := range writing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, end := make(chan bool), make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				asked <- true
				<-end
			}))
			t.Cleanup(server.Close)
			t.Cleanup(func() { close(end) })
			dir := t.TempDir()
			for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
				cmd := exec.Command("orlop", into(name, server.URL, filepath.Join(dir, "new", "deep"), "--insecure-unsigned", "--cache", t.TempDir(), "static")...)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				<-asked
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				cmd.Wait()
				if code := cmd.ProcessState.ExitCode(); sig == syscall.SIGINT && code != 130 {
					t.Errorf("%v: status %d, wanted 130", sig, code)
				}
				left, err := os.ReadDir(dir)
				if err != nil || (len(left) > 0) != (sig == syscall.SIGKILL) {
					t.Errorf("%v: left %v (%v)", sig, left, err)
				}
			}
			out := filepath.Join(dir, "new", "deep")
			if status, said := orlop(t, into(name, "sample", out, "static")...); status != 0 {
				t.Errorf("status %d: %s", status, said)
			}
			left, err := os.ReadDir(out)
			for _, e := range left {
				if err != nil || !strings.HasPrefix(e.Name(), "container-image-static") {
					t.Errorf("left %s (%v)", e.Name(), err)
				}
			}
		})
	}
}

// mounted is a small file system, of which the test is the only user.
func mounted(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).Run(); err != nil {
		t.Skip("only root on Linux can mount a small tmpfs; CI is")
	}
	t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
	return dir
}

// TestOutputsStarved writes where there is too little room, and where nothing
// can be written: that is known before a repository is asked.
func TestOutputsStarved(t *testing.T) {
	t.Parallel()
	for name := range writing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			full := mounted(t, "size=16k")
			status, said := orlop(t, into(name, "sample", filepath.Join(full, "new", "deep"), "toolchain")...)
			if status != 1 || !strings.Contains(said, "no space left on device") {
				t.Errorf("full: status %d, said %s", status, said)
			}
			if left, err := os.ReadDir(full); len(left) > 0 || err != nil {
				t.Errorf("full: left %v (%v)", left, err)
			}
			status, said = orlop(t, into(name, "nowhere", mounted(t, "ro"), "static")...)
			if status != 1 || !strings.HasSuffix(said, ": cannot be written: read-only file system\n") || strings.Contains(said, "nowhere") {
				t.Errorf("read-only: status %d, said %s", status, said)
			}
		})
	}
}

// TestNormaliseOutputs writes a database where something else stands, and where
// there is no room. What stands there is not so much as read.
func TestNormaliseOutputs(t *testing.T) {
	t.Parallel()
	image := emptyDatabase(t)
	dir := t.TempDir()
	db := filepath.Join(dir, "db")
	for _, err := range []error{os.WriteFile(db, image, 0o600), os.Mkdir(dir+"/folder", 0o777), os.Symlink("db", dir+"/link"),
		os.Symlink("absent", dir+"/nowhere"), syscall.Mkfifo(dir+"/fifo", 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"folder": "/folder: found a folder, wanted a regular file or nothing there", "link": "/link: found a symbolic link, wanted a regular file or nothing there",
		"nowhere": "/nowhere: found a symbolic link, wanted a regular file or nothing there", "fifo": "/fifo: found a FIFO, wanted a regular file or nothing there",
		"absent/db": "stat " + dir + "/absent: no such file or directory", "db/db": dir + "/db: found a regular file, wanted a folder for what is written",
	} {
		before, _ := os.Lstat(filepath.Join(dir, name))
		args := [][]string{{"pkgdb", "normalise", "-o", filepath.Join(dir, name), db}}
		if name == "link" || name == "fifo" { // in its own place
			args = append(args, []string{"pkgdb", "normalise", filepath.Join(dir, name)})
		}
		for _, args := range args {
			if status, said := orlop(t, args...); status != 1 || !strings.HasPrefix(said, "orlop: ") || !strings.HasSuffix(said, want+"\n") || strings.Count(said, "\n") != 1 {
				t.Errorf("%s: status %d, said %s, wanted %s", args, status, said, want)
			}
		}
		if after, _ := os.Lstat(filepath.Join(dir, name)); before != nil && (after == nil || after.Mode() != before.Mode()) {
			t.Errorf("%s: is no longer there", name)
		}
	}
	full := mounted(t, "size=4k")
	if status, said := orlop(t, "pkgdb", "normalise", "-o", full+"/db", db); status != 1 || !strings.Contains(said, "no space left on device") {
		t.Errorf("full: status %d, said %s", status, said)
	}
	if left, err := os.ReadDir(full); len(left) > 0 || err != nil {
		t.Errorf("full: left %v (%v)", left, err)
	}
	if status, said := orlop(t, "pkgdb", "normalise", "-o", mounted(t, "ro")+"/db", dir+"/no.db"); status != 1 || !strings.HasSuffix(said, ": cannot be written: read-only file system\n") {
		t.Errorf("read-only: status %d, said %s", status, said)
	}
}

// TestFetchStarved has a store that cannot be written told before a repository
// is asked.
func TestFetchStarved(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	t.Cleanup(server.Close)
	store := filepath.Join(mounted(t, "ro"), "store")
	for _, command := range []string{"fetch", "build", "lock", "plan"} {
		status, said := orlop(t, command, "-q", "--insecure-unsigned", "--repo", server.URL, "--cache", store, "--name", "x", "--package", "p")
		if want := "orlop: store " + store + ": cannot be written: read-only file system\n"; status != 1 || said != want {
			t.Errorf("%s: status %d, said %s, wanted %s", command, status, said, want)
		}
	}
}

// TestReplacedMeanwhile puts somebody's things in place of outputs while they
// are made: they are judged again, and nothing at all is written.
func TestReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, pkgtest.Package{Name: "p", Files: []pkgtest.File{{Path: "/bin/p", Body: "p"}}})
	for name, f := range map[string]struct {
		make func(path string) error
		want string
	}{
		"a folder": {func(path string) error { return os.MkdirAll(path+"/notes", 0o777) }, "found a folder without index.json, wanted "},
		"a link":   {func(path string) error { return os.Symlink(repo, path) }, "found a symbolic link, wanted "},
		"a FIFO":   {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "found a FIFO, wanted "},
	} {
		for _, format := range []layout.Format{layout.Tar, layout.Dir} {
			out := t.TempDir()
			target := filepath.Join(out, "container-image-x"+format.Extension())
			cfg := hooks.Config{
				Input:    &input.Repositories{Repos: []catalog.Repo{{Name: defaultRepo, URL: repo}}},
				Request:  resolve.Request{Images: []string{"x"}, Custom: &define.Image{Name: "x", Packages: []string{"p"}}},
				Settings: lock.Settings{Compression: layer.Gzip}, Output: hooks.Output{Format: format, OutDir: out},
				Jobs: 1, Program: hooks.Program{Version: version},
			}
			cfg.Observe = func(e event.Event) {
				if e.Hook == "publish" {
					if err := f.make(target); err != nil {
						t.Error(err)
					}
				}
			}
			if _, err := hooks.Build(t.Context(), cfg); err == nil || !strings.HasPrefix(err.Error(), target+": "+f.want) {
				t.Errorf("%s, %s: got %v, wanted %s", format, name, err, f.want)
			}
			left, err := os.ReadDir(out)
			if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(target) || left[0].Type().IsRegular() {
				t.Errorf("%s, %s: left %v (%v), wanted what was put there", format, name, left, err)
			}
		}
	}
}
