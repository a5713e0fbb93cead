// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// base is how many files the image has whose peak memory is taken off: what orlop
// needs for any image.
const base = 1000

// entries measures what an entry costs, in images of many small files, with other
// ways to handle as many in the same rounds. Pkg is a pkg(8) to compare with, "" for
// none.
func (b *bench) entries(pkg string, counts []int) error {
	b.costs, b.digests = map[string][]cost{}, map[string]string{}
	for _, files := range append([]int{base}, counts...) {
		for name, changed := range map[string]bool{"repo": false, "changed": true} {
			if err := writeSmall(b.path(small(name, files)), files, changed); err != nil {
				return err
			}
		}
	}
	for round := range b.rounds {
		for _, files := range append([]int{base}, counts...) {
			if err := b.entriesRound(files); err != nil {
				return err
			}
			if round > 0 || files == base {
				continue
			}
			if err := b.entriesOnce(files, pkg); err != nil {
				return err
			}
		}
	}
	b.reportEntries(counts)
	return os.RemoveAll(b.dir)
}

// small is the name of something with so many files.
func small(name string, files int) string { return fmt.Sprintf("%s %d", name, files) }

// entriesRound measures orlop's commands, and the C programs that read and write the
// same layer.
func (b *bench) entriesRound(files int) error {
	flags := []string{"--name", "small", "--package", "small-*"}
	repo, changed, out := small("repo", files), small("changed", files), b.path("out")
	archive, before := filepath.Join(out, "container-image-small.txz"), b.path("before.txz")
	if err := b.build(small("cold", files), repo, "cache", runtime.NumCPU(), flags...); err != nil {
		return err
	}
	if err := b.build(small("warm", files), repo, "cache", runtime.NumCPU(), flags...); err != nil {
		return err
	}
	if err := os.Rename(archive, before); err != nil {
		return err
	}
	if err := b.build(small("one package changed", files), changed, "cache", runtime.NumCPU(), flags...); err != nil {
		return err
	}
	for row, args := range map[string][]string{"verify": {"verify", "-q", before}, "diff": {"diff", before, archive}} {
		c, _, err := measureStatus(map[string]int{"diff": 1}[row], b.orlop, args...)
		if err != nil {
			return err
		}
		b.note(small(row, files), c)
	}
	if files == base {
		return nil
	}
	layer, err := b.smallLayer(repo, flags)
	if err != nil {
		return err
	}
	if err := b.shell(small(pipelineRow, files), `set -e
mkfifo "$1/fifo"; sha256sum <"$1/fifo" >"$1/diffid" &
zstd -qdc "$1/layer.zst" | tee "$1/fifo" | pigz -6 -p "$0" | sha256sum
wait; rm "$1/fifo" "$1/diffid"`, strconv.Itoa(runtime.NumCPU()), b.dir); err != nil {
		return err
	}
	return b.shell(small(gunzipRow, files), `gzip -dc "$0" | sha256sum`, layer)
}

// The rows of C programs.
const (
	pipelineRow = "zstd, pigz -6, sha256sum twice"
	gunzipRow   = "gzip -d, sha256sum"
	bsdtarRow   = "bsdtar, unpack and pack"
	pkgRow      = "pkg(8) into a folder"
)

// smallLayer writes the image as a folder, and its tar file packed with zstd.
func (b *bench) smallLayer(repo string, flags []string) (layer string, err error) {
	if err := os.RemoveAll(b.path("out")); err != nil {
		return "", err
	}
	if err := b.build("", repo, "cache", runtime.NumCPU(), append(flags, "--format", "dir")...); err != nil {
		return "", err
	}
	if layer, _, err = largest(b.path("out")); err != nil {
		return "", err
	}
	_, _, err = measure("sh", "-c", `gzip -dc "$0" | zstd -q -3 -f -o "$1/layer.zst"`, layer, b.dir)
	return layer, err
}

