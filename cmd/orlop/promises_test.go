// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWarmBuildReads builds the same a second time: packages are not unpacked, but
// read, and one whose bytes have changed is found.
func TestWarmBuildReads(t *testing.T) {
	t.Parallel()
	repo, store, out := copied(t, "sample"), t.TempDir(), t.TempDir()
	args := []string{"build", "-q", "--repo", repo, "--cache", store, "-o", out, "static"}
	for range 2 {
		if status, said := orlop(t, args...); status != 0 {
			t.Fatal(said)
		}
	}
	file := filepath.Join(repo, "FreeBSD-zoneinfo-15.0.pkg")
	text, err := os.ReadFile(file)
	if err == nil {
		text[len(text)/2] ^= 1
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	const want = "orlop: FreeBSD-zoneinfo-15.0: FreeBSD-zoneinfo-15.0.pkg: sum is 2$"
	if status, said := orlop(t, args...); status != exitWrong || !strings.HasPrefix(said, want) {
		t.Errorf("status %d, said %s", status, said)
	}
}

// TestWhatDecides changes what the README says that the bytes of an image depend
// on, one thing at a time. Each makes another image, and stands in its lock.
func TestWhatDecides(t *testing.T) {
	t.Parallel()
	build := func(args ...string) (line, lock string) {
		t.Helper()
		out := t.TempDir()
		status, line, said := capture(t, append([]string{"build", "-q", "-o", out, "static"}, args...)...)
		text, err := os.ReadFile(filepath.Join(out, "container-image-static.lock.json"))
		if status != 0 || err != nil {
			t.Fatalf("%v: status %d, %s, %v", args, status, said, err)
		}
		return line, string(text)
	}
	plain, _ := build("--repo", "sample")
	if again, _ := build("--repo", "sample"); again != plain {
		t.Errorf("got %s, then %s", plain, again)
	}
	for _, tt := range []struct{ flag, value, inLock string }{
		{"--repo", "other=sample", `"name": "other"`},
		{"--compression", "zstd", `"compression": "zstd`},
		{"--pkgdb-schema", "39", `"pkgdb_schema": 39`},
		{"--branch", "RELEASE-p4", `"branch": "RELEASE-p4"`},
	} {
		args := []string{tt.flag, tt.value}
		if tt.flag != "--repo" {
			args = append(args, "--repo", "sample")
		}
		line, lock := build(args...)
		if line == plain || !strings.Contains(lock, tt.inLock) {
			t.Errorf("%v: got %s, and a lock with %s: %v", args, line, tt.inLock, strings.Contains(lock, tt.inLock))
		}
	}
}

// TestHosts compares the systems that CI vets with those that the README names.
func TestHosts(t *testing.T) {
	t.Parallel()
	ci, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"freebsd": "FreeBSD", "netbsd": "NetBSD", "openbsd": "OpenBSD", "dragonfly": "DragonFly BSD", "darwin": "macOS"}
	_, status, _ := strings.Cut(string(readme), "\n## Status\n")
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`([a-z]+)/(?:amd64|arm64)`).FindAllStringSubmatch(string(ci), -1) {
		seen[m[1]] = true
		if name := names[m[1]]; name == "" || !strings.Contains(status, name) {
			t.Errorf("CI vets for %s, which the README does not say", m[1])
		}
	}
	if len(seen) != len(names) {
		t.Errorf("CI vets for %v, wanted %v", seen, names)
	}
}
