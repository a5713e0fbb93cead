// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// TestLimits gives runs more packages, and more entries of one, than they take:
// that is not wrong, but unsupported.
func TestLimits(t *testing.T) {
	t.Parallel()
	packages := t.TempDir()
	var entries []any
	for i := range 1_000_002 {
		entries = append(entries, json.RawMessage(fmt.Sprintf(
			`{"name":"p%d","origin":"o/p","version":"1","prefix":"/","abi":"FreeBSD:15:amd64","sum":"%064x","repopath":"p%d.pkg","pkgsize":1}`, i, i, i)))
	}
	pkgtest.WriteCatalogue(packages, entries)

	entry := t.TempDir() // pkgfile's own test has as many files
	options := map[string]string{}
	for i := range 2_000_003 {
		options[fmt.Sprint(i)] = "on"
	}
	pkgtest.WriteRepo(entry, pkgtest.Package{Name: "p", Keys: map[string]any{"options": options}, Catalogue: func(m map[string]any) { delete(m, "options") }})

	for _, tt := range []struct{ repo, want string }{
		{packages, `orlop: repository "FreeBSD-base": data.pkg: has 1000002 packages, wanted at most 1000000` + "\n"},
		{entry, "orlop: p-1.0: p-1.0.pkg: manifest: options: has 2000003 entries, wanted at most 2000000\n"},
	} {
		status, said := orlop(t, slices.Concat([]string{"build", "-q", "--repo", tt.repo, "-o", t.TempDir()}, image)...)
		if status != exitFailed || said != tt.want {
			t.Errorf("status %d, %.500q, wanted %d, %q", status, said, exitFailed, tt.want)
		}
	}
}
