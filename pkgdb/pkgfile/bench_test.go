// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/benchtest"
	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// manyFiles is a manifest with so many files.
func manyFiles(n int) []byte {
	var b strings.Builder
	b.WriteString("{" + head + `,"files":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"/usr/share/man/man%d/page%07d.3.gz":{"sum":%q,"uname":"root","gname":"wheel","perm":"0444","fflags":0,"mtime":1750000000}`, i*9/n, i, sha)
	}
	b.WriteString("}}")
	return []byte(b.String())
}

// BenchmarkParseManifest tells what a file of a manifest costs, which is the same
// of how many ever: time, and the memory that it keeps.
func BenchmarkParseManifest(b *testing.B) {
	for _, n := range []int{1000, 10_000, 40_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := manyFiles(n)
			benchtest.PerEntry(b, n, func() any {
				m, err := pkgfile.ParseManifest(text)
				if err != nil || m.Files.Len() != n {
					b.Fatal(err)
				}
				return m
			})
		})
	}
}
