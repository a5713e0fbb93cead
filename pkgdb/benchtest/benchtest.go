// SPDX-License-Identifier: BSD-2-Clause

// Package benchtest measures what an entry of a parser's input costs. It serves
// tests only.
package benchtest

import (
	"runtime"
	"syscall"
	"testing"
)

// PerEntry reports what each of n entries costs: the nanoseconds of all
// processors, and the bytes that what read returns keeps in memory. read fails
// the benchmark itself.
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
	runtime.KeepAlive(read) // its input was in use before, and still is
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
