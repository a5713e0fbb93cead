// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// signalRounds is how often each command is stopped beside the beginning of each of
// its hooks. A run takes seconds.
const signalRounds = 2

// TestSignals stops every command at the beginning of each of its hooks and in
// between, on inputs that keep it busy for some seconds. Only its own runs are
// beside one another, no other tests of this package.
func TestSignals(t *testing.T) {
	dir := t.TempDir()
	repo, made, database := filepath.Join(dir, "repo"), filepath.Join(dir, "made"), filepath.Join(dir, "db")
	busyRepository(t, repo, 30_000, 100)
	catalogue := t.TempDir()
	writeManyFiles(t, database, 100_000)
	server := httptest.NewServer(http.FileServer(http.Dir(repo)))
	t.Cleanup(server.Close)
	remote := []string{"--repo", server.URL, "--insecure-unsigned"}
	stored := []string{"--cache", filepath.Join(dir, "store")}
	for _, args := range [][]string{
		slices.Concat([]string{"build", "-q", "--format", "tar", "--repo", repo, "-o", made}, image),
		slices.Concat([]string{"fetch", "-q"}, remote, stored, image),
	} {
		if out, err := exec.Command("orlop", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	archive, digests := filepath.Join(made, "container-image-x.tar"), filepath.Join(dir, "CHECKSUM")
	large := filepath.Join(made, "container-image-large.tar") // no archive; its sum is compared all the same
	sum := writeZeros(t, large, 3<<30)
	if err := os.WriteFile(digests, fmt.Appendf(nil, "SHA256 (container-image-x.tar) = %s\nSHA256 (container-image-large.tar) = %s\n", fileSum(t, archive), sum), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []stopping{
		{name: "build", args: slices.Concat([]string{"build", "--repo", repo, "-o", "OUT"}, image)},
		{name: "build zstd dir", args: slices.Concat([]string{"build", "--compression", "zstd", "--format", "dir", "--repo", repo, "-o", "OUT"}, image)},
		{name: "build tar.zst from a store", args: slices.Concat([]string{"build", "--format", "tar.zst", "-o", "OUT"}, remote, stored, image)},
		{name: "build over a network", args: slices.Concat([]string{"build", "-o", "OUT"}, remote, image)},
		{name: "fetch", args: slices.Concat([]string{"fetch"}, remote, image)},
		{name: "lock", args: slices.Concat([]string{"lock", "--repo", repo, "-o", "OUT"}, image)},
		{name: "plan", args: []string{"plan", "--repo", catalogue, "-o", "OUT", "--revision", "15.0", "--branch", "RELEASE", "--name", "x", "--package", "p0*"}},
		{name: "build from a lock", args: []string{"build", "--lock", filepath.Join(made, "container-image-x.lock.json"), "--repo", repo, "-o", "OUT"}},
		{name: "verify", args: []string{"verify", archive}},
		{name: "verify --digests", args: []string{"verify", "--digests", digests, archive}},
		{name: "verify --rebuild", args: []string{"verify", "--rebuild", "--trust-lock", "--repo", repo, archive}},
		{name: "demo", args: []string{"demo"}},
		{name: "pkgdb dump", args: []string{"pkgdb", "dump", database}},
		{name: "pkgdb check", args: []string{"pkgdb", "check", database}},
		{name: "pkgdb normalise", args: []string{"pkgdb", "normalise", "-o", "OUT", database}},
		{name: "pkgdb diff", args: []string{"pkgdb", "diff", database, database}},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.name == "plan" {
				writeMany(catalogue)
			}
			s.stopEverywhere(t, signalRounds)
		})
	}
}

// writeZeros writes a sparse file and returns its sum.
func writeZeros(t *testing.T, file string, size int64) string {
	t.Helper()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	piece := make([]byte, 1<<20)
	for range size >> 20 {
		h.Write(piece)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
