// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// twoABIs writes repositories for two ABIs into a folder of each, and returns the
// command that builds an image from those below a URL or path.
func twoABIs(t *testing.T) (dir string, build func(url, out string, rest ...string) []string) {
	t.Helper()
	dir = t.TempDir()
	for _, machine := range []string{"amd64", "riscv64"} {
		repo := filepath.Join(dir, "FreeBSD:15:"+machine)
		if err := os.Mkdir(repo, 0o777); err != nil {
			t.Fatal(err)
		}
		pkgtest.WriteRepo(repo, cases["abi-"+machine]...)
	}
	return dir, func(url, out string, rest ...string) []string {
		return append([]string{"build", "-q", "--repo", url + "/${ABI}", "--abi", "FreeBSD:15:riscv64", "--abi", "FreeBSD:15:amd64",
			"--name", "x", "--package", "tool", "--package", "any", "-o", out}, rest...)
	}
}

// TestABIsKilled ends runs while they wait for a package of the last ABI. A signal
// leaves nothing, not even the folders that were made; what SIGKILL leaves the next run
// removes.
func TestABIsKilled(t *testing.T) {
	t.Parallel()
	repos, build := twoABIs(t)
	files := http.FileServer(http.Dir(repos))
	asked, end := make(chan bool), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "riscv64/tool-1.0.pkg") {
			asked <- true
			<-end
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(end) })
	dir := t.TempDir()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGKILL} {
		cmd := exec.Command("orlop", build(server.URL, filepath.Join(dir, "new"), "--insecure-unsigned", "--cache", t.TempDir())...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-asked
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		wanted := map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130, syscall.SIGKILL: -1}[sig]
		if code := cmd.ProcessState.ExitCode(); code != wanted {
			t.Errorf("%v: status %d, wanted %d", sig, code, wanted)
		}
		all, _ := os.ReadDir(dir)
		whole, _ := filepath.Glob(filepath.Join(dir, "new", "*", "container-*"))
		index, _ := filepath.Glob(filepath.Join(dir, "new", "container-*"))
		if len(whole)+len(index) > 0 || (len(all) > 0) != (sig == syscall.SIGKILL) {
			t.Errorf("%v: left %v, %v, %v", sig, whole, index, all)
		}
		if sig == syscall.SIGKILL { // for the next round, in which one of the folders is there
			if err := os.MkdirAll(filepath.Join(dir, "new", "riscv64"), 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	if status, said := orlop(t, build(repos, filepath.Join(dir, "new"))...); status != 0 {
		t.Errorf("status %d: %s", status, said)
	}
	for folder, want := range map[string]string{".": "amd64 container-image-x.index.tar riscv64", "amd64": "container-image-x.lock.json container-image-x.txz", "riscv64": "container-image-x.lock.json container-image-x.txz"} {
		var names []string
		entries, err := os.ReadDir(filepath.Join(dir, "new", folder))
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%s: got %s (%v), wanted %s", folder, got, err, want)
		}
	}
}

// TestABIsStarved has no room for the images of one ABI, or not the right: that is
// known before a repository is asked, unless the room runs out on the way.
func TestABIsStarved(t *testing.T) {
	t.Parallel()
	repos, build := twoABIs(t)
	status, said := orlop(t, build("nowhere", mounted(t, "ro"))...)
	if status != 1 || !strings.HasSuffix(said, ": cannot be written: read-only file system\n") {
		t.Errorf("read-only: status %d, said %s", status, said)
	}
	full := mounted(t, "size=16k")
	status, said = orlop(t, build(repos, filepath.Join(full, "new"))...)
	if status != 1 || !strings.Contains(said, "orlop: FreeBSD:15:") || !strings.Contains(said, "no space left on device") {
		t.Errorf("full: status %d, said %s", status, said)
	}
	if left, err := os.ReadDir(full); len(left) > 0 || err != nil {
		t.Errorf("full: left %v (%v)", left, err)
	}
	for options, want := range map[string]string{"ro": "cannot be written: read-only file system", "size=1m": "is on another file system than OUT, wanted it on the same"} {
		out := t.TempDir()
		one := filepath.Join(out, "riscv64")
		if err := errors.Join(os.Mkdir(one, 0o777), exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", one).Run()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = exec.Command("umount", one).Run() })
		status, said = orlop(t, build(repos, out)...)
		if want := "orlop: FreeBSD:15:riscv64: " + one + ": " + strings.ReplaceAll(want, "OUT", out) + "\n"; status != 1 || said != want {
			t.Errorf("%s: status %d, said %s, wanted %s", options, status, said, want)
		}
		if left, err := os.ReadDir(out); len(left) != 1 || err != nil {
			t.Errorf("%s: left %v (%v)", options, left, err)
		}
	}
}

// TestABIsOnce reads once what does not depend on the ABI: a catalogue that is for
// all, packages for any machine, and definitions that come through a pipe.
func TestABIsOnce(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, cases["abi-both"]...)
	files := http.FileServer(http.Dir(repo))
	var catalogues, wildcards atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/data.pkg"):
			catalogues.Add(1)
		case strings.HasSuffix(r.URL.Path, "/any-1.0.pkg"):
			wildcards.Add(1)
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(fifo, []byte(`image x { packages = [ tool, any ] }`), 0o600) }()
	status, said := orlop(t, "build", "-q", "--repo", server.URL, "--insecure-unsigned", "--cache", t.TempDir(), "--abi", "FreeBSD:15:amd64", "--abi", "FreeBSD:15:riscv64",
		"--image-file", fifo, "-o", t.TempDir(), "x")
	if status != 0 || catalogues.Load() != 1 || wildcards.Load() != 1 {
		t.Errorf("status %d, catalogue read %d times, package %d times; said %s", status, catalogues.Load(), wildcards.Load(), said)
	}
}

