// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// bench is a comparison on repositories of one size, in a folder of its own.
type bench struct {
	orlop, dir string
	size       int64 // bytes of files
	rounds     int
	out        io.Writer

	costs   map[string][]cost // by row, a cost for each round
	rows    []string          // in the order in which they came
	digests map[string]string // by repository and flags, what orlop printed
}

// conventionalLimit is the size above which compare skips the conventional way, which
// takes many minutes and grows with the bytes.
const conventionalLimit = 1e9

// compare runs everything in rounds, so that a machine that is slow for a while is
// slow for all, and prints a table and ratios.
func (b *bench) compare() error {
	b.costs, b.digests = map[string][]cost{}, map[string]string{}
	for name, changed := range map[string]int{"repo": none, "first": 0, "middle": packages / 2, "last": packages - 1} {
		if err := writeRepo(b.path(name), b.size, changed); err != nil {
			return err
		}
	}
	if err := os.WriteFile(b.path("images.ucl"), []byte(familyImages), 0o666); err != nil {
		return err
	}
	for range b.rounds {
		for _, step := range []func() error{b.builds, b.pipelines, b.floors, b.family, b.verifies} {
			if err := step(); err != nil {
				return err
			}
		}
	}
	if b.size < conventionalLimit {
		if err := b.shell("conventional way", conventional, "", b.path("repo"), b.path("work")); err != nil {
			return err
		}
	}
	sizes, err := b.sizes()
	if err != nil {
		return err
	}
	b.report(sizes)
	return os.RemoveAll(b.dir)
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) note(row string, c cost) {
	if b.costs[row] == nil {
		b.rows = append(b.rows, row)
	}
	b.costs[row] = append(b.costs[row], c)
}

// build runs orlop on a repository. The digests must be the same for any number of
// processors and any contents of the store.
func (b *bench) build(row, repo, cache string, jobs int, more ...string) error {
	if strings.Contains(row, "cold") {
		if err := os.RemoveAll(b.path(cache)); err != nil {
			return err
		}
	}
	args := append([]string{"build", "-q", "--repo", b.path(repo), "--revision", "15.0", "--branch", "RELEASE",
		"--cache", b.path(cache), "-o", b.path("out"), "-j", strconv.Itoa(jobs)}, more...)
	c, text, err := measure(b.orlop, args...)
	if err != nil {
		return err
	}
	key := fmt.Sprintln(repo, more)
	if first := b.digests[key]; first != "" && first != text {
		return fmt.Errorf("%s: got\n%sbefore\n%s", row, text, first)
	}
	b.digests[key] = text
	if row != "" {
		b.note(row, c)
	}
	return nil
}

var oneImage = []string{"--name", "bench", "--package", "bench-*"}

func (b *bench) builds() error {
	for _, method := range []string{"gzip", "zstd"} {
		flags := append(slices.Clone(oneImage), "--compression", method)
		if err := b.build("orlop "+method+", cold, -j1", "repo", "cache", 1, flags...); err != nil {
			return err
		}
		if err := b.build("orlop "+method+", cold", "repo", "cache", runtime.NumCPU(), flags...); err != nil {
			return err
		}
		if err := b.build("orlop "+method+", warm", "repo", "cache", runtime.NumCPU(), flags...); err != nil {
			return err
		}
		for _, changed := range []string{"first", "middle", "last"} {
			if err := os.RemoveAll(b.path("copy")); err != nil {
				return err
			}
			if out, err := exec.Command("cp", "-a", b.path("cache"), b.path("copy")).CombinedOutput(); err != nil {
				return fmt.Errorf("cp: %w\n%s", err, out)
			}
			if err := b.build("orlop "+method+", "+changed+" package changed", changed, "copy", runtime.NumCPU(), flags...); err != nil {
				return err
			}
		}
	}
	return nil
}

// familyImages are five images in a row, as FreeBSD's are.
const familyImages = `
image one   { packages = [ "bench-149" ] }
image two   { parent = one; packages = [ "bench-02*" ] }
image three { parent = two; packages = [ "bench-03*", "bench-04*" ] }
image four  { parent = three; packages = [ "bench-05*", "bench-06*", "bench-07*", "bench-08*", "bench-09*", "bench-1[0-3]*" ] }
image five  { parent = four; packages = [ "bench-00*", "bench-01*", "bench-14[0-8]" ] }
`

func (b *bench) family() error {
	file := []string{"--image-file", b.path("images.ucl")}
	if err := b.build("orlop gzip, cold, largest of the family", "repo", "cache", runtime.NumCPU(), append(file, "five")...); err != nil {
		return err
	}
	return b.build("orlop gzip, cold, family of five", "repo", "cache", runtime.NumCPU(),
		append(file, "one", "two", "three", "four", "five")...)
}

// verifies checks an image, and hashes its layer, compressed and unpacked.
func (b *bench) verifies() error {
	layer, _, err := b.layout("gzip")
	if err != nil {
		return err
	}
	c, _, err := measure(b.orlop, "verify", "-q", filepath.Join(layer, "../../.."))
	if err != nil {
		return err
	}
	b.note("orlop verify", c)
	return b.shell("sha256sum and gunzip", `sha256sum "$0"; gzip -dc "$0" | sha256sum`, layer)
}

func (b *bench) pipelines() error {
	procs := strconv.Itoa(runtime.NumCPU())
	if err := b.shell("C pipeline gzip", `cat "$1"/bench-*.pkg | zstd -dc | pigz -6 -p "$0" | sha256sum`, procs, b.path("repo")); err != nil {
		return err
	}
	return b.shell("C pipeline zstd", `cat "$1"/bench-*.pkg | zstd -dc | zstd -3 -T"$0" | sha256sum`, procs, b.path("repo"))
}

// conventional is what a script does without orlop: a root on a disk, its tar file,
// gzip, digests, and an archive of these.
const conventional = `set -e
rm -rf "$2"; mkdir -p "$2/root" "$2/layout"
for p in "$1"/bench-*.pkg; do bsdtar -xf "$p" -C "$2/root"; done
bsdtar -cf "$2/root.tar" -C "$2/root" .
sha256sum "$2/root.tar" >"$2/layout/diffid"
gzip -6 -f "$2/root.tar"
mv "$2/root.tar.gz" "$2/layout/layer"
sha256sum "$2/layout/layer" >"$2/layout/digest"
bsdtar --xz -cf "$2/image.txz" -C "$2/layout" .
rm -rf "$2"`

func (b *bench) shell(row, script string, args ...string) error {
	c, _, err := measure("sh", append([]string{"-c", script}, args...)...)
	c.peak = 0 // of the shell
	if err == nil {
		b.note(row, c)
	}
	return err
}

func (b *bench) floors() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, method := range []string{"gzip", "zstd"} {
		_, text, err := measure(self, "floor", b.path("repo"), method)
		if err != nil {
			return err
		}
		var s steps
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return err
		}
		b.note("floor "+method, cost{wall: s.total() / float64(runtime.NumCPU()), cpu: s.total()})
	}
	return nil
}
