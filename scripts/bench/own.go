// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// own measures an image of packages like those of ports on a parent that is there
// already, of so many megabytes.
func (b *bench) own(packages int) error {
	b.costs, b.digests = map[string][]cost{}, map[string]string{}
	if err := writeRepo(b.path("below"), b.size, none); err != nil {
		return err
	}
	if err := b.build("", "below", "cold", runtime.NumCPU(), "--name", "parent", "--package", "bench-*"); err != nil {
		return err
	}
	parent := b.path("parent.txz")
	if err := os.Rename(filepath.Join(b.path("out"), "container-image-parent.txz"), parent); err != nil {
		return err
	}
	for name, changed := range map[string]bool{"ports": false, "changed": true} {
		if err := writeSmall(b.path(name), packages*100, changed); err != nil {
			return err
		}
	}
	for range b.rounds {
		if err := b.ownRound(parent); err != nil {
			return err
		}
	}
	fmt.Fprintf(b.out, "### %d packages on a parent of %d MB, %d processors, %d rounds\n\n", packages, b.size/1e6, runtime.NumCPU(), b.rounds)
	fmt.Fprint(b.out, "| | wall s | CPU s | peak MiB |\n|---|---|---|---|\n")
	for _, row := range ownRows {
		fmt.Fprintf(b.out, "| %s | %.2f | %.2f | %.0f |\n", row, b.median(row, wall),
			b.median(row, func(c cost) float64 { return c.cpu }), b.median(row, func(c cost) float64 { return float64(c.peak) })/(1<<20))
	}
	fmt.Fprint(b.out, "\n| ratio | is |\n|---|---|\n")
	for _, r := range [][2]string{{ownRows[0], ownRows[1]}, {ownRows[2], ownRows[0]}, {ownRows[3], ownRows[0]}, {ownRows[5], ownRows[0]}} {
		fmt.Fprintf(b.out, "| %s / %s | %.2f |\n", r[0], r[1], b.ratio(r[0], r[1]))
	}
	return os.RemoveAll(b.dir)
}

// ownRows are what own measures.
var ownRows = []string{"cold, on the parent", "cold, without a parent", "warm, on the parent", "one package changed, on the parent", "verify", "verify --rebuild"}

func (b *bench) ownRound(parent string) error {
	flags := []string{"--name", "own", "--package", "small-*"}
	on := append(append([]string{}, flags...), "--parent", parent)
	archive := filepath.Join(b.path("out"), "container-image-own.txz")
	for _, step := range []struct {
		row, repo, cache string
		flags            []string
	}{{ownRows[1], "ports", "alone", flags}, {ownRows[0], "ports", "cache", on}, {ownRows[2], "ports", "cache", on}, {ownRows[3], "changed", "cache", on}} {
		if err := b.build(step.row, step.repo, step.cache, runtime.NumCPU(), step.flags...); err != nil {
			return err
		}
	}
	for row, args := range map[string][]string{
		ownRows[4]: {"verify", "-q", archive},
		ownRows[5]: {"verify", "-q", "--rebuild", "--trust-lock", "--repo", b.path("changed"), "--cache", b.path("rebuilt"), "--parent", parent, archive},
	} {
		c, _, err := measure(b.orlop, args...)
		if err != nil {
			return err
		}
		b.note(row, c)
	}
	return nil
}
