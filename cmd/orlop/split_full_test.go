// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// TestLayersFrom keeps packages in the layers of a lock, whatever the rule says now.
func TestLayersFrom(t *testing.T) {
	t.Parallel()
	was := split(t, nil)
	lock := was + ".lock.json"
	names := lockedParts(t, was)
	at := func(parts [][]string, name string) int {
		return slices.IndexFunc(parts, func(p []string) bool { return slices.Contains(p, name) })
	}
	grown := func() []pkgtest.Package {
		list := portsLike(map[string]string{"small03": "1.1"})
		i := slices.IndexFunc(list, func(p pkgtest.Package) bool { return p.Name == "small03" })
		list[i].Keys["flatsize"] = 50_000_000
		return list
	}
	free := splitOf(t, grown())
	if parts := lockedParts(t, free); len(parts[at(parts, "small03")]) != 1 {
		t.Errorf("what has grown is in %v", parts)
	}
	kept := splitOf(t, grown(), "--layers-from", lock)
	if parts := lockedParts(t, kept); fmt.Sprint(parts) != fmt.Sprint(names) {
		t.Errorf("packages are in %v, were in %v", parts, names)
	}
	if got, want := moved(t, was, kept), []int{1 + at(names, "small03"), 6}; !slices.Equal(got, want) {
		t.Errorf("layers %v moved, wanted %v", got, want)
	}
	// One more goes where the rule puts it, one less leaves the others where they were.
	more := append(portsLike(nil), pkgtest.Package{Name: "small77", Files: []pkgtest.File{{Path: "/usr/local/bin/small77", Body: "x"}}},
		pkgtest.Package{Name: "huge-more", Files: []pkgtest.File{{Path: "/usr/local/bin/more", Body: "x"}}, Keys: map[string]any{"origin": "www/huge"}})
	more = slices.DeleteFunc(more, func(p pkgtest.Package) bool { return p.Name == "small05" })
	parts := lockedParts(t, splitOf(t, more, "--layers-from", lock))
	if at(parts, "huge-more") != at(names, "huge") || at(parts, "small77") != at(lockedParts(t, splitOf(t, more)), "small77") {
		t.Errorf("packages are in %v, were in %v", parts, names)
	}
	for i := range parts {
		parts[i] = slices.DeleteFunc(parts[i], func(name string) bool { return name == "huge-more" || name == "small77" })
		names[i] = slices.DeleteFunc(names[i], func(name string) bool { return name == "small05" })
	}
	if fmt.Sprint(parts) != fmt.Sprint(names) {
		t.Errorf("packages are in %v, were in %v", parts, names)
	}
}
