// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"

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
		fmt.Fprintf(&b, `"/usr/share/man/man%d/page%07d.3.gz":{"sum":%q,"uname":"root","gname":"wheel","perm":"0444","fflags":0,"mtime":1750000000}`, i%9, i, sha)
	}
	b.WriteString("}}")
	return []byte(b.String())
}

// BenchmarkParseManifest tells what a file of a manifest costs, which is the same
// of how many ever: time, and the memory that it keeps.
func BenchmarkParseManifest(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := manyFiles(n)
			var m *pkgfile.Manifest
			before, begin := inUse(), worked()
			for b.Loop() {
				var err error
				if m, err = pkgfile.ParseManifest(text); err != nil || len(m.Files) != n {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(worked()-begin)/float64(b.N*n), "cpu-ns/entry")
			b.ReportMetric(float64(inUse()-before)/float64(n), "B/entry")
			runtime.KeepAlive(m)
			runtime.KeepAlive(text)
		})
	}
}

// inUse is the memory in use, in bytes.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// worked is the time of all processors that this program has had, in
// nanoseconds. Whatever else the machine does shows little in it.
func worked() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
