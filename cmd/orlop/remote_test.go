// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// BenchmarkMemory measures the memory of whole runs, over HTTP: with a package
// of 1 GB, and with a catalogue of 200 MB. B/peak is the largest resident set.
func BenchmarkMemory(b *testing.B) {
	for name, write := range map[string]func(dir string){"package of 1 GB": writeLarge, "catalogue of 200 MB": writeMany} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			write(dir)
			url := httptest.NewServer(http.FileServer(http.Dir(dir)))
			defer url.Close()
			var peak int64
			b.ResetTimer()
			for range b.N {
				cmd := exec.Command("orlop", "build", "-q", "--insecure-unsigned", "--repo", url.URL, "--cache", b.TempDir()+"/store", "-o", b.TempDir(),
					"--revision", "15.0", "--branch", "RELEASE", "--name", "x", "--package", "p")
				n, err := watch(cmd)
				if err != nil {
					b.Fatal(err)
				}
				peak = max(peak, n)
			}
			b.ReportMetric(float64(peak), "B/peak")
		})
	}
}

// watch runs a program and returns its largest resident set in bytes. What
// wait4 tells would be that of the process which began it, if that is larger.
func watch(cmd *exec.Cmd) (peak int64, err error) {
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			return peak, err
		case <-time.After(5 * time.Millisecond):
		}
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if _, rest, ok := strings.Cut(string(text), "VmHWM:"); ok {
			var n int64
			fmt.Sscan(rest, &n)
			peak = max(peak, n<<10)
		}
	}
}

// writeLarge writes a repository with a package of 1 GB that does not compress.
func writeLarge(dir string) {
	text := make([]byte, 1<<30)
	if _, err := io.ReadFull(rand.Reader, text); err != nil {
		panic(err)
	}
	pkgtest.WriteRepo(dir, pkgtest.Package{Name: "p", Files: []pkgtest.File{{Path: "/large", Body: string(text)}}})
}

// words are a text that packs as prose does.
func words(seed uint64) string {
	random := mrand.New(mrand.NewPCG(seed, 0))
	var b strings.Builder
	for range 250 {
		fmt.Fprintf(&b, "w%03d ", random.IntN(1000))
	}
	return b.String()
}

// writeMany writes a repository with a small package and a catalogue of as many
// others as make 200 MB: three times those of FreeBSD's ports, as large each.
func writeMany(dir string) {
	pkgtest.WriteRepo(dir, pkgtest.Package{Name: "p"})
	pkg := pkgtest.Package{Name: "p"}
	var entries []any
	pkg.Catalogue = func(m map[string]any) {
		entries = append(entries, m)
		for i := range 110_000 {
			other := maps.Clone(m)
			other["name"], other["desc"] = fmt.Sprintf("p%06d", i), words(uint64(i))
			other["deps"] = map[string]any{fmt.Sprintf("p%06d", i/2): map[string]string{"origin": "test/p", "version": "1.0"}, "p": map[string]string{"origin": "test/p", "version": "1.0"}}
			other["shlibs_required"] = []string{fmt.Sprintf("lib%d.so.1", i/7), "libc.so.7"}
			entries = append(entries, other)
		}
	}
	pkgtest.WriteRepo(dir, pkg)
	pkgtest.WriteCatalogue(dir, entries)
	if text, _ := json.Marshal(entries); len(text) < 190_000_000 {
		panic(fmt.Sprint("the catalogue has ", len(text), " bytes"))
	}
}