// TestABIsShared builds FreeBSD's images from what pkg(8) made for two ABIs, and
// compares them with those of single runs.
func TestABIsShared(t *testing.T) {
	t.Parallel()
	shared := filepath.Join("..", "..", "..", "shared")
	if _, err := os.Stat(shared); err != nil {
		t.Skip("the folder ../shared is not there; CI has it")
	}
	dir := t.TempDir()
	for abi, kind := range map[string]string{"FreeBSD:15:amd64": "unsigned", "FreeBSD:15:aarch64": "arm64"} {
		from, err := filepath.Abs(filepath.Join(shared, "repos", kind, abi, "15.0p3"))
		if err == nil {
			err = os.Symlink(from, filepath.Join(dir, abi))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	build := func(out string, abis ...string) {
		args := []string{"build", "-q", "--repo", dir + "/${ABI}", "--srcdir", shared + "/src", "-o", filepath.Join(dir, out), "static", "dynamic"}
		for _, abi := range abis {
			args = append(args, "--abi", abi)
		}
		if status, said := orlop(t, args...); status != 0 {
			t.Fatalf("%s: status %d, said %s", out, status, said)
		}
	}
	build("all", "FreeBSD:15:amd64", "FreeBSD:15:aarch64")
	build("amd64", "FreeBSD:15:amd64")
	build("aarch64", "FreeBSD:15:aarch64")
	for _, name := range []string{"amd64", "aarch64"} {
		if out, err := exec.Command("diff", "-r", filepath.Join(dir, "all", name), filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	for _, image := range []string{"static", "dynamic"} {
		index, name := filepath.Join(dir, image+".tar"), "container-image-"+image
		if status, said := orlop(t, "index", "-o", index, filepath.Join(dir, "all/aarch64", name+".txz"), filepath.Join(dir, "all/amd64", name+".txz")); status != 0 {
			t.Fatalf("%s: status %d, said %s", image, status, said)
		}
		if made := filepath.Join(dir, "all", name+".index.tar"); fileSum(t, made) != fileSum(t, index) {
			t.Errorf("%s differs from what orlop index makes", made)
		}
	}
}
