// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// large writes a file that nothing packs, of so many megabytes.
func large(t *testing.T, path string, megabytes int64) {
	t.Helper()
	f, err := os.Create(path)
	if err == nil {
		_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), megabytes<<20)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestOwnLarge has a file of 300 MB in an image, and makes it again from the image alone.
// No run takes more memory for that.
func TestOwnLarge(t *testing.T) {
	t.Parallel()
	repo, dir := t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	large(t, filepath.Join(dir, "big"), 300)
	definition := filepath.Join(dir, "app.ucl")
	if err := os.WriteFile(definition, []byte(`image app { packages = [ base ]; file "/srv/big" { local = big } }`), 0o600); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "container-image-app.tar")
	for _, args := range [][]string{
		{"build", "-q", "-j", "1", "--format", "tar", "--compression", "gzip:1", "--repo", repo, "-o", dir, "--image-file", definition, "app"},
		{"verify", "-q", archive},
		{"verify", "-q", "--rebuild", "--repo", repo, "--image-file", definition, archive},
		{"verify", "-q", "--rebuild", "--trust-lock", "--repo", repo, archive},
		{"build", "-q", "-j", "1", "--format", "tar", "--repo", repo, "-o", t.TempDir(), "--lock", filepath.Join(dir, "container-image-app.lock.json")},
	} {
		peak, err := watch(exec.CommandContext(t.Context(), "orlop", args...))
		if err != nil || peak == 0 {
			t.Fatalf("%q: %v, with a peak of %d bytes", args, err, peak)
		}
		used := peak >> 20
		t.Logf("%d MB: %s", used, strings.Join(args[:3], " "))
		if used > 200 {
			t.Errorf("%q took %d MB", args, used)
		}
	}
}

// TestOwnMany has 10,000 files in an image.
func TestOwnMany(t *testing.T) {
	t.Parallel()
	repo, dir := t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	files := map[string]string{}
	for i := range 10_000 {
		files[filepath.Join("site", string(rune('a'+i%26)), "f"+time.Duration(i).String())] = "x"
	}
	writeFiles(t, dir, files)
	definition := filepath.Join(dir, "app.ucl")
	if err := os.WriteFile(definition, []byte(`image app { packages = [ base ]; tree "/srv" { local = site; owner = www } }`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"build", "-q", "--repo", repo, "-o", dir, "--image-file", definition, "app"},
		{"verify", "-q", "--rebuild", "--repo", repo, "--image-file", definition, filepath.Join(dir, "container-image-app.txz")},
	} {
		if status, said := orlop(t, args...); status != 0 {
			t.Fatalf("status %d: %s", status, said)
		}
	}
}

// TestOwnStarved has too little room for a file of the definition, cannot write at all, or
// is killed meanwhile. Nothing is left, or the next run removes it.
func TestOwnStarved(t *testing.T) {
	t.Parallel()
	repo, dir := t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	large(t, filepath.Join(dir, "big"), 20)
	definition := filepath.Join(dir, "app.ucl")
	if err := os.WriteFile(definition, []byte(`image app { packages = [ base ]; file "/srv/big" { local = big } }`), 0o600); err != nil {
		t.Fatal(err)
	}
	build := func(out string) []string {
		return []string{"build", "-q", "--repo", repo, "-o", out, "--image-file", definition, "app"}
	}
	t.Run("killed", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out")
		begin := time.Now()
		if said, err := exec.Command("orlop", build(out)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		length := time.Since(begin)
		want := fileSum(t, filepath.Join(out, "container-image-app.txz"))
		killed := 0
		for range 10 {
			cmd := exec.Command("orlop", build(out)...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.Int64N(int64(length))))
			_ = cmd.Process.Kill() // it may have ended
			cmd.Wait()
			if !cmd.ProcessState.Success() {
				killed++
			}
			if got := fileSum(t, filepath.Join(out, "container-image-app.txz")); got != want {
				t.Errorf("a killed run left %s, wanted %s", got, want)
			}
		}
		if status, said := orlop(t, build(out)...); status != 0 {
			t.Errorf("status %d: %s", status, said)
		}
		if left, err := os.ReadDir(out); err != nil || len(left) != 2 || killed == 0 {
			t.Errorf("after %d kills: left %v (%v)", killed, left, err)
		}
	})
	t.Run("full", func(t *testing.T) {
		full := mounted(t, "size=4m")
		cmd := exec.Command("orlop", build(filepath.Join(full, "new"))...) // a process of its own has no file open there afterwards
		said, _ := cmd.CombinedOutput()
		if left, err := os.ReadDir(full); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(said), "no space left on device") || len(left) > 0 || err != nil {
			t.Errorf("%v, left %v (%v): %s", cmd.ProcessState, left, err, said)
		}
	})
	t.Run("read-only", func(t *testing.T) {
		if status, said := orlop(t, build(mounted(t, "ro"))...); status != 1 || !strings.HasSuffix(said, ": cannot be written: read-only file system\n") {
			t.Errorf("status %d: %s", status, said)
		}
	})
}
