// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/define"
)

// TestSameBytes builds the five images many times, each time under other
// circumstances that must not show, and compares every byte of the archives.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Asia/Kathmandu", "America/St_Johns", ""}
	langs := []string{"C", "de_DE.UTF-8", "tr_TR.ISO8859-9", ""}
	umasks := []string{"022", "077", "000", "027"}
	first := ""
	for i := range buildRounds {
		r := rand.New(rand.NewPCG(uint64(i), 0))
		work := t.TempDir()
		repo := filepath.Join(work, strings.Repeat("d/", i%4), "repo")
		shuffledSample(t, repo, r)
		images := define.StandardNames()
		r.Shuffle(len(images), func(a, b int) { images[a], images[b] = images[b], images[a] })
		tmp := filepath.Join(work, fmt.Sprintf("tmp%d", i))
		if err := os.Mkdir(tmp, 0o700); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("umask %s; exec orlop build -q -j %d --repo %s --exceptions %s/exceptions.ucl -o out %s", umasks[i%4], 1+i%5, repo, repo, strings.Join(images, " "))
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
		cmd.Dir = work
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + tmp, fmt.Sprintf("GOMAXPROCS=%d", 1+i%3),
			"TZ=" + zones[i%4], "LANG=" + langs[i%4], "LC_ALL=" + langs[(i+1)%4], "HOME=/nonexistent", fmt.Sprintf("USER=user%d", i)}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		got := sums(t, filepath.Join(work, "out"))
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatalf("build %d (%v):\n%s\nthe first:\n%s", i, cmd.Env, got, first)
		}
	}
}

// sums lists the archives of a folder with their sha256.
func sums(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txz"))
	if err != nil || len(files) != 5 {
		t.Fatalf("found %d archives, want 5 (%v)", len(files), err)
	}
	var lines []string
	for _, f := range files {
		lines = append(lines, filepath.Base(f)+" "+fileSum(t, f))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// shuffledSample copies the sample with the packages of its catalogue in
// another order, as pkg repo with several workers leaves them.
func shuffledSample(t *testing.T, dir string, r *rand.Rand) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS("sample")); err != nil {
		t.Fatal(err)
	}
	archive := unpacked(t, "sample/data.pkg")
	if _, err := archive.Next(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Packages []any `json:"packages"`
	}
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	r.Shuffle(len(data.Packages), func(a, b int) {
		data.Packages[a], data.Packages[b] = data.Packages[b], data.Packages[a]
	})
	for _, name := range []string{"data.pkg", "meta.conf"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pkgtest.WriteCatalogue(dir, data.Packages)
}
