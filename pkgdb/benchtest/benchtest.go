// SPDX-License-Identifier: BSD-2-Clause

// Package benchtest measures what an entry of a parser's input costs. It is for
// tests only.
package benchtest

import (
	"runtime"
	"syscall"
	"testing"
)

// PerEntry reports the cost of each of n entries: the nanoseconds of all
// processors, and the bytes kept in memory by what read returns. read fails the
// benchmark itself.
func PerEntry(b *testing.B, n int, read func() any) {
	b.Helper()
	var kept any
	before, begin := inUse(), worked()
	for b.Loop() {
		kept = read()
	}
	b.ReportMetric(float64(worked()-begin)/float64(b.N*n), "cpu-ns/entry")
	b.ReportMetric(float64(inUse()-before)/float64(n), "B/entry")
	runtime.KeepAlive(kept)
	runtime.KeepAlive(read) // keep its input in use, as before
}

// inUse is the memory in use, in bytes.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// worked is the CPU time of this program, in nanoseconds. Other load on the
// machine hardly affects it.
func worked() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
