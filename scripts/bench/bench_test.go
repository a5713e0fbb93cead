// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci/layout"
)

// BenchmarkBuild makes an image of 84 MB of files, with nothing to go back to.
// It is there for profiles; the comparison with others is bench.sh.
func BenchmarkBuild(b *testing.B) {
	dir := b.TempDir()
	if err := writeRepo(dir, 84e6, none); err != nil {
		b.Fatal(err)
	}
	for _, c := range []layer.Compression{layer.Gzip, layer.Zstd} {
		for _, jobs := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s-j%d", c, jobs), func(b *testing.B) {
				b.SetBytes(84e6)
				for b.Loop() {
					_, err := hooks.Build(b.Context(), hooks.Config{
						Input: &input.Repositories{Repos: []catalog.Repo{{Name: "bench", URL: dir}}},
						Request: resolve.Request{Revision: "15.0", Branch: "RELEASE", Images: []string{"bench"},
							Custom: &define.Image{Name: "bench", Packages: []string{"bench-*"}}},
						Settings: lock.Settings{Compression: c}, Output: hooks.Output{Format: layout.TXZ, OutDir: b.TempDir()}, Jobs: jobs,
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
