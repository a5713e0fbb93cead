// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// against compares, in turns, the commands that people wait for with those of another
// orlop: a warm build, verify, the demo, and a check of the image's database.
func (b *bench) against(other string) error {
	b.costs, b.digests = map[string][]cost{}, map[string]string{}
	if err := writeRepo(b.path("repo"), b.size, none); err != nil {
		return err
	}
	programs := []struct{ name, path string }{{"this", b.orlop}, {"other", other}}
	for _, p := range programs { // each fills a store of its own
		if err := b.againstBuild(p.name, p.path, false); err != nil {
			return err
		}
	}
	database := b.path("local.sqlite")
	if err := b.database(database); err != nil {
		return err
	}
	for range b.rounds {
		for _, p := range programs {
			if err := b.againstBuild(p.name, p.path, true); err != nil {
				return err
			}
			for row, args := range map[string][]string{
				"verify": {"verify", "-q", filepath.Join(b.path("out-"+p.name), "container-image-bench.txz")},
				"demo":   {"demo", "-q"}, "pkgdb check": {"pkgdb", "check", database},
			} {
				c, _, err := measure(p.path, args...)
				if err != nil {
					return err
				}
				b.note(row+", "+p.name, c)
			}
		}
	}
	fmt.Fprintf(b.out, "### %d MB, %d rounds\n\n| | this s | other s | ratio |\n|---|---|---|---|\n", b.size/1e6, b.rounds)
	for _, row := range []string{"warm build", "verify", "demo", "pkgdb check"} {
		fmt.Fprintf(b.out, "| %s | %.3f | %.3f | %.2f |\n", row, b.median(row+", this", wall), b.median(row+", other", wall), b.ratio(row+", this", row+", other"))
	}
	return os.RemoveAll(b.dir)
}

func (b *bench) againstBuild(name, path string, count bool) error {
	args := append([]string{"build", "-q", "--repo", b.path("repo"), "--revision", "15.0", "--branch", "RELEASE",
		"--cache", b.path("cache-" + name), "-o", b.path("out-" + name), "-j", strconv.Itoa(runtime.NumCPU())}, oneImage...)
	c, text, err := measure(path, args...)
	if err != nil {
		return err
	}
	if first := b.digests[""]; first != "" && first != text {
		return fmt.Errorf("%s makes\n%swanted\n%s", path, text, first)
	}
	b.digests[""] = text
	if count {
		b.note("warm build, "+name, c)
	}
	return nil
}

// database extracts the pkg database from the image.
func (b *bench) database(to string) error {
	layer, _, err := b.layout("gzip")
	if err != nil {
		return err
	}
	f, err := os.Open(layer)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if err != nil {
			return err
		}
		if h.Name == "var/db/pkg/local.sqlite" {
			text, err := io.ReadAll(t)
			if err != nil {
				return err
			}
			return os.WriteFile(to, text, 0o666)
		}
	}
}
