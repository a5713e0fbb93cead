// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestPortsWithoutBase plans a catalogue as large as that of all ports, without
// the base packages that they need: few lines, and soon.
func TestPortsWithoutBase(t *testing.T) {
	t.Parallel()
	const n = 36_000
	fill := func(i int, e map[string]any) {
		e["shlibs_required"] = []string{"libc.so.7", fmt.Sprintf("lib%d.so", i%40)}
		if i%2 == 1 {
			e["deps"] = dependencies(fmt.Sprintf("port-%05d", i/2))
		}
	}
	begun := time.Now()
	status, stdout, stderr := said(t, planOf(catalogue(t, n, fill))...)
	if status != 0 || strings.Count(stdout, "\n") != n || strings.Count(stderr, "\n") != 2+20+1 ||
		!strings.Contains(stderr, "orlop: image all: libc.so.7: wanted by port-00000 and 35999 others, and nothing provides it\n") ||
		!strings.HasSuffix(stderr, "orlop: and 21 more (-v shows all)\n") {
		t.Errorf("libraries: status %d, %.2000s", status, stderr)
	}
	status, stdout, stderr = said(t, planOf(catalogue(t, n, func(i int, e map[string]any) {
		fill(i, e)
		e["deps"] = dependencies("base", fmt.Sprintf("base-%d", i%100))
	}), "-q", "--json")...)
	if status != 3 || strings.Count(stderr, "\n") != 21 || !strings.HasPrefix(stderr, "orlop: image all: base: wanted by port-00000 and 35999 others\n") ||
		!strings.HasSuffix(stderr, "orlop: and 81 more (-v shows all)\n") {
		t.Errorf("dependencies: status %d, %.2000s", status, stderr)
	}
	if f := lastObject(t, stdout); len(f.Faults) != 2*n {
		t.Errorf("dependencies: found %d faults, wanted %d", len(f.Faults), 2*n)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("took %v", took)
	}
}
