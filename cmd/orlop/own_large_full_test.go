// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
		used := peakOf(t, args...)
		t.Logf("%d MB: %s", used, strings.Join(args[:3], " "))
		if used > 200 {
			t.Errorf("%q took %d MB", args, used)
		}
	}
}

// peakOf runs the program, and returns the most memory that it had, in MB. Its usage does not
// say that: Linux counts what the test's own process had when it began the other one.
func peakOf(t *testing.T, args ...string) int {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "orlop", args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peak := 0
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%q: %v: %s", args, err, &said)
			}
			if peak == 0 {
				t.Fatal("its memory could not be read")
			}
			return peak
		case <-time.After(10 * time.Millisecond):
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)) // gone if it has ended
			if _, after, has := strings.Cut(string(status), "VmHWM:"); has && strings.Contains(string(status), "Name:\torlop") {
				kilobytes, _ := strconv.Atoi(strings.Fields(after)[0])
				peak = max(peak, kilobytes/1024)
			}
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