// entriesOnce measures what takes minutes and grows with the files as everything does.
func (b *bench) entriesOnce(files int, pkg string) error {
	repo, work := b.path(small("repo", files)), b.path("work")
	err := b.shell(small(bsdtarRow, files), `set -e
rm -rf "$1"; mkdir -p "$1/root"
for p in "$0"/small-*.pkg; do bsdtar -xf "$p" -C "$1/root"; done
bsdtar -cf "$1/root.tar" -C "$1/root" .
rm -rf "$1"`, repo, work)
	if err != nil || pkg == "" {
		return err
	}
	return b.shell(small(pkgRow, files), `set -e
rm -rf "$1"; mkdir -p "$1"
INSTALL_AS_USER=yes "$2" -o ABI=FreeBSD:15:amd64 -o OSVERSION=1500000 -r "$1" add -q "$0"/small-*.pkg
rm -rf "$1"`, repo, work, pkg)
}

// reportEntries prints a row for each number of files, with what an entry costs above
// the base, and the ratios that matter.
func (b *bench) reportEntries(counts []int) {
	fmt.Fprintf(b.out, "### Many small files, %d processors, %d rounds\n\n", runtime.NumCPU(), b.rounds)
	fmt.Fprint(b.out, "| | files | wall s | µs a file | CPU s | peak MiB | bytes a file |\n|---|---|---|---|---|---|---|\n")
	for _, row := range []string{"cold", "warm", "one package changed", "verify", "diff", pipelineRow, gunzipRow, bsdtarRow, pkgRow} {
		for _, files := range append([]int{base}, counts...) {
			if b.costs[small(row, files)] != nil {
				b.reportEntry(row, files)
			}
		}
	}
	fmt.Fprint(b.out, "\n| ratio | files | is | wanted |\n|---|---|---|---|\n")
	for i, files := range counts {
		for _, r := range [][3]string{{"cold", pipelineRow, "≤ 1.1"}, {"warm", "cold", "≤ 0.15"}, {"verify", gunzipRow, "≤ 3"}, {"diff", "verify", "≤ 1.5"}} {
			fmt.Fprintf(b.out, "| %s / %s | %d | %.2f | %s |\n", r[0], r[1], files, b.ratio(small(r[0], files), small(r[1], files)), r[2])
		}
		if i > 0 {
			for _, row := range []string{"cold", "verify"} {
				fmt.Fprintf(b.out, "| %s, of %d files / of %d | | %.2f | ≤ %.2f |\n", row, files, counts[i-1],
					b.ratio(small(row, files), small(row, counts[i-1])), 1.05*float64(files)/float64(counts[i-1]))
			}
		}
	}
}

func (b *bench) reportEntry(row string, files int) {
	name := small(row, files)
	peak := func(c cost) float64 { return float64(c.peak) }
	memory := "– | –"
	if n := b.median(name, peak); n > 0 {
		each := "–"
		if files > base {
			each = fmt.Sprintf("%.0f", (n-b.median(small(row, base), peak))/float64(files-base))
		}
		memory = fmt.Sprintf("%.0f | %s", n/(1<<20), each)
	}
	seconds := b.median(name, wall)
	fmt.Fprintf(b.out, "| %s | %d | %.2f | %.1f | %.2f | %s |\n", row, files, seconds, 1e6*seconds/float64(files),
		b.median(name, func(c cost) float64 { return c.cpu }), memory)
}

// writeSmall makes a repository of packages with small files, one of them changed if
// asked. Ports have about as many in a package.
func writeSmall(dir string, files int, changed bool) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	packages := min(1000, files/100)
	pkgtest.WriteAll(dir, func(yield func(pkgtest.Package) bool) {
		for i := range packages {
			p := pkgtest.Package{Name: fmt.Sprintf("small-%04d", i)}
			if changed && i == packages/2 {
				p.Version = "2"
			}
			for j := range files / packages {
				text := fmt.Sprintf("%s %d %x\n", p.Name+p.Version, j, (i*7919+j)*104729)
				for n := (i + j) % 40; n > 0; n-- {
					text += fmt.Sprintf("line %d of %s\n", n, p.Name)
				}
				p.Files = append(p.Files, pkgtest.File{Path: fmt.Sprintf("/usr/local/share/%s/d%d/f%04d", p.Name, j%7, j), Body: text, Mode: 0o644})
			}
			if !yield(p) {
				return
			}
		}
	})
	return nil
}
