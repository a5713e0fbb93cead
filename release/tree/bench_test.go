// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/benchtest"
)

// BenchmarkRead tells what an entry of an mtree file, in both styles, and of a
// METALOG costs, which is the same of how many ever: time, and the memory that it
// keeps.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		var paths, nested, log strings.Builder
		nested.WriteString("/set type=dir uname=root gname=wheel mode=0755\n.\n")
		for i := range n {
			fmt.Fprintf(&paths, "./usr/share/man/man%d/page%07d.3.gz type=file uname=root gname=wheel mode=0444 time=1750000000.0 size=%d\n", i%9, i, i)
			fmt.Fprintf(&nested, "    page%07d\n    ..\n", i)
			fmt.Fprintf(&log, "./usr/share/man/man%d/page%07d.3.gz type=file uname=root gname=wheel mode=444\n", i%9, i)
		}
		for name, read := range map[string]func() (any, int, error){
			"paths": func() (any, int, error) {
				l, err := ReadMtree(strings.NewReader(paths.String()), "x", "/")
				return l, len(l), err
			},
			"nested": func() (any, int, error) {
				l, err := ReadMtree(strings.NewReader(nested.String()), "x", "/")
				return l, len(l) - 1, err
			},
			"METALOG": func() (any, int, error) {
				l, err := ReadMetalog(strings.NewReader(log.String()), "x", func(string) bool { return true })
				return l, len(l), err
			},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				benchtest.PerEntry(b, n, func() any {
					list, found, err := read()
					if err != nil || found != n {
						b.Fatal(found, err)
					}
					return list
				})
			})
		}
	}
}
