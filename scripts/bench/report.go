// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// sizes returns, by method, the sizes of orlop's layer and of the C programs' output
// for the same tar file.
func (b *bench) sizes() (map[string][2]int64, error) {
	sizes := map[string][2]int64{}
	for method, peer := range map[string]string{"gzip": "pigz -6", "zstd": "zstd -3"} {
		layer, size, err := b.layout(method)
		if err != nil {
			return nil, err
		}
		out, err := exec.Command("sh", "-c", method+` -dc <"$0" | `+peer+" -c | wc -c", layer).Output()
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		if err != nil {
			return nil, err
		}
		sizes[method] = [2]int64{size, n}
	}
	return sizes, nil
}

// layout writes the image as a directory, and returns the path of its layer and the
// layer's size.
func (b *bench) layout(method string) (layer string, size int64, err error) {
	if err := os.RemoveAll(b.path("out")); err != nil {
		return "", 0, err
	}
	if err := b.build("", "repo", "cache", runtime.NumCPU(), append(oneImage, "--compression", method, "--format", "dir")...); err != nil {
		return "", 0, err
	}
	return largest(b.path("out"))
}

// largest finds the largest file: the layer, in an image layout.
func largest(dir string) (path string, size int64, err error) {
	err = filepath.WalkDir(dir, func(at string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			path, size = at, info.Size()
		}
		return err
	})
	return path, size, err
}

// report prints the cost of every row, and the ratios that matter.
func (b *bench) report(sizes map[string][2]int64) {
	fmt.Fprintf(b.out, "### %d MB in %d packages, %d processors, %d rounds\n\n", b.size/1e6, packages, runtime.NumCPU(), b.rounds)
	fmt.Fprint(b.out, "| | wall s | CPU s | peak MiB |\n|---|---|---|---|\n")
	for _, row := range b.rows {
		b.reportRow(row)
	}
	fmt.Fprint(b.out, "\n| ratio | is | wanted |\n|---|---|---|\n")
	for _, r := range []struct{ a, b, wanted string }{
		{"orlop gzip, cold", "C pipeline gzip", "≤ 0.42"},
		{"orlop gzip, cold", "floor gzip", "≤ 1.2"},
		{"conventional way", "orlop gzip, cold", "≥ 20"},
		{"orlop zstd, cold", "C pipeline zstd", "≤ 0.7"},
		{"orlop zstd, cold", "floor zstd", ""},
		{"orlop gzip, warm", "orlop gzip, cold", "≤ 0.08"},
		{"orlop gzip, first package changed", "orlop gzip, cold", "≤ 0.30"},
		{"orlop gzip, middle package changed", "orlop gzip, cold", "≤ 0.15"},
		{"orlop gzip, last package changed", "orlop gzip, cold", "≤ 0.30"},
		{"orlop gzip, cold, -j1", "orlop gzip, cold", "≥ 1.8"},
		{"orlop gzip, cold, family of five", "orlop gzip, cold, largest of the family", "≤ 1.15"},
		{"orlop verify", "sha256sum and gunzip", "near 1"},
	} {
		if b.costs[r.a] != nil {
			fmt.Fprintf(b.out, "| %s / %s | %.2f | %s |\n", r.a, r.b, b.ratio(r.a, r.b), r.wanted)
		}
	}
	fmt.Fprintf(b.out, "| size of the gzip layer / pigz -6 | %.3f | ≤ 1.06 |\n", float64(sizes["gzip"][0])/float64(sizes["gzip"][1]))
	fmt.Fprintf(b.out, "| size of the zstd layer / zstd -3 | %.3f | ≤ 1.08 |\n\n", float64(sizes["zstd"][0])/float64(sizes["zstd"][1]))
}

// reportRow prints the cost of a row.
func (b *bench) reportRow(row string) {
	peak := "–"
	if n := b.median(row, func(c cost) float64 { return float64(c.peak) }); n > 0 {
		peak = fmt.Sprintf("%.0f", n/(1<<20))
	}
	fmt.Fprintf(b.out, "| %s | %.2f | %.2f | %s |\n", row, b.median(row, wall), b.median(row, func(c cost) float64 { return c.cpu }), peak)
}

func wall(c cost) float64 { return c.wall }

func (b *bench) median(row string, of func(cost) float64) float64 {
	var list []float64
	for _, c := range b.costs[row] {
		list = append(list, of(c))
	}
	return median(list)
}

// ratio returns the median of the rounds' ratios: within one round both sides saw the
// same load on the machine.
func (b *bench) ratio(x, y string) float64 {
	var list []float64
	for i := range min(len(b.costs[x]), len(b.costs[y])) {
		list = append(list, b.costs[x][i].wall/b.costs[y][i].wall)
	}
	return median(list)
}
